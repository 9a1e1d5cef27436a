"""`gengap study`."""

import json
import os
from pathlib import Path

import pytest

from gengap.cli import main


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["study", *arguments])
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENGAP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)  # one thread
    return tmp_path


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "list", "--json")
    studies = {study["name"]: study for study in json.loads(out)["studies"]}
    assert code == 0
    assert studies["zhang2017/table1"]["reported"] == 38
    assert studies["zhang2017/table1"]["runs"]["paper"] == 19 * 3
    code, out, _ = _run(capsys, "list")
    assert code == 0
    assert "zhang2017/figure2b" in out


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "show", "zhang2017/table1")
    assert code == 0
    assert "Table 1, row 19" in out
    assert "  2. Weight decay is 0.0005" in out
    code, out, _ = _run(capsys, "show", "zhang2017", "--json")
    assert code == 0
    counts = {study["name"]: len(study["reported"]) for study in json.loads(out)["studies"]}
    figures = {"zhang2017/figure1a": 30, "zhang2017/figure1b": 33, "zhang2017/figure1c": 33, "zhang2017/figure2b": 4}
    assert counts.items() >= {**figures, "zhang2017/table1": 38}.items()


def test_run_writes_a_report_and_one_document(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    arguments = ("run", "zhang2017/figure1c", "--scale", "smoke", "--workers", "1", "--device", "cpu", "--json")
    code, out, err = _run(capsys, *arguments, "--out", str(home / "report"))
    assert code == 0
    study = json.loads(out)["studies"][0]
    assert (study["name"], study["scale"], len(study["rows"]), study["failed"]) == (
        "zhang2017/figure1c", "smoke", 3, [],
    )  # fmt: skip
    assert sum(comparison["n"] for comparison in study["comparisons"]) == 3
    assert str(home / "report" / "report.html") in err
    written = {path.name for path in (home / "report").iterdir()}
    charts = {
        f"{name}.{form}" for name in ("test-error", "test-error-test-labels-corrupted-too") for form in ("png", "svg")
    }
    assert written == {"report.html", "report.json", "rows.csv", *charts}


def test_a_study_without_reported_numbers_prints_its_tables(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    code, out, _ = _run(capsys, "run", "kawaguchi2017/theorem1", "--workers", "1", "--device", "cpu")
    assert code == 0
    table = next(part for part in out.split("\n\n") if part.startswith("Weights far from a solution"))
    header, *rows = table.splitlines()[1:]
    assert header.split()[:6] == ["labels", "seed", "n_train", "n_features", "rank", "norm"]
    assert [line.split()[0] for line in rows if line[:1] != " "][:11] == ["random"] + 10 * ["true"]
    assert "–" in rows[0]  # nothing was moved
    assert "--out DIR" in out


def test_a_failed_run_is_status_3_after_the_report(
    capsys: pytest.CaptureFixture[str], home: Path, monkeypatch: pytest.MonkeyPatch, in_this_process: None
) -> None:
    from gengap.train import training

    def broken(*arguments: object) -> None:
        raise RuntimeError("made up to fail")

    monkeypatch.setattr(training.Training, "advance", broken)
    code, out, err = _run(
        capsys, "run", "zhang2017/table1", "--workers", "1", "--device", "cpu", "--out", str(home / "report")
    )
    assert code == 3
    assert "made up to fail" in out, err
    assert "no result of 3 runs" in err
    assert "made up to fail" in (home / "report" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "zhang2017/tabel1"), "did you mean 'zhang2017/table1'"),
        (("run", "zang2017"), "did you mean 'zhang2017'"),
        (("run", "zhang2017", "--scale", "huge"), "huge"),
        (("run", "zhang2017", "--device", "tpu"), "Unknown device 'tpu'"),
        (("run", "zhang2017", "--scale", "desk"), "cifar10 is not in"),
    ],
)
def test_bad_input_is_status_2(
    capsys: pytest.CaptureFixture[str],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.setenv("GENGAP_DATA", str(home / "no-data"))
    code, out, err = _run(capsys, *arguments)
    assert code == 2
    assert message in err
    assert out == ""


def test_a_folder_that_cannot_be_written_is_told_before_training(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    (home / "file").write_text("")
    code, _, err = _run(capsys, "run", "zhang2017", "--out", str(home / "file" / "report"))
    assert code == 2
    assert "Cannot write the report" in err
    assert not (home / "home").exists()


def test_stored_shows_what_there_is_and_trains_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "run", "zhang2017/figure1c", "--stored", "--json")
    assert code == 0
    assert {row["status"] for row in json.loads(out)["studies"][0]["rows"]} == {"missing"}
