"""Every study: sound as it stands, its views drawn from made-up rows, and its smoke scale run."""

import math
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from lost_rows import check_each

import gengap.studies
from gengap.errors import InputError
from gengap.report import Figure, Table, write_page
from gengap.studies import SCALES, Outcome, Study, all_studies, find_studies, run_study
from gengap.studies.page import study_page
from gengap.studies.study import no_check, study

STUDIES = all_studies()
each_study = pytest.mark.parametrize("one", STUDIES, ids=lambda s: s.name)


def test_names_are_the_files_and_unique() -> None:
    root = Path(gengap.studies.__file__).parent
    names = [one.name for one in STUDIES]
    assert len(set(names)) == len(names)
    assert all((root / f"{name}.py").is_file() for name in names)


def test_a_study_that_has_not_its_files_name_is_refused() -> None:
    def other() -> Study:
        return STUDIES[0]

    with pytest.raises(ValueError, match="stands in the file of"):
        study(other)


def test_finding_leaves_torch_and_pandas_alone() -> None:
    code = "from gengap.studies import all_studies; [s.sweep('paper') for s in all_studies()]; import sys; "
    code += "sys.exit(bool({'torch', 'pandas', 'altair', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_paper_or_an_artifact_is_found_and_others_get_the_nearest() -> None:
    assert [one.name for one in find_studies("zhang2017/table1")] == ["zhang2017/table1"]
    assert {one.name for one in find_studies("zhang2017")} >= {f"zhang2017/{stem}" for stem in ("table1", "figure1a")}
    with pytest.raises(InputError, match=r"zhang2017/table1") as error:
        find_studies("zhang2017/tabel1")
    assert "did you mean 'zhang2017/table1'" in error.value.next_step


@each_study
def test_reported_numbers_are_whole(one: Study) -> None:
    for number in one.reported:
        assert math.isfinite(number.value)
        assert number.tolerance > 0
        assert number.place
        assert number.where
        if number.unit == "%":
            assert 0 <= number.value <= 100
    assert len({number.what for number in one.reported}) == len(one.reported)


@each_study
@pytest.mark.parametrize("scale", SCALES)
def test_a_sweep_has_each_configuration_once(one: Study, scale: str) -> None:
    configs = list(one.sweep(scale))
    assert configs
    assert len(set(configs)) == len(configs)
    assert one.cost[scale]
    assert (scale in one.scaled) == (scale != "paper")


@each_study
def test_paper_scale_measures_every_reported_number(one: Study) -> None:
    configs = [vars(config) for config in one.sweep("paper")]
    for number in one.reported:
        assert any(number.matches(config) for config in configs), number.what


@each_study
def test_a_claim_that_was_never_measured_cannot_be_judged(one: Study, small_home: None) -> None:
    from gengap.sweep import Options

    outcome = run_study(one, "smoke", Options(device="cpu", stored=True, progress=False))
    parts = outcome.claim_parts()
    assert one.check is not no_check
    assert {part.finding for part in parts} == {"cannot be judged"}
    assert outcome.to_json()["claim_check"]["finding"] == "cannot be judged"


NO_INPUTS = {"arora2019/depth", "gunasekar2017/initialisation", "gunasekar2017/measurements"}  # matrices alone
NO_DATA = {"arora2019/depth", "gunasekar2017/initialisation", "gunasekar2017/measurements", "morris2025/bits"}


class StartedError(Exception):
    """Something was about to run."""


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> None:
        raise StartedError

    monkeypatch.setattr("gengap.sweep.rows.run", run)


@each_study
def test_a_device_that_is_not_there_is_refused_before_anything_runs(one: Study, nothing_runs: None) -> None:
    from gengap.sweep import Options

    with pytest.raises(InputError, match="nope"):
        run_study(one, "smoke", Options(device="nope", progress=False))


@each_study
def test_data_that_are_not_there_are_refused_before_anything_runs(
    one: Study, nothing_runs: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from gengap.sweep import Options

    monkeypatch.setenv("GENGAP_DATA", str(tmp_path / "empty"))
    expected = StartedError if one.name in NO_DATA else InputError
    with pytest.raises(expected):
        run_study(one, "desk", Options(device="cpu", workers=1, progress=False))


@each_study
def test_smoke_scale_runs_and_is_stored(one: Study, small_home: None, tmp_path: Path) -> None:
    from gengap.sweep import Options

    options = Options(device="cpu", workers=1, progress=False)
    outcome = run_study(one, "smoke", options)
    assert not outcome.failed
    assert len(outcome.rows) >= len(one.sweep("smoke"))
    for comparison in outcome.comparisons():  # beside each number stands ours, or why there is none
        assert comparison.left_out or (comparison.ours is None) == bool(comparison.absence)
        assert comparison.ours is None or math.isfinite(comparison.ours)
    assert outcome.comparisons() or one.views  # a claim without numbers is shown
    assert all(isinstance(view, Figure | Table) for view in outcome.artifact().views)
    assert all(part.figures for part in outcome.claim_parts())
    assert bool(outcome.seen_as) == (one.name not in NO_INPUTS)  # what models were fed, in the rows and on the page
    assert outcome.seen_as == list(dict.fromkeys(row["seen_as"] for row in outcome.rows if row.get("seen_as")))
    check_each(outcome)
    again = run_study(one, "smoke", options)
    assert pd.DataFrame(again.rows).equals(pd.DataFrame(outcome.rows))
    _has_a_page(outcome, tmp_path)


def _has_a_page(outcome: Outcome, folder: Path) -> None:
    page = study_page(outcome.study.name, "smoke", [outcome.artifact()])
    text = write_page(page, folder, pd.DataFrame(outcome.rows), outcome.to_json()).read_text()
    assert outcome.study.scaled["smoke"][:40] in text
    assert "The claim against the rows of this run" not in text  # nothing is found at smoke scale
    assert "smoke scale only shows that the study runs" in text
