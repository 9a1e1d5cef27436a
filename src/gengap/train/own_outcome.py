"""What one's own training returned, as the columns of a row: accuracies, losses where there are any, its history."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gengap import models, network
from gengap.arguments import shown
from gengap.data import Problem, Split
from gengap.errors import InputError
from gengap.network.inputs import Part, batches
from gengap.network.passes import evaluate
from gengap.train.run import FITTED, OUTCOME

_USABLE = (
    "a torch.nn.Module, an object with predict, or the predictions of both splits (train, test); "
    "with a history after them where there is one"
)
_NUMBERS = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
_SAME = {"loss": "train_loss", "accuracy": "train_accuracy", "acc": "train_accuracy"}  # of Keras: of the training split
_FAR = 0.05  # between the training accuracy of the last record of a history and that of the model


@dataclass(frozen=True)
class Answers:
    """What a trained model answers to the examples of one split.

    Attributes:
        labels: Class indices ``[N]``.
        loss: Mean cross entropy in nats; None where there is none.
        reason: Why there is no loss.
        finite: Whether its scores are finite.
        scores: Scores ``[N, C]`` whose softmax is what it takes for the probabilities: logits, or logarithms of
            probabilities; None where it gives labels alone.
    """

    labels: NDArray[np.int64]
    loss: float | None
    reason: str = ""
    finite: bool = True
    scores: NDArray[np.float64] | None = None


def outcome(returned: Any, problem: Problem) -> dict[str, Any]:
    """The columns of a row that come from the training; null where it does not tell, with the reason in ``not_known``.

    A network is evaluated, and ``predict`` called, on the inputs that the training was given. Where an object says how
    many features it expects (``n_features_in_``), it gets images as rows ``[N, D]``. What ``predict`` gives, like the
    predictions of both splits, are labels ``[N]``, class indices or names, or scores ``[N, C]``.

    Args:
        returned: What ``fit(problem, seed)`` returned.
        problem: What it was given.

    Raises:
        InputError: Nothing usable, or answers that are no classes of the data.
    """
    model, given, history = _parts(returned)
    found = {split: _answers(model, given, problem, split) for split in _splits()}
    records = [] if history is None else _records(history)
    row: dict[str, Any] = dict.fromkeys(OUTCOME) | {"status": "done", "reason": "", "history": records}
    row["device"] = str(network.inputs.floating_parameter(model).device) if isinstance(model, nn.Module) else "cpu"
    row["parameters"] = models.count_parameters(model) if isinstance(model, nn.Module) else None
    for split, answer in found.items():
        row[f"{split}_accuracy"] = float(np.mean(answer.labels == getattr(problem, split).y))
        row[f"{split}_loss"] = answer.loss
    row |= _of_history(records)
    row["predictions"] = blake2b(b"".join(a.labels.tobytes() for a in found.values()), digest_size=16).hexdigest()
    row["not_known"] = _not_known(row, history is not None, found)
    row["warning"] = _warning(row, records)
    if not all(answer.finite for answer in found.values()):
        row |= {"status": "diverged", "reason": "its scores are not finite"}
        row |= dict.fromkeys(_NUMBERS)
    return row


def answers(returned: Any, problem: Problem, split: Part) -> Answers:
    """What a trained model answers to the examples of one split, as ``outcome`` asks it.

    Args:
        returned: What ``fit(problem, seed)`` returned.
        problem: What it was given, or another Problem of the same inputs and classes for a model.
        split: Which split.

    Raises:
        InputError: As ``outcome``.
    """
    model, given, _ = _parts(returned)
    return _answers(model, given, problem, split)


def _splits() -> tuple[Part, ...]:
    return ("train", "test")


def _is_model(value: Any) -> bool:
    return isinstance(value, nn.Module) or (not isinstance(value, type) and callable(getattr(value, "predict", None)))


def _parts(returned: Any) -> tuple[Any, tuple[Any, Any] | None, Any]:
    """A model, or the predictions of both splits, and the history, None where there is none."""
    if _is_model(returned):
        return returned, None, None
    if isinstance(returned, Mapping):
        history = returned.get("history")
        if _is_model(returned.get("model")):
            return returned["model"], None, history
        if {"train", "test"} <= returned.keys():
            return None, (returned["train"], returned["test"]), history
    if isinstance(returned, tuple | list) and len(returned) in (2, 3):
        if _is_model(returned[0]) and len(returned) == 2:
            return returned[0], None, returned[1]
        if not _is_model(returned[0]):
            return None, (returned[0], returned[1]), returned[2] if len(returned) == 3 else None
    what = "nothing" if returned is None else f"{type(returned).__name__} {shown(returned)}"
    raise InputError(f"The training returned {what}.", expected=_USABLE)


def _answers(model: Any, given: tuple[Any, Any] | None, problem: Problem, part: Part) -> Answers:
    split: Split = getattr(problem, part)
    if given is not None:
        values = given[0 if part == "train" else 1]
        return _of_predictions(values, split, problem, f"The predictions of the {part} split")
    if isinstance(model, nn.Module):
        return _of_network(model, problem, part)
    return _of_predict(model, split, problem)


def _of_network(model: nn.Module, problem: Problem, part: Part) -> Answers:
    model.eval()
    first, _ = next(batches(problem, model, part))
    scores = network.scores_of(model, first)
    if scores.ndim != 2 or scores.shape[1] != problem.n_classes:
        raise InputError(
            f"The network returns shape {tuple(scores.shape)} for {len(first)} examples.",
            expected=f"one score for each of {problem.n_classes} classes, shape {(len(first), problem.n_classes)}",
        )
    seen = evaluate(model, batches(problem, model, part))
    finite = bool(torch.isfinite(seen.logits).all())
    loss = float(seen.losses.mean()) if finite else None
    return Answers(seen.logits.argmax(1).cpu().numpy(), loss, "", finite, seen.logits.cpu().numpy())


def _of_predict(model: Any, split: Split, problem: Problem) -> Answers:
    x = split.x
    if getattr(model, "n_features_in_", None) is not None:
        x = x.reshape(len(split), -1)
    what = f"predict of {type(model).__name__}"
    try:
        values = model.predict(x)
    except Exception as error:
        raise InputError(
            f"{what} failed on inputs of shape {x.shape}: {models.error_line(error)}",
            expected="a model that takes the inputs as the training was given them",
        ) from error
    predicted = _of_predictions(values, split, problem, what)
    if not hasattr(model, "predict_proba"):
        return predicted
    try:
        probability, classes = np.asarray(model.predict_proba(x), float), np.asarray(model.classes_)
        columns = _indices(classes, problem, what)
        every = np.zeros((len(split), problem.n_classes))
        every[:, columns] = probability
    except Exception as error:
        return Answers(predicted.labels, None, f"predict_proba failed: {models.error_line(error)}", predicted.finite)
    scores = _logarithms(every)
    loss = float(-scores[np.arange(len(split)), split.y].mean()) + 0.0  # no negative zero
    if not math.isfinite(loss):
        infinite = "the cross entropy is infinite: some labels have a probability of 0"
        return Answers(predicted.labels, None, infinite, scores=scores)
    return Answers(predicted.labels, loss, scores=scores)


def _of_predictions(values: Any, split: Split, problem: Problem, what: str) -> Answers:
    try:
        array = values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
    except Exception as error:
        raise InputError(f"{what} are a {type(values).__name__}.", expected=f"labels [{len(split)}]") from error
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    shapes = (len(split),), (len(split), problem.n_classes)
    if array.shape not in shapes:
        raise InputError(
            f"{what} have shape {array.shape}.", expected=f"labels of shape {shapes[0]} or scores of shape {shapes[1]}"
        )
    if array.ndim == 2:
        scores = array.astype(float)
        finite = bool(np.isfinite(scores).all())
        labels = np.where(np.isnan(scores), -np.inf, scores).argmax(1)
        sums_to_one = finite and scores.min() >= 0 and bool(np.allclose(scores.sum(1), 1, atol=1e-3))
        logits = _logarithms(scores) if sums_to_one else scores
        return Answers(labels, None, "of scores it is not known whether they are probabilities", finite, logits)
    return Answers(_indices(array, problem, what), None, "labels alone have no cross entropy")


def _logarithms(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        result: NDArray[np.float64] = np.log(probabilities)
    return result


def _indices(array: NDArray[Any], problem: Problem, what: str) -> NDArray[np.int64]:
    """Class indices of labels that are indices or names of classes."""
    if array.dtype.kind in "OUS":
        index = {name: number for number, name in enumerate(problem.classes)}
        texts = [value.decode() if isinstance(value, bytes) else value for value in array.tolist()]
        if all(isinstance(value, str) and value in index for value in texts):
            return np.array([index[value] for value in texts], np.int64)
        array = np.array(texts) if not any(isinstance(value, str) for value in texts) else array
    if array.dtype.kind in "biuf":
        number = array.astype(float)
        if (np.isfinite(number) & (number == np.round(number)) & (number >= 0) & (number < problem.n_classes)).all():
            return number.astype(np.int64)
    wrong = next((value for value in array.tolist() if not _is_class(value, problem)), array.tolist()[0])
    raise InputError(
        f"{what} hold {shown(wrong)}.",
        expected=f"class indices from 0 to {problem.n_classes - 1}, names of classes, or a score for each class",
    )


def _is_class(value: Any, problem: Problem) -> bool:
    return isinstance(value, int | float) and value in range(problem.n_classes)


def _records(history: Any) -> list[dict[str, Any]]:
    """A record an epoch, with ``epoch`` and the columns of gengap's own trainings, None where not told."""
    if hasattr(history, "to_dict") and hasattr(history, "columns"):
        history = history.to_dict("records")
    if isinstance(history, Mapping):
        lengths = {len(values) for values in history.values() if isinstance(values, Sequence | np.ndarray)}
        if len(lengths) != 1 or not all(isinstance(values, Sequence | np.ndarray) for values in history.values()):
            raise _no_history(history)
        history = [dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)]
    if not isinstance(history, Sequence) or not all(isinstance(record, Mapping) for record in history):
        raise _no_history(history)
    return [_record(record, place) for place, record in enumerate(history, 1)]


