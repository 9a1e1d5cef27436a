import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gengap.measures.registry import find_measures
from gengap.report import Formatted
from gengap.studies import all_studies, find_studies, run_study
from gengap.studies.evidence import Recorded, place, results_folder
from gengap.studies.outcome import Outcome
from gengap.studies.report import write_report
from gengap.sweep import Options
from gengap.tasks.atlas import Atlas, atlas
from gengap.tasks.atlas.live.guess import PANEL
from gengap.tasks.atlas.live.winsorising import winsorising

NAME = "kawaguchi2017/theorem1"


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.targets += [value for name, value in attrs if name in ("href", "src") and value]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    folder = tmp_path_factory.mktemp("atlas")
    outcome = run_study(find_studies(NAME)[0], "smoke", Options(workers=1))
    write_report(NAME, "smoke", [outcome], folder / "results")
    return atlas(folder / "site", results=folder / "results")


def test_each_study_has_a_page(made: Atlas) -> None:
    pages = {path.name for path in (made.index.parent / "studies").iterdir()}
    assert pages == {f"{study.name.replace('/', '-')}.html" for study in all_studies()}
    assert made.recorded == 1


def test_the_page_names_the_folder_of_the_results_that_were_given(made: Atlas) -> None:
    text = (made.index.parent / "studies/kawaguchi2017-theorem1.html").read_text()
    assert f"the rows are those of {made.index.parents[1] / 'results'}" in text
    assert "docs/results" not in text


def test_results_of_gengap_itself_are_named_as_in_its_repository() -> None:
    own = results_folder()
    assert own is not None
    assert place(own, Path("trial/report.json")) == "docs/results/trial/report.json"
    assert place(Path("mine"), Path("trial/report.json")) == "mine/trial/report.json"


def test_every_measure_of_the_game_predicts_a_larger_gap_where_it_is_larger() -> None:
    assert {measure.sign for measure in find_measures(list(PANEL))} == {1}


def winsorised(noise: float, c: float, wrong: float | None, test: float) -> dict[str, object]:
    return {
        "status": "done",
        "seed": 0,
        "noise": noise,
        "c": c,
        "corrupt_accuracy": wrong,
        "history": [{"train_accuracy": 0.5, "test_accuracy": test}],
    }


def test_the_page_of_winsorising_says_what_its_rows_say_and_what_became_of_the_claim() -> None:
    name = "chatterjee2020/winsorized"
    rows = [
        winsorised(0.0, 0.0, None, 0.9),
        winsorised(0.0, 8.0, None, 0.8),
        winsorised(0.5, 0.0, 0.99, 0.54),
        winsorised(0.5, 8.0, 0.36, 0.53),
    ]
    recorded = Recorded(Outcome(find_studies(name)[0], "desk", rows), Path(), "somewhere", {})
    piece = winsorising({name: recorded})
    assert piece is not None
    for figure in ("50%", "36.0%", "99.0%", "53.0%", "54.0%"):
        assert figure in piece.lead
    finding = piece.page().sections[0].parts[0]
    assert isinstance(finding, Formatted)
    assert "desk scale: " in finding.html
    assert "../studies/chatterjee2020-winsorized.html" in finding.html


def test_every_link_resolves_within_the_site(made: Atlas) -> None:
    for page in made.index.parent.rglob("*.html"):
        links = Links()
        links.feed(page.read_text())
        for target in links.targets:
            if not target.startswith(("#", "data:")):
                assert (page.parent / target).resolve().is_file(), f"{page.name}: {target}"


def test_nothing_points_to_a_network_address(made: Atlas) -> None:
    for page in made.index.parent.rglob("*.html"):
        assert not re.search(r"(?:href|src)=\"(?:https?:)?//", page.read_text())


def test_a_study_without_results_says_so_and_names_its_command(made: Atlas) -> None:
    text = (made.index.parent / "studies/zhang2017-table1.html").read_text()
    assert "Not run yet" in text
    assert "gengap study run zhang2017/table1 --scale desk" in text


def test_a_study_with_results_shows_figures_and_rows(made: Atlas) -> None:
    text = (made.index.parent / "studies/kawaguchi2017-theorem1.html").read_text()
    assert "<figure" in text
    assert (made.index.parent / "rows/kawaguchi2017-theorem1.csv").stat().st_size > 0
