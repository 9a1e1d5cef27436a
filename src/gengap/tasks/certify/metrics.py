"""More than an error rate: recall, precision, balanced accuracy, F1, AUC, each with its construction named."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gengap import bounds
from gengap.arrays import Floats
from gengap.bounds import check_comparable, label_array, level
from gengap.bounds.labels import check_length
from gengap.errors import InputError, listed, unknown
from gengap.tasks.certify.words import confidence, percent, scope

_EXACT, _CONSERVATIVE = "exact", "conservative"


@dataclass(frozen=True)
class MetricCertificate:
    """A lower bound on a metric that holds with probability 1 - delta for all models tried at once.

    Attributes:
        metric: Its name.
        n: Held-out examples.
        seen: Its value on them.
        lower: The promise: the true value is at least this. For recall and precision that of the worst class.
        construction: What the bound is made of.
        kind: ``"exact"`` or ``"conservative"`` (never smaller than promised, often larger).
        rows: One dict a class, simultaneously valid: ``class``, ``hits``, ``of``, ``seen``, ``lower``, ``remarks``.
        tried: Models compared on these examples.
        delta: Probability that any of the bounds fails for any of them.
        remarks: What was seen in the input that the reader should know.
        scope: Where the promise holds.
    """

    metric: str
    n: int
    seen: float
    lower: float
    construction: str
    kind: str
    rows: list[dict[str, Any]]
    tried: int
    delta: float
    remarks: list[str]
    scope: str

    @property
    def sentence(self) -> str:
        """The promise in one sentence."""
        lower, seen = percent(self.lower, up=False), percent(self.seen)
        chosen = "" if self.tried == 1 else f", even for a model chosen as the best of {self.tried:,}"
        sure = f"With {confidence(self.delta)} confidence"
        if self.metric in ("recall", "precision"):
            return f"{sure} the true {self.metric} of every class is at least {lower} (worst seen: {seen}){chosen}."
        return f"{sure} the true {self.metric} is at least {lower} (seen: {seen} on {self.n:,} examples){chosen}."

    @property
    def notes(self) -> list[str]:
        """What is to be said beside the promise."""
        lines = [
            f"{row['class']}: at least {percent(row['lower'], up=False)} (seen: {row['hits']:,} of {row['of']:,})"
            + (f"; {row['remarks']}" if row["remarks"] else "")
            + "."
            for row in self.rows
        ]
        return [*self.remarks, f"Construction: {self.construction}; {self.kind}.", *lines]

    def to_json(self) -> dict[str, Any]:
        """The certificate as a dict that ``json.dumps`` takes."""
        return {**asdict(self), "sentence": self.sentence}


def certify_metric(
    metric: str,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    positive: Any = None,
    tried: int = 1,
    delta: float = 0.05,
) -> MetricCertificate:
    """A lower bound on a metric of single-label predictions on independent examples.

    Args:
        metric: ``"accuracy"``, ``"recall"``, ``"precision"`` (each class at once), ``"balanced-accuracy"``, ``"f1"``
            (of ``positive``), ``"macro-f1"`` or ``"auc"``.
        y_true: Labels, shape (N,).
        y_pred: Predicted labels, shape (N,); for AUC the scores of the positive class.
        positive: The positive class of F1 and AUC; where there are two classes, the larger one if not given.
        tried: Models compared on these examples, at least 1.
        delta: Probability that any bound fails for any of them, in (0, 1).

    Raises:
        InputError: The metric is unknown, or the labels do not allow it.
    """
    makers: dict[str, Callable[..., MetricCertificate]] = {
        "accuracy": _accuracy,
        "recall": _per_class,
        "precision": _per_class,
        "balanced-accuracy": _balanced,
        "f1": _f1,
        "macro-f1": _macro_f1,
        "auc": _auc,
    }
    if metric not in makers:
        raise unknown("metric", metric, makers)
    level(tried, delta)
    labels = label_array("y_true", y_true)
    predictions = label_array("y_pred", y_pred)
    check_length("y_true", labels.size, "y_pred", predictions.size)
    if metric == "auc":
        return _auc(labels, predictions, positive, tried, delta)
    check_comparable(labels, predictions)
    if metric in ("recall", "precision"):
        return _per_class(metric, labels, predictions, tried, delta)
    if metric == "f1":
        return _f1(labels, predictions, positive, tried, delta)
    return makers[metric](labels, predictions, tried, delta)


def recall_rows(labels: NDArray[Any], predictions: NDArray[Any], tried: int, delta: float) -> list[dict[str, Any]]:
    """Recall of each class of ``labels``, bounds simultaneously valid."""
    return _rows("recall", labels, predictions, tried, delta)


def _accuracy(labels: NDArray[Any], predictions: NDArray[Any], tried: int, delta: float) -> MetricCertificate:
    hits = int(np.sum(labels == predictions))
    lower = float(bounds.share_lower(hits, labels.size, tried, delta))
    return _made("accuracy", labels.size, hits / labels.size, lower, "Clopper-Pearson", _EXACT, [], tried, delta)


def _per_class(
    metric: str, labels: NDArray[Any], predictions: NDArray[Any], tried: int, delta: float
) -> MetricCertificate:
    rows = _rows(metric, labels, predictions, tried, delta)
    worst = min(rows, key=lambda row: (row["lower"], row["seen"] if row["of"] else 0))
    construction = f"Clopper-Pearson for each of {len(rows)} classes at delta / {len(rows)}"
    seen = min((row["seen"] for row in rows if row["of"]), default=0.0)
    return _made(metric, labels.size, seen, worst["lower"], construction, _EXACT, rows, tried, delta)


def _rows(
    metric: str, labels: NDArray[Any], predictions: NDArray[Any], tried: int, delta: float
) -> list[dict[str, Any]]:
    classes = _classes(labels, predictions)
    given = labels if metric == "recall" else predictions
    rows = []
    for name in classes:
        n, hits = int(np.sum(given == name)), int(np.sum((labels == name) & (predictions == name)))
        lower = float(bounds.share_lower(hits, n, tried, delta / len(classes))) if n else 0.0
        remark = "" if n else ("no example of this class" if metric == "recall" else "never predicted")
        rows.append(
            {
                "class": str(name),
                "hits": hits,
                "of": n,
                "seen": hits / n if n else 0.0,
                "lower": lower,
                "remarks": remark,
            }
        )
    return rows


def _balanced(labels: NDArray[Any], predictions: NDArray[Any], tried: int, delta: float) -> MetricCertificate:
    rows = [row for row in _rows("recall", labels, predictions, tried, delta) if row["of"]]
    lower, seen = (float(np.mean([row[key] for row in rows])) for key in ("lower", "seen"))
    construction = "mean of Clopper-Pearson bounds on the recall of each class, union over the classes"
    return _made("balanced accuracy", labels.size, seen, lower, construction, _CONSERVATIVE, rows, tried, delta)


def _f1(labels: NDArray[Any], predictions: NDArray[Any], positive: Any, tried: int, delta: float) -> MetricCertificate:
    name = positive_class(labels, positive, predictions)
    tp, fp, fn = _confusion(labels, predictions, name)
    lower = float(bounds.f1_lower(tp, fp, fn, tried, delta))
    construction = "F1 = 2J / (1 + J), Clopper-Pearson on J = TP / (TP + FP + FN)"
    seen = 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0
    return _made(f"F1 of class {name}", labels.size, seen, lower, construction, _EXACT, [], tried, delta)


def _macro_f1(labels: NDArray[Any], predictions: NDArray[Any], tried: int, delta: float) -> MetricCertificate:
    classes, rows = _classes(labels, predictions), []
    for name in classes:
        tp, fp, fn = _confusion(labels, predictions, name)
        lower = float(bounds.f1_lower(tp, fp, fn, tried, delta / len(classes)))
        seen = 2 * tp / (2 * tp + fp + fn)
        rows.append({"class": str(name), "hits": tp, "of": tp + fp + fn, "seen": seen, "lower": lower, "remarks": ""})
    lower, seen = (float(np.mean([row[key] for row in rows])) for key in ("lower", "seen"))
    construction = "mean of bounds on the F1 of each class by its Jaccard index, union over the classes"
    return _made("macro F1", labels.size, seen, lower, construction, _CONSERVATIVE, rows, tried, delta)


def _auc(labels: NDArray[Any], scores: NDArray[Any], positive: Any, tried: int, delta: float) -> MetricCertificate:
    if scores.dtype.kind not in "biuf":
        raise InputError("An AUC needs scores that are numbers.", expected="the score of the positive class")
    name = positive_class(labels, positive, labels)
    is_positive = labels == name
    if np.all(is_positive) or not np.any(is_positive):
        raise InputError(
            f"An AUC needs examples of both classes; {'all' if np.all(is_positive) else 'none'} are {name}.",
            expected="at least one positive and one negative",
        )
    values = scores.astype(np.float64)
    seen = bounds.auc(values[is_positive], values[~is_positive])
    n_positive = int(is_positive.sum())
    lower = float(bounds.auc_lower(seen, n_positive, labels.size - n_positive, tried, delta))
    construction = "Hoeffding's inequality for two-sample U-statistics, effective size that of the smaller class"
    return _made(f"AUC of class {name}", labels.size, seen, lower, construction, _CONSERVATIVE, [], tried, delta)


def _made(
    metric: str,
    n: int,
    seen: float,
    lower: float,
    construction: str,
    kind: str,
    rows: list[dict[str, Any]],
    tried: int,
    delta: float,
) -> MetricCertificate:
    return MetricCertificate(
        metric, n, seen, lower, construction, kind, rows, int(tried), float(delta), [], scope("example")
    )


def _classes(labels: NDArray[Any], predictions: NDArray[Any]) -> list[Any]:
    return list(np.unique(np.concatenate([labels, predictions])).tolist())


def positive_class(labels: NDArray[Any], positive: Any, predictions: NDArray[Any] | None = None) -> Any:
    """The positive class as it stands in the labels or predictions; of two, if none is given, the last.

    Raises:
        InputError: There is no such class, or none is given and there are more than two.
    """
    classes = _classes(labels, labels if predictions is None else predictions)
    if positive is None:
        if len(classes) > 2:
            raise InputError(
                f"There are {len(classes)} classes: {listed(classes)}.",
                expected="the positive one",
                next_step=f"--positive {classes[0]}",
            )
        return classes[-1]
    for name in classes:
        if name == positive or str(name) == str(positive):
            return name
    raise InputError(f"No example is of the class {positive!r}.", expected=f"one of {listed(classes)}")


def _confusion(labels: NDArray[Any], predictions: NDArray[Any], name: Any) -> tuple[int, int, int]:
    is_true, is_predicted = labels == name, predictions == name
    tp = int(np.sum(is_true & is_predicted))
    return tp, int(is_predicted.sum()) - tp, int(is_true.sum()) - tp


def scores_of_class(table: Any, name: Any) -> Floats:
    """The column of a class's scores in a prediction file: ``score``, or its probability column.

    Raises:
        InputError: There is no such column.
    """
    for column in ("score", f"p_{name}", f"prob_{name}", f"proba_{name}", f"probability_{name}"):
        if column in table:
            return np.asarray(table[column].to_numpy(dtype=np.float64, na_value=np.nan))
    raise InputError(
        f"There is no score of the class {name}.", expected=f"a column score, or p_{name}", next_step="add one"
    )
