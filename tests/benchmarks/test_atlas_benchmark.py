import shutil
from pathlib import Path

import pytest
from pages_in_browser import chromium

from benchmarks import atlas
from gengap.studies.evidence import results_folder

SOME = ("index.html", "live/certificate.html", "studies/kawaguchi2017-theorem8.html")


@pytest.fixture
def few_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The atlas without most of its pages, which are opened in the tests of the atlas."""
    whole = atlas.atlas

    def small(out: Path, results: Path | None) -> object:
        made = whole(out, results=results)
        for page in out.rglob("*.html"):
            if page.relative_to(out).as_posix() not in SOME:
                page.unlink()
        return made

    monkeypatch.setattr(atlas, "atlas", small)


@pytest.mark.usefixtures("few_pages")
def test_every_page_is_timed_and_the_slowest_is_told(tmp_path: Path) -> None:
    chromium()
    results = results_folder()
    assert results is not None
    shutil.copytree(results / "kawaguchi2017/theorem8", tmp_path / "results/theorem8")
    found = atlas.run(1, tmp_path / "results", tmp_path / "site")
    pages = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.html")}
    assert set(found["seconds"]) == pages == set(SOME)
    assert all(taken["min"] > 0 for taken in found["seconds"].values())
    first, slowest = atlas.lines(found)
    assert "index.html" in first.what
    times = {name: taken["median"] for name, taken in found["seconds"].items()}
    assert max(times, key=lambda name: times[name]) in slowest.what
