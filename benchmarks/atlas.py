"""Time until a page of the atlas can be used: from opening it from disk to the first moment the browser is idle.

Pages are opened in headless Chromium through Playwright, each in a fresh context, so that no script is compiled before.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.table import Line, spread, told
from gengap.tasks.atlas import atlas

GOAL_S = 1.0
# Milliseconds since the navigation began, at the first idle moment after the page and its charts are there.
INTERACTIVE = """() => new Promise(done => {
  const wait = () => requestIdleCallback(() => done(performance.now()));
  document.readyState === "complete" ? wait() : addEventListener("load", wait);
})"""


def browser_path() -> str | None:
    """The system's Chromium; None without one."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def obstacle() -> str | None:
    """Why the pages cannot be opened here."""
    return "there is no Chromium here" if browser_path() is None else None


def run(rounds: int, results: Path | None = None, out: Path | None = None) -> dict[str, Any]:
    """Seconds of every page, in as many rounds.

    Args:
        rounds: How often each page is opened.
        results: Folder of recorded results; None for all that come with gengap.
        out: Folder for the site; None for a temporary one.
    """
    if out is not None:
        return _timed(atlas(out, results=results).index.parent, rounds)
    with tempfile.TemporaryDirectory(prefix="gengap-benchmark-") as folder:
        return _timed(atlas(Path(folder) / "site", results=results).index.parent, rounds)


def _timed(site: Path, rounds: int) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    pages = sorted(site.rglob("*.html"))
    seconds: dict[str, list[float]] = {path.relative_to(site).as_posix(): [] for path in pages}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        for _ in range(rounds):
            for path in pages:
                context = browser.new_context()
                page = context.new_page()
                page.goto(path.as_uri(), wait_until="commit")
                seconds[path.relative_to(site).as_posix()].append(page.evaluate(INTERACTIVE) / 1000)
                context.close()
        browser.close()
    return {
        "bytes": {path.relative_to(site).as_posix(): path.stat().st_size for path in pages},
        "seconds": {name: spread(values) for name, values in seconds.items()},
    }


def lines(found: dict[str, Any]) -> list[Line]:
    """The first page, and the slowest one."""
    slowest = max(found["seconds"], key=lambda name: found["seconds"][name]["median"])
    drawn = []
    for what, name in (("the atlas's first page", "index.html"), (f"its slowest of {len(found['seconds'])}", slowest)):
        taken = found["seconds"][name]
        reached = "reached" if taken["median"] < GOAL_S else "missed"
        drawn.append(
            Line(f"{what}, {name}, until it can be used", told(taken, "s"), wanted=f"< {GOAL_S:g} s: {reached}")
        )
    return drawn
