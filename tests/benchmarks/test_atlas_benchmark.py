import shutil
from pathlib import Path

from pages_in_browser import chromium

from benchmarks import atlas
from gengap.studies.evidence import results_folder


def test_every_page_is_timed_and_the_slowest_is_told(tmp_path: Path) -> None:
    chromium()
    results = results_folder()
    assert results is not None
    shutil.copytree(results / "kawaguchi2017/theorem8", tmp_path / "results/theorem8")
    found = atlas.run(1, tmp_path / "results", tmp_path / "site")
    pages = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.html")}
    assert set(found["seconds"]) == pages
    assert all(taken["min"] > 0 for taken in found["seconds"].values())
    first, slowest = atlas.lines(found)
    assert "index.html" in first.what
    times = {name: taken["median"] for name, taken in found["seconds"].items()}
    assert max(times, key=lambda name: times[name]) in slowest.what
