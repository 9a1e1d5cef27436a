"""What an installation from the wheel has: the package with what it reads, and the results that the atlas shows."""

import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "gengap"
RESULTS = ROOT / "docs" / "results"
PICTURES = {".svg", ".png"}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    (path,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])
    with zipfile.ZipFile(path) as wheel:
        return set(wheel.namelist())


def test_it_has_every_file_of_the_package(names: set[str]) -> None:
    files = {path for path in SOURCE.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert {f"gengap/{path.relative_to(SOURCE).as_posix()}" for path in files} <= names
    assert "gengap/py.typed" in names


def test_it_has_the_recorded_results_without_their_pictures(names: set[str]) -> None:
    reports = {f"gengap/results/{path.relative_to(RESULTS).as_posix()}" for path in RESULTS.rglob("report.json")}
    assert reports <= names
    assert not [name for name in names if Path(name).suffix in PICTURES]


def test_it_has_the_licence_and_nothing_outside_the_package(names: set[str]) -> None:
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"gengap"}
