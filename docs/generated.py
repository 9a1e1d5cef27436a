"""Pages that are made when the docs are built: the gallery, by running its examples, and the commands' ``--help``."""

import ast
import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pygments.lexers.special import TextLexer

GALLERY = Path(__file__).parent / "gallery"
LEXERS = {"mermaid": TextLexer}


def write_pages(source: Path) -> None:
    """Writes ``generated/gallery.md`` and ``generated/commands.md`` under the folder of the docs' sources."""
    folder = source / "generated"
    folder.mkdir(exist_ok=True)
    (folder / "gallery.md").write_text(gallery_page(), encoding="utf-8")
    (folder / "commands.md").write_text(commands_page(), encoding="utf-8")


def gallery_page() -> str:
    """Every example with what it prints, in the order of the files' names."""
    sections = ["# Gallery\n\nShort programs, each run when this page was made."]
    for path in sorted(GALLERY.glob("*.py")):
        code = path.read_text(encoding="utf-8")
        title, _, words = (ast.get_docstring(ast.parse(code)) or path.stem).partition("\n")
        body = code.split('"""', 2)[2].strip()
        sections.append(
            f"## {title.rstrip('.')}\n\n{words.strip()}\n\n```python\n{body}\n```\n\n```text\n{printed(code, path)}```"
        )
    return "\n\n".join(sections) + "\n"


def printed(code: str, path: Path) -> str:
    """What an example prints, run in an empty folder with a store of its own; an error in it ends the build."""
    output = io.StringIO()
    with _empty_folder(), contextlib.redirect_stdout(output):
        exec(compile(code, str(path), "exec"), {"__name__": "__main__"})
    return output.getvalue()


@contextlib.contextmanager
def _empty_folder() -> Iterator[None]:
    before, home = Path.cwd(), os.environ.get("GENGAP_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["GENGAP_HOME"] = folder
        try:
            yield
        finally:
            os.chdir(before)
            if home is None:
                del os.environ["GENGAP_HOME"]
            else:
                os.environ["GENGAP_HOME"] = home


def commands_page() -> str:
    """What ``gengap COMMAND --help`` prints, for every command."""
    from gengap.cli import COMMANDS

    sections = ["# Commands\n\nExit status: 0 done; 1 a gate does not hold; 2 unusable input; 3 an internal error."]
    sections += [f"## gengap {name}\n\n{what}\n\n```text\n{_help(name)}```" for name, what in COMMANDS.items()]
    return "\n\n".join(sections) + "\n"


def _help(name: str) -> str:
    from gengap.cli import main

    output, columns = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100"
    try:
        with contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
            main([name, "--help"])
    finally:
        if columns is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = columns
    return output.getvalue()


if __name__ == "__main__":
    sys.stdout.write(commands_page())
