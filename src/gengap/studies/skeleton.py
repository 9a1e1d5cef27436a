"""The skeleton of a new study: a file that runs as it stands, for its author to rewrite from top to bottom."""

import re
from pathlib import Path

from gengap.errors import InputError

_NAME = re.compile(r"(?P<paper>[a-z]\w*)/(?P<artifact>[a-z]\w*)")


def write_skeleton(name: str, folder: Path | None = None) -> Path:
    """Writes the skeleton of the study ``name`` and returns its path; beside it, its account for the atlas.

    The paper's ``__init__.py`` is made if missing.

    Args:
        name: ``paper/artifact``, as in ``zhang2017/table1``: lower case letters, digits and underscores.
        folder: The folder of the studies; None for that of the package, where studies are found.

    Raises:
        InputError: A name of another form, or a file that exists already.

    >>> write_skeleton("Zhang 2017")
    Traceback (most recent call last):
    gengap.errors.InputError: 'Zhang 2017' is not a study's name.
    Expected: paper/artifact in lower case, such as zhang2017/table1
    """
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise InputError(
            f"{name!r} is not a study's name.", expected="paper/artifact in lower case, such as zhang2017/table1"
        )
    paper = (folder or Path(__file__).parent) / parts["paper"]
    file = paper / f"{parts['artifact']}.py"
    if file.exists():
        raise InputError(f"{file} exists already.", next_step="choose another name, or edit the file")
    paper.mkdir(parents=True, exist_ok=True)
    if not (paper / "__init__.py").exists():
        (paper / "__init__.py").write_text(f'"""{parts["paper"]}: authors, year and title."""\n')
    template = Path(__file__).with_name("skeleton.txt").read_text()
    file.write_text(template.replace("PAPER", parts["paper"]).replace("ARTIFACT", parts["artifact"]))
    file.with_suffix(".md").write_text(Path(__file__).with_name("skeleton.md").read_text())
    return file
