"""A static site that opens from disk: pages that share style, scripts, search and the library that draws charts."""

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path, PurePosixPath
from typing import Any

from gengap import __version__
from gengap.errors import InputError
from gengap.json_text import json_ready, json_text
from gengap.report import theme
from gengap.report.page import (
    LONG_PAGE,
    LONGEST_TABLE,
    Facts,
    Figure,
    Formatted,
    Section,
    Text,
    chart_library,
    charts_json,
    specifications,
    templates,
)

MANIFEST = "site.json"  # names the files of a site, so that it can be made again without touching others


@dataclass(frozen=True)
class SitePage:
    """One page of a site.

    Attributes:
        path: Where it is, with forward slashes, e.g. ``"studies/zhang2017-table1.html"``.
        title, lead: Its heading and the one or two sentences below it.
        sections: What stands on it.
        scripts: Files under ``assets/`` that it runs.
        data: What its scripts read, as JSON; None for none.
        previous, next: (path, title) of the pages that the arrow keys turn to.
    """

    path: str
    title: str
    lead: str
    sections: Sequence[Section]
    scripts: Sequence[str] = ()
    data: Any = None
    previous: tuple[str, str] | None = None
    next: tuple[str, str] | None = None

    @property
    def root(self) -> str:
        """The way from the page's folder to the site's: ``""`` or ``"../"``."""
        return "../" * (len(PurePosixPath(self.path).parts) - 1)

    def figures(self) -> list[Figure]:
        """The page's figures in reading order."""
        return [part for section in self.sections for part in section.parts if isinstance(part, Figure)]


def write_site(
    name: str, pages: Sequence[SitePage], files: Mapping[str, bytes], out_dir: str | Path, *, force: bool = False
) -> Path:
    """Writes a site and returns the path of its ``index.html``.

    Args:
        name: The site's name, in its head and titles.
        pages: Its pages; one of them is ``index.html``.
        files: Further files, by path.
        out_dir: The folder, made if missing.
        force: Write also where there are other files, which stay unless they have a page's name.

    Raises:
        InputError: The folder holds other files and ``force`` is not given, or cannot be written.
    """
    out = Path(out_dir)
    stale = _previous_files(out, force=force)
    contents = dict(files)
    for page in pages:
        contents |= _page_files(name, page)
    contents |= _shared_files(pages)
    contents[MANIFEST] = json_text({"files": sorted(contents), "gengap": __version__}).encode()
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".site-", dir=out) as draft:
            for path, content in contents.items():
                target = Path(draft) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            for path in contents:
                (out / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(Path(draft) / path, out / path)
        for path in stale - contents.keys():
            (out / path).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"Cannot write the site to {out}: {error.strerror or error}.",
            expected="a folder that can be written, or made, with room for it",
            next_step="choose another folder",
        ) from error
    return out / "index.html"


def _previous_files(out: Path, *, force: bool) -> set[str]:
    """The files of the site that stands in the folder already.

    Raises:
        InputError: There are others, and ``force`` is not given.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file.", expected="a folder", next_step="choose another --out")
    present = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} if out.exists() else set()
    try:
        known = {str(path) for path in json.loads((out / MANIFEST).read_text())["files"]} | {MANIFEST}
    except (OSError, ValueError, KeyError, TypeError):
        known = set()
    others = sorted(present - known)
    if others and not force:
        raise InputError(
            f"{out} holds files that are not of a site made here: {others[0]}{_and_more(len(others) - 1)}.",
            expected="an empty folder, or one with an earlier site",
            next_step="choose another --out, or add --force to write beside them",
        )
    return known & present


def _and_more(count: int) -> str:
    return f" and {count:,} more" if count else ""


def _page_files(site: str, page: SitePage) -> dict[str, bytes]:
    """The page and its pictures, by path."""
    stem = PurePosixPath(page.path).stem
    files: dict[str, bytes] = {}
    images: dict[str, dict[str, str]] = {}
    specs = specifications(page.figures())
    for name, spec in specs.items():
        png, svg = theme.pictures(spec)
        place = f"figures/{stem}/{name}"
        files |= {f"{place}.png": png, f"{place}.svg": svg.encode()}
        address = f"{page.root}{place}"
        images[name] = {"still": f"{address}.svg", "svg": f"{address}.svg", "png": f"{address}.png"}
    html = (
        templates()
        .get_template("site.html.j2")
        .render(
            site=site,
            page=page,
            root=page.root,
            version=__version__,
            data=json_ready(page.data),
            charts=charts_json(specs) if images else None,
            images=images,
            longest_table=LONGEST_TABLE,
            long_page=LONG_PAGE,
        )
    )
    return files | {page.path: html.encode()}


def _shared_files(pages: Sequence[SitePage]) -> dict[str, bytes]:
    """Style, scripts and the search index, under ``assets/``."""
    folder = Path(__file__).with_name("templates")
    names = ("style.css", "site.css", "search.js", "charts.js")
    files = {f"assets/{name}": (folder / name).read_bytes() for name in names}
    if any(page.figures() for page in pages):
        files["assets/chart-library.js"] = chart_library().encode()
    index = [{"path": p.path, "title": p.title, "lead": p.lead, "text": _plain_text(p)} for p in pages]
    files["assets/index.js"] = f"window.siteIndex = {json_text(index).strip()};\n".encode()
    return files


def _plain_text(page: SitePage) -> str:
    """The words of a page that are searched."""
    words = [page.lead]
    for section in page.sections:
        words.append(section.title)
        for part in section.parts:
            if isinstance(part, Text):
                words += part.paragraphs
            elif isinstance(part, Formatted):
                words.append(unescape(re.sub(r"<[^>]+>", " ", part.html)))
            elif isinstance(part, Figure):
                words.append(part.caption)
            elif isinstance(part, Facts):
                words += [fact.label for fact in part.facts]
    return " ".join(" ".join(words).split())
