"""The skeleton of a study runs as it stands and passes what every study has to pass."""

from pathlib import Path

import pytest

import gengap.studies
from gengap.errors import InputError
from gengap.studies import SCALES, find_studies, run_study, skeleton, study
from gengap.studies.account import QUESTIONS, parsed
from gengap.sweep import Options


@pytest.fixture
def studies_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder beside the package's own in which studies are found too; what it registers is forgotten afterwards."""
    monkeypatch.setattr(gengap.studies, "__path__", [*gengap.studies.__path__, str(tmp_path)])
    monkeypatch.setattr(study, "_REGISTERED", dict(study._REGISTERED))
    return tmp_path


@pytest.mark.usefixtures("small_home")
def test_a_skeleton_is_found_and_runs(studies_folder: Path) -> None:
    file = skeleton.write_skeleton("doe2099/figure7", studies_folder)
    assert file == studies_folder / "doe2099" / "figure7.py"
    (one,) = find_studies("doe2099/figure7")
    assert all(one.sweep(scale) and one.cost[scale] for scale in SCALES)
    assert all(number.matches(vars(config)) for number in one.reported for config in one.sweep("paper")[:1])
    outcome = run_study(one, "smoke", Options(device="cpu", progress=False))
    true, half = outcome.rows
    assert (true["train_error"], half["train_error"]) == (0.0, 0.0)
    assert true["test_error"] < half["test_error"]
    assert len(outcome.artifact().views) == 1
    assert parsed(file.with_suffix(".md").read_text(), file.name).question in QUESTIONS


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    file = skeleton.write_skeleton("doe2099/figure7", tmp_path)
    file.write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        skeleton.write_skeleton("doe2099/figure7", tmp_path)
    assert file.read_text() == "mine"


@pytest.mark.parametrize("name", ["doe2099", "Doe/figure", "a/b/c", "a/../b", "1a/b", "a/b.py", ""])
def test_other_names_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a study's name"):
        skeleton.write_skeleton(name, tmp_path)
    assert not list(tmp_path.iterdir())
