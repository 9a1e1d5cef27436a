import json
from pathlib import Path

import pytest

from gengap.errors import InputError
from gengap.report import Section, SitePage, Text, write_site

INDEX = SitePage("index.html", "Home", "The lead.", [Section("First", [Text(["A <b>word</b>."])])])
PAGE = SitePage("pages/one.html", "One", "Lead.", [Section("S", [Text(["needle"])])], previous=("index.html", "Home"))


def test_pages_reach_shared_files_from_their_folder(tmp_path: Path) -> None:
    write_site("site", [INDEX, PAGE], {}, tmp_path / "out")
    assert 'href="../assets/style.css"' in (tmp_path / "out/pages/one.html").read_text()
    assert 'href="assets/style.css"' in (tmp_path / "out/index.html").read_text()


def test_text_is_escaped(tmp_path: Path) -> None:
    path = write_site("site", [INDEX], {}, tmp_path)
    assert "A &lt;b&gt;word&lt;/b&gt;." in path.read_text()


def test_the_search_index_holds_the_words_of_each_page(tmp_path: Path) -> None:
    write_site("site", [INDEX, PAGE], {}, tmp_path)
    text = (tmp_path / "assets/index.js").read_text().removeprefix("window.siteIndex = ").rstrip().rstrip(";")
    assert {page["path"]: "needle" in page["text"] for page in json.loads(text)} == {
        "index.html": False,
        "pages/one.html": True,
    }


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match=r"thesis\.tex"):
        write_site("site", [INDEX], {}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    write_site("site", [INDEX], {}, tmp_path, force=True)
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_a_site_is_made_again_without_pages_that_are_gone(tmp_path: Path) -> None:
    write_site("site", [INDEX, PAGE], {}, tmp_path)
    write_site("site", [INDEX], {}, tmp_path)
    assert (tmp_path / "index.html").exists()
    assert not (tmp_path / "pages/one.html").exists()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="is a file"):
        write_site("site", [INDEX], {}, tmp_path / "out")
