"""Capacity on trial, end to end on the embedded digits: rows, promises, report, and running it again."""

import json
import os
from pathlib import Path

import pytest

from gengap import load
from gengap.cells.capacity_trials import Trial
from gengap.errors import InputError
from gengap.sweep import Options
from gengap.tasks.capacity import Capacity, capacity
from gengap.train import preset

RECIPE = preset("digits").model_copy(update={"epochs": 40, "precision": "float32", "memory_format": "contiguous"})
SMALL = Trial(examples=60, draws=1, twins=1)
OPTIONS = Options(device="cpu", workers=1, progress=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("capacity")


@pytest.fixture(scope="module")
def found(folder: Path) -> Capacity:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENGAP_HOME", str(folder))
        patch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
        digits = load("digits").take(80, 60)
        return capacity(digits, recipe=RECIPE, trial=SMALL, options=OPTIONS, store=folder / "s.db", out=folder / "out")


def test_a_network_that_fits_anything_is_promised_nothing(found: Capacity) -> None:
    classical = found.promises[~found.promises["measure"].str.startswith("held-out")]
    assert len(found.promises) == 2 * 5
    assert (classical["bound"].dropna() >= 1).all()
    assert "none of the others" in found.sentence
    for row in found.rows:
        assert row["train_accuracy"] == 1.0
        assert row["rademacher"] > 0.8
        assert row["trial_n"] == 60


def test_the_vc_dimension_does_not_look_at_labels(found: Capacity) -> None:
    true, random = found.rows
    assert true["vc_dimension"] == random["vc_dimension"]
    assert true["test_accuracy"] > random["test_accuracy"]


def test_it_is_one_json_document_and_a_report(found: Capacity, folder: Path) -> None:
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert document["delta"] == 0.05
    assert len(document["promises"]) == 10
    page = (folder / "out" / "report.html").read_text()
    assert "Classical capacity on trial" in page
    assert found.sentence in page


def test_again_from_the_store_trains_nothing(found: Capacity, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gengap.train.train", None)
    digits = load("digits").take(80, 60)
    again = capacity(digits, recipe=RECIPE, trial=SMALL, options=OPTIONS, store=folder / "s.db")
    assert again.promises.equals(found.promises)


def test_stored_alone_says_what_is_missing(tmp_path: Path) -> None:
    digits = load("digits").take(80, 60)
    options = Options(device="cpu", stored=True)
    empty = capacity(digits, recipe=RECIPE, trial=SMALL, options=options, store=tmp_path / "empty.db")
    assert {row["status"] for row in empty.rows} == {"missing"}
    assert {row["trial_reason"] for row in empty.rows} == {"nothing was tried"}
    assert empty.promises["bound"].isna().all()


@pytest.mark.parametrize("bad", [{"draws": 0}, {"delta": 1.0}, {"examples": 0}])
def test_refuses_trials_that_cannot_be(bad) -> None:
    with pytest.raises(InputError, match="cannot be tried"):
        Trial(**bad)


def test_refuses_too_few_examples_and_unknown_levels(tmp_path: Path) -> None:
    digits = load("digits").take(5, 5)
    with pytest.raises(InputError, match="5 twins"):
        capacity(digits, recipe=RECIPE, trial=Trial(twins=5), options=Options(stored=True), store=tmp_path / "s.db")
    with pytest.raises(InputError, match="level"):
        capacity(digits, recipe=RECIPE, levels=(1.5,), store=tmp_path / "s.db")
