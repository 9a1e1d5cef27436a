import json
from pathlib import Path

import pytest

from gengap.cli import main
from gengap.errors import InputError
from gengap.tasks.tour import Setting, Tour, task, tour
from gengap.tasks.tour.stop import Shown, Stop
from gengap.tasks.tour.stops import stops

SMALL = Setting(
    levels=(0.0, 1.0),
    pretraining_levels=(0.0, 1.0),
    epochs=2,
    images=200,
    recorded=(0, 1, 2),
    percentiles=(0.0, 8.0),
    alphas=(0.5,),
    points=10,
    paths=(20, 20),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tour:
    folder = tmp_path_factory.mktemp("tour")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENGAP_HOME", str(folder / "home"))
        return tour(folder / "page", setting=SMALL)


def test_each_stop_is_done_and_says_what_came_out(made: Tour) -> None:
    assert [(record["name"], record["status"]) for record in made.stops] == [(stop.name, "done") for stop in stops()]
    assert all(record["sentence"] for record in made.stops)


def test_the_page_shows_each_stop_and_the_commands_to_try_next(made: Tour) -> None:
    text = made.page.read_text()
    for stop in stops():
        assert f">{stop.title}</h2>" in text
    for command in made.to_json()["next"]:
        assert command in text
    assert (made.page.parent / "audit/report.html").is_file()
    assert len(list(made.page.parent.glob("*.png"))) == 8, "a picture of each chart"


def test_sgd_from_zero_reaches_the_least_norm_and_the_theorem_its_points(made: Tour) -> None:
    sentences = {record["name"]: record["sentence"] for record in made.stops}
    fraction = float(sentences["minimum norm"].split("the two is ")[1].split()[0])
    assert fraction < 1e-5
    assert "864 weights" in sentences["theorem 1"]  # 2 * 400 + 64


def test_a_stop_that_fails_does_not_end_the_tour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(setting: Setting, folder: Path) -> Shown:
        raise InputError("There are no digits.", expected="scikit-learn")

    def works(setting: Setting, folder: Path) -> Shown:
        return Shown("It is so.", [])

    two = [Stop("first", "The first", "Why.", fails, 3), Stop("second", "The second", "How.", works, 5)]
    monkeypatch.setattr(task, "stops", lambda: two)
    told: list[tuple[int, int | None, str]] = []
    seen: list[str] = []
    made = tour(
        tmp_path, progress=lambda *update: told.append(update), on_stop=lambda record: seen.append(record["status"])
    )
    assert seen == ["failed", "done"]
    assert [record["status"] for record in made.stops] == ["failed", "done"]
    assert "There are no digits." in made.page.read_text()
    assert json.loads((tmp_path / "report.json").read_text())["stops"][1]["sentence"] == "It is so."
    assert told == [(0, 8, "The first"), (3, 8, "The second"), (8, 8, "writing the page")]


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Cannot write"):
        tour(tmp_path / "file")


def test_a_folder_with_files_of_others_is_refused_and_an_earlier_tour_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = [Stop("first", "The first", "Why.", lambda setting, folder: Shown("It is so.", []), 3)]
    monkeypatch.setattr(task, "stops", lambda: only)
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(InputError, match=r"(?s)not of a tour: report.html.*--force"):
        tour(tmp_path)
    assert (tmp_path / "report.html").read_text() == "mine"
    assert "It is so." in tour(tmp_path, force=True).page.read_text()
    assert tour(tmp_path).page.is_file()
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"not of a tour: notes.txt\."):
        tour(tmp_path)


def test_each_claim_is_printed_when_it_is_shown_and_json_holds_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed: list[str] = []

    def second(setting: Setting, folder: Path) -> Shown:
        printed.extend(capsys.readouterr())
        return Shown("So is this.", [])

    two = [
        Stop("first", "The first", "Why.", lambda setting, folder: Shown("It is so.", []), 3),
        Stop("second", "The second", "How.", second, 5),
    ]
    monkeypatch.setattr(task, "stops", lambda: two)
    with pytest.raises(SystemExit):
        main(["tour", "--out", str(tmp_path / "page")])
    assert "The first" in printed[0]
    assert "It is so." in printed[0]
    # Off a terminal, each claim is told as it begins, by the times usual for those before it.
    assert printed[1].splitlines()[-2:] == ["After 0 of about 8 s: The first", "After 3 of about 8 s: The second"]
    end = capsys.readouterr().out
    assert "So is this." in end
    assert "The first" not in end
    with pytest.raises(SystemExit):
        main(["tour", "--json", "--out", str(tmp_path / "page")])
    assert [stop["name"] for stop in json.loads(capsys.readouterr().out)["stops"]] == ["first", "second"]
