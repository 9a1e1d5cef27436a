"""A checkpoint is continued from only if it is whole and belongs to the training; all else is set aside and said."""

import io
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from gengap.data import Problem, load
from gengap.train import Execution, Recipe, Run, checkpoint, train
from gengap.train.sealed_file import read_sealed, write_sealed

RECIPE = Recipe(epochs=4, batch_size=16)


class KilledError(Exception):
    pass


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "INTERVAL_S", 0.0)


@pytest.fixture(scope="module")
def problem() -> Problem:
    return load("digits").take(48, 16)


@pytest.fixture(scope="module")
def whole(problem: Problem) -> Run:
    return train(problem, RECIPE, 0, execution=Execution())


@pytest.fixture
def file(problem: Problem, tmp_path: Path) -> Path:
    """A checkpoint after two epochs of four."""

    def stop(done: int, total: int, text: str) -> None:
        if done == 2:
            raise KilledError

    path = tmp_path / "run"
    with pytest.raises(KilledError):
        train(problem, RECIPE, 0, execution=Execution(), checkpoint=path, report=stop)
    assert path.exists()
    return path


def _starts_afresh(problem: Problem, file: Path, whole: Run, reason: str = "") -> None:
    before, epochs = file.read_bytes(), []
    with pytest.warns(UserWarning, match=rf"run cannot be used: .*{reason}.*it is now run\.damaged.*starts afresh"):
        run = train(
            problem, RECIPE, 0, execution=Execution(), checkpoint=file, report=lambda done, *_: epochs.append(done)
        )
    assert epochs == [1, 2, 3, 4]
    assert file.with_name("run.damaged").read_bytes() == before
    assert all(torch.equal(value, whole.weights[name]) for name, value in run.weights.items())


def test_a_whole_one_is_continued_from(problem: Problem, file: Path, whole: Run) -> None:
    epochs: list[int] = []
    run = train(problem, RECIPE, 0, execution=Execution(), checkpoint=file, report=lambda done, *_: epochs.append(done))
    assert epochs == [3, 4]
    assert all(torch.equal(value, whole.weights[name]) for name, value in run.weights.items())


@pytest.mark.parametrize("seed", range(4))
def test_four_flipped_bits_are_noticed(problem: Problem, file: Path, whole: Run, seed: int) -> None:
    data, chance = bytearray(file.read_bytes()), random.Random(seed)
    for _ in range(4):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    file.write_bytes(data)
    _starts_afresh(problem, file, whole)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK" + bytes(1000)])
def test_what_is_no_checkpoint_is_set_aside(problem: Problem, file: Path, whole: Run, content: bytes) -> None:
    file.write_bytes(content)
    _starts_afresh(problem, file, whole, "no checksum")


def test_a_checkpoint_of_the_first_format_is_set_aside(problem: Problem, file: Path, whole: Run) -> None:
    torch.save({"identity": "an older one", "epoch": 2}, file)
    _starts_afresh(problem, file, whole, "no checksum")


def _edited(file: Path, edit: Any) -> None:
    """The content changed, and sealed again as a program with a fault would."""
    state = torch.load(io.BytesIO(read_sealed(file, checkpoint.FORMAT)), weights_only=True)
    state = edit(state) or state
    content = io.BytesIO()
    torch.save(state, content)
    write_sealed(file, content.getvalue(), checkpoint.FORMAT)


def _ones(state: dict[str, Any]) -> None:
    name, value = next(iter(state["parameters"].items()))
    state["parameters"][name] = value[..., :1].clone()  # would be broadcast


