import json
from pathlib import Path

import pytest

from gengap.errors import InputError
from gengap.studies import find_studies, run_study
from gengap.studies.evidence import recorded_results
from gengap.studies.report import write_report
from gengap.sweep import Options

NAME = "kawaguchi2017/theorem1"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    outcome = run_study(find_studies(NAME)[0], "smoke", Options(workers=1))
    write_report(NAME, "smoke", [outcome], folder / "any" / "place")
    return folder


def test_a_report_is_found_again_with_its_rows(results: Path) -> None:
    recorded = recorded_results(results)[NAME]
    written = json.loads((results / "any/place/report.json").read_text())
    assert recorded.outcome.scale == "smoke"
    assert recorded.folder == Path("any/place")
    assert list(recorded.outcome.rows) == written["rows"]
    assert recorded.provenance["command"] == f"gengap study run {NAME} --scale smoke"


def test_its_figures_are_redrawn_from_the_rows(results: Path, tmp_path: Path) -> None:
    recorded = recorded_results(results)[NAME]
    write_report(NAME, "smoke", [recorded.outcome], tmp_path, recorded.provenance)
    for path in (results / "any/place").glob("*.svg"):
        assert (tmp_path / path.name).read_text() == path.read_text()
    assert (tmp_path / "rows.csv").read_text() == (results / "any/place/rows.csv").read_text()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        recorded_results(tmp_path / "none")


def test_a_damaged_report_is_named(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{")
    with pytest.raises(InputError, match=r"report\.json"):
        recorded_results(tmp_path)


def test_a_file_in_place_of_the_folder_is_named_as_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file"):
        recorded_results(tmp_path / "file")


@pytest.mark.parametrize(
    "document",
    [
        {"studies": [{"name": NAME}]},
        {"studies": 1, "scale": "smoke", "rows": []},
        {"studies": [{"name": NAME}], "scale": "large", "rows": []},
        {"studies": [{"name": NAME}], "scale": "smoke", "rows": [{}]},
    ],
)
def test_a_report_without_what_one_of_studies_has_is_refused(tmp_path: Path, document: dict[str, object]) -> None:
    (tmp_path / "report.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match="has studies, but"):
        recorded_results(tmp_path)