def _record(record: Mapping[str, Any], place: int) -> dict[str, Any]:
    values: dict[str, Any] = {"epoch": place, "steps": None} | dict.fromkeys(_NUMBERS)
    for key, value in record.items():
        number = value.item() if hasattr(value, "item") else value
        if number is not None and (isinstance(number, bool) or not isinstance(number, int | float)):
            raise _no_history({key: value})
        name = _SAME.get(key, key)
        if name.endswith("_accuracy") and number is not None and not 0 <= number <= 1:
            raise InputError(f"The history has a {name} of {number}.", expected="a fraction in [0, 1]")
        values[name] = number
    return values


def _no_history(value: Any) -> InputError:
    return InputError(
        f"The training's history is or holds {shown(value)}.",
        expected="a list with a record an epoch, such as {'epoch': 1, 'train_loss': 2.1, 'train_accuracy': 0.2}, or a "
        "dictionary of columns",
    )


def _of_history(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if not records:
        return {}
    fitted = (record["epoch"] for record in records if (record["train_accuracy"] or 0.0) >= FITTED)
    measured = [record for record in records if record["test_accuracy"] is not None]
    best = max(measured, key=lambda record: record["test_accuracy"], default=None)
    return {
        "epochs": records[-1]["epoch"],
        "epochs_to_fit": next(fitted, None),
        "best_test_accuracy": best and best["test_accuracy"],
        "best_epoch": best and best["epoch"],
    }


def _not_known(row: Mapping[str, Any], has_history: bool, answers: Mapping[Part, Answers]) -> dict[str, str]:
    """Column -> why it is null."""
    reasons = {f"{split}_loss": answer.reason for split, answer in answers.items() if answer.loss is None}
    if row["parameters"] is None:
        reasons["parameters"] = "only those of a torch.nn.Module are counted"
    of_history = {"epochs": "", "epochs_to_fit": "train_accuracy", "best_test_accuracy": "test_accuracy"}
    for name, needed in of_history.items():
        if row[name] is not None:
            continue
        if not has_history:
            reasons[name] = "the training returns no history"
        elif needed and not any(record[needed] is not None for record in row["history"]):
            reasons[name] = f"the history of the training has no {needed}"
        elif not needed:
            reasons[name] = "the history of the training is empty"
    return {name: reason for name, reason in reasons.items() if reason}


def _warning(row: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> str:
    last = records[-1]["train_accuracy"] if records else None
    if last is None or abs(last - row["train_accuracy"]) <= _FAR:
        return ""
    return (
        f"the history ends with a training accuracy of {last:.2%}, what was returned has {row['train_accuracy']:.2%} "
        "on the inputs that the training was given: does it do to its inputs what the training did?"
    )