EDITS = {
    "broadcast": (_ones, "has not the shape"),
    "type": (
        lambda state: state["optimizer_state"].update({k: v.double() for k, v in state["optimizer_state"].items()}),
        "and the type",
    ),
    "no tensor": (lambda state: state["parameters"].update(dict.fromkeys(state["parameters"], 1)), "has not the shape"),
    "fewer weights": (lambda state: state["parameters"].popitem() and None, "another network"),
    "other content": (lambda state: {"weights": state["parameters"]}, "something else"),
    "a list": (lambda state: [1, 2], "something else"),
    "another run": (lambda state: state.update(identity="x"), "another run"),
    "an epoch too many": (lambda state: state.update(epoch=5), "epoch 5 of 4"),
    "a history too short": (lambda state: state["runs"][0]["history"].pop() and None, "history of 1 epochs after 2"),
    "no such replica": (lambda state: state.update(active=[3]), "runs"),
    "no runs": (lambda state: state.update(runs=[]), "one record"),
    "a column too few": (lambda state: state["runs"][0].pop("seconds") and None, "columns"),
}


@pytest.mark.parametrize("name", EDITS)
def test_content_of_another_form_is_set_aside(problem: Problem, file: Path, whole: Run, name: str) -> None:
    edit, reason = EDITS[name]
    _edited(file, edit)
    _starts_afresh(problem, file, whole, reason)


def test_another_run_is_not_continued(problem: Problem, file: Path) -> None:
    for other in ({"seed": 1}, {"recipe": RECIPE.model_copy(update={"learning_rate": 0.5})}):
        arguments = {"problem": problem, "recipe": RECIPE, "seed": 0} | other
        content = file.read_bytes()
        with pytest.warns(UserWarning, match="another run"):
            run = train(**arguments, execution=Execution(), checkpoint=file)
        assert len(run.history) == 4
        file.write_bytes(content)


def test_other_initial_weights_are_another_run(problem: Problem, file: Path) -> None:
    start = {name: value + 1 for name, value in train(problem, RECIPE, 0, execution=Execution()).weights.items()}
    with pytest.warns(UserWarning, match="another run"):
        train(problem, RECIPE, 0, execution=Execution(), checkpoint=file, start=start)


def test_a_checkpoint_that_cannot_be_written_costs_no_training(problem: Problem, tmp_path: Path, whole: Run) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.warns(UserWarning, match="cannot be written"):
        run = train(problem, RECIPE, 0, execution=Execution(), checkpoint=tmp_path / "file" / "run")
    assert all(torch.equal(value, whole.weights[name]) for name, value in run.weights.items())


def _begun(problem: Problem, path: Path, recipe: Recipe, execution: Execution) -> None:
    def stop(done: int, total: int, text: str) -> None:
        raise KilledError

    with pytest.raises(KilledError):
        train(problem, recipe, 0, execution=execution, checkpoint=path, report=stop)


@pytest.mark.parametrize("given", [None, Execution()])
def test_another_outcome_of_a_trial_does_not_throw_it_away(
    problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Execution | None
) -> None:
    """The recipe leaves the precision open: what has begun in bfloat16 ends so, and the run says so."""
    _begun(problem, tmp_path / "run", RECIPE, Execution(precision="bfloat16"))
    monkeypatch.setattr("gengap.train.loop.chosen_execution", None)  # no trial is made where a training has begun
    epochs: list[int] = []
    run = train(
        problem, RECIPE, 0, execution=given, checkpoint=tmp_path / "run", device="cpu",
        report=lambda done, *_: epochs.append(done),
    )  # fmt: skip
    assert epochs == [2, 3, 4]
    assert run.outcome()["precision"] == "bfloat16"


@pytest.mark.parametrize(
    ("precision", "begun", "given"), [("auto", "float32", "float64"), ("auto", "float64", "float32")]
)
def test_a_precision_that_is_asked_for_is_used(
    problem: Problem, tmp_path: Path, precision: str, begun: str, given: str
) -> None:
    recipe = RECIPE.model_copy(update={"precision": precision})
    _begun(problem, tmp_path / "run", recipe, Execution(precision=begun))
    with pytest.warns(UserWarning, match="another run"):
        run = train(problem, recipe, 0, execution=Execution(precision=given), checkpoint=tmp_path / "run")
    assert run.outcome()["precision"] == given
