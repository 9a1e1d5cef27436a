"""`certify`: what a held-out score is worth, as an upper bound on true risk."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from numpy.typing import ArrayLike

from gengap.arrays import Floats
from gengap.bounds import (
    clopper_pearson_interval,
    counts,
    group_means,
    label_array,
    label_remarks,
    level,
    scaled_losses,
    zero_one_losses,
)
from gengap.bounds.labels import any_array
from gengap.errors import InputError, exact
from gengap.tasks.certify.bounds import (
    Bounds,
    bounds_from_counts,
    bounds_from_losses,
    two_sided_losses,
)
from gengap.tasks.certify.evaluation import Evaluation
from gengap.tasks.certify.order import fresh_seed, in_random_order
from gengap.tasks.certify.words import assumptions, promise, recall_notes, scope, unit_words

# Fixed before any data are seen: the smallest of several bounds, each at delta, would be no bound at delta.
_MOST_CLASSES = 20  # whose recalls are shown beside an error rate
HEADLINE_ZERO_ONE, HEADLINE_BOUNDED = "clopper_pearson", "betting"


@dataclass(frozen=True)
class Certificate:
    """An upper bound on true risk that holds with probability 1 - delta for all models tried at once.

    Attributes:
        n: Independent units that were counted: examples, or clusters where clusters were given.
        errors: Units that were wrong; None where the loss is not 0-1.
        tried: Models compared on these units.
        delta: Probability that the bound fails for any of them.
        empirical_risk: Mean loss over the units.
        upper: The promise: the headline's bound, never below the risk seen.
        interval: The two-sided interval of the headline's construction, delta / 2 at each end; beside the promise.
        headline: Its name, fixed by the kind of loss.
        bounds: Name -> ``{"upper"}``, or ``{"upper": None, "reason"}`` where a bound does not apply. Each holds at
            delta by itself; the smallest of them does not.
        assumptions: What has to be true for the promise to hold.
        scope: Where the promise holds.
        unit: ``"example"`` or ``"group"`` (cluster).
        clusters: The name of the clusters' column, for people; None where units are examples or the name is not known.
        metric: What was measured.
        is_score: Whether it is a score, of which a larger one is better: then the sentence promises at least
            ``lower``.
        loss_bound: The largest possible loss.
        best: The largest possible score, which has a loss of 0.
        zero_one: Whether a unit's loss is an error or a share of errors, so that the risk is an error rate.
        order_seed: The seed of the random order in which betting takes the units; None where only counts are known.
        remarks: What was seen in the input that the reader should know.
        recalls: For predictions of classes, the recall of each: ``class``, ``hits``, ``of``, ``seen``, ``lower``,
            ``remarks``; the lower bounds hold for all classes at once, with probability 1 - delta beside the promise.
        losses: The units' losses divided by ``loss_bound``, in that random order; None where only counts are known.
    """

    n: int
    errors: int | None
    tried: int
    delta: float
    empirical_risk: float
    upper: float
    headline: str
    bounds: Bounds
    assumptions: list[str]
    scope: str
    interval: tuple[float, float]
    unit: str = "example"
    clusters: str | None = None
    metric: str = "error rate"
    is_score: bool = False
    loss_bound: float = 1.0
    best: float = 1.0
    zero_one: bool = True
    order_seed: int | None = None
    remarks: list[str] = field(default_factory=list)
    recalls: list[dict[str, Any]] = field(default_factory=list)
    losses: Floats | None = field(default=None, repr=False, compare=False)

    @property
    def sentence(self) -> str:
        """The promise in one sentence."""
        return promise(self)

    @property
    def lower(self) -> float:
        """What a score is promised to be at least: the largest possible score minus ``upper``."""
        return self.best - self.upper

    @property
    def notes(self) -> list[str]:
        """What is to be said beside the promise: what was seen, the worst class's recall, and the assumptions."""
        return [*self.beside, *self.assumptions]

    @property
    def beside(self) -> list[str]:
        """What was seen in the input, and the recall of the worst class: no assumptions."""
        return [*self.remarks, *recall_notes(self)]

    def _repr_html_(self) -> str:
        """The page's text, tables and pictures, in a notebook."""
        import pandas as pd

        from gengap.report import Section, Table, Text, fragment

        rows = [
            {"bound": name} | {k: bound[k] for k in ("upper", "reason") if k in bound}
            for name, bound in self.bounds.items()
        ]
        table = Table(pd.DataFrame(rows), f"Every bound; the headline is {self.headline}", {"upper": ".4%"})
        sections = [Section("Bounds", [table]), Section("What it assumes", [Text(list(self.assumptions))])]
        return fragment("What this held-out score is worth", self.sentence, sections)

    def to_json(self) -> dict[str, Any]:
        """The certificate as a dict that ``json.dumps`` takes, without the losses."""
        document = {name: value for name, value in asdict(replace(self, losses=None)).items() if name != "losses"}
        return {**document, "lower": self.lower, "interval": list(self.interval)}


def certify(
    *,
    errors: int | None = None,
    n: int | None = None,
    y_true: ArrayLike | None = None,
    y_pred: ArrayLike | None = None,
    losses: ArrayLike | None = None,
    loss_bound: float = 1.0,
    clusters: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    tried: int = 1,
    delta: float = 0.05,
    order_seed: int | None = None,
    in_order: bool = False,
) -> Certificate:
    """A certificate from counts (``errors``, ``n``), from labels (``y_true``, ``y_pred``) or from bounded ``losses``.

    The headline is fixed in advance: Clopper-Pearson for 0-1 loss, betting for other bounded losses and for
    clusters.

    Args:
        errors: Number of errors.
        n: Number of held-out examples, at least 1.
        y_true: Labels of the held-out examples, shape (N,).
        y_pred: Predicted labels, shape (N,), or class probabilities, shape (N, C).
        losses: Losses in [0, ``loss_bound``], shape (N,). Betting takes the examples in a random order.
        loss_bound: The largest possible loss, known beforehand, not taken from the losses.
        clusters: The cluster of each example (its patient, its document), shape (N,). The cluster becomes the unit:
            certified is the risk of an example drawn at random from a cluster drawn at random, each weighing the same.
        groups: Another name for ``clusters``.
        tried: Models compared on these examples, fixed without looking at their scores on them; at least 1.
        delta: Probability that the bound fails for any of them, in (0, 1).
        order_seed: Seed of the random order; by default a fresh one for each call, which the certificate records.
            Given again it repeats the answer for the same losses in any order. Choose it before scores are seen.
        in_order: Whether the examples stand in the order in which they were drawn, which does not depend on their
            losses: needed by ``betting_sequence``, which is left out otherwise.

    Raises:
        InputError: An argument is out of its range, or the arguments do not name exactly one kind of input.

    >>> round(certify(errors=30, n=10_000, tried=300).upper, 5)
    0.0055
    """
    models, delta, loss_bound = _one("tried", tried), _one("delta", delta), _one("loss_bound", loss_bound)
    level(models, delta)
    tried = int(models)
    if clusters is not None and groups is not None:
        raise InputError("clusters and groups are both given.", expected="one of them: groups is an alias of clusters")
    clusters = groups if clusters is None else clusters
    order: dict[str, Any] = {"order_seed": order_seed, "in_order": in_order}
    if losses is None and loss_bound != 1:
        raise InputError(f"loss_bound = {exact(loss_bound)} without losses.", expected="losses, or no loss_bound")
    if errors is not None and n is not None and y_true is y_pred is losses is clusters is None:
        wrong, size = _one("errors", errors), _one("n", n)
        counts(wrong, size, whole=True)
        known = bounds_from_counts(int(wrong), int(size), tried, delta)
        return _certificate(
            int(size), wrong, known, clopper_pearson_interval(int(wrong), int(size), tried, delta), tried, delta
        )
    if y_true is not None and y_pred is not None and errors is n is losses is None:
        wrong_ones = zero_one_losses(y_true, y_pred)
        remarks = label_remarks(y_true, y_pred)
        made = certify_units(wrong_ones, clusters=clusters, tried=tried, delta=delta, remarks=remarks, **order)
        return with_recalls(made, y_true, y_pred) if clusters is None else made
    if losses is not None and errors is n is y_true is y_pred is None:
        values = scaled_losses(losses, loss_bound)
        return certify_units(
            values, loss_bound=loss_bound, zero_one=False, clusters=clusters, tried=tried, delta=delta, **order
        )
    raise InputError(
        "certify needs one kind of input, whole.",
        expected="errors and n; or y_true and y_pred; or losses; clusters with the last two only",
    )


def certify_evaluation(
    evaluation: Evaluation,
    *,
    clusters: str | None = None,
    tried: int = 1,
    delta: float = 0.05,
    order_seed: int | None = None,
    in_order: bool = False,
) -> Certificate:
    """The certificate of one model's evaluation, from whatever file it came.

    Args:
        evaluation: Its losses, one a question.
        clusters: The column whose values name the clusters.
        tried: As for ``certify``.
        delta: As for ``certify``.
        order_seed: As for ``certify``.
        in_order: As for ``certify``.

    Raises:
        InputError: An argument is out of its range, or there is no such column.
    """
    made = certify_units(
        evaluation.losses,
        zero_one=evaluation.share,
        single=evaluation.zero_one,
        loss_bound=evaluation.loss_bound,
        clusters=None if clusters is None else evaluation.column(clusters),
        tried=tried,
        delta=delta,
        order_seed=order_seed,
        in_order=in_order,
        remarks=evaluation.remarks,
    )
    made = replace(
        made, clusters=clusters, metric=evaluation.metric, is_score=evaluation.is_score, best=evaluation.best
    )
    seed = None if made.errors is not None else made.order_seed
    words = assumptions(tried=made.tried, unit=made.unit, delta=made.delta, order_seed=seed, units=unit_words(made)[1])
    return replace(made, assumptions=words)


def certify_units(
    losses: Floats,
    *,
    zero_one: bool = True,
    single: bool | None = None,
    loss_bound: float = 1.0,
    clusters: ArrayLike | None = None,
    tried: int = 1,
    delta: float = 0.05,
    order_seed: int | None = None,
    in_order: bool = False,
    remarks: Sequence[str] = (),
) -> Certificate:
    """The certificate of losses that are already checked and divided by ``loss_bound``, shape (N,).

    ``zero_one``: the risk is an error rate; ``single``: each loss is that of one prediction, right or wrong;
    ``clusters``: as for ``certify``.
    """
    level(tried, delta)
    single = (zero_one if single is None else single) and clusters is None
    if clusters is not None:
        losses = group_means(losses, clusters, name="clusters")
    seed = fresh_seed() if order_seed is None else order_seed
    mixed = in_random_order(losses, seed)
    known = bounds_from_losses(
        losses, mixed, tried, delta, zero_one=single, loss_bound=loss_bound, in_order=in_order and clusters is None
    )
    unit, total = "example" if clusters is None else "group", float(losses.sum())
    if single:
        ends = clopper_pearson_interval(round(total), losses.size, tried, delta)
    else:
        ends = two_sided_losses(mixed, tried, delta)
    made = _certificate(losses.size, total, known, ends, tried, delta, zero_one=single, unit=unit, seed=seed)
    return replace(
        made,
        empirical_risk=made.empirical_risk * loss_bound,
        interval=(made.interval[0] * loss_bound, made.interval[1] * loss_bound),
        loss_bound=loss_bound,
        zero_one=zero_one,
        order_seed=seed,
        remarks=list(remarks),
        losses=mixed,
    )


def with_recalls(certificate: Certificate, y_true: ArrayLike, y_pred: ArrayLike) -> Certificate:
    """The certificate with the recall of each class beside it, since an error rate hides rare classes."""
    from gengap.tasks.certify.metrics import recall_rows

    labels, predictions = label_array("y_true", y_true), any_array("y_pred", y_pred)
    if predictions.ndim != 1:
        return certificate
    predictions = label_array("y_pred", predictions)
    if len(set(labels.tolist()) | set(predictions.tolist())) > _MOST_CLASSES:
        return certificate
    return replace(certificate, recalls=recall_rows(labels, predictions, certificate.tried, certificate.delta))


def _one(name: str, value: Any) -> float:
    """A single number, whatever it is given as; whether it is in its range is checked where it is used."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name} = {value!r:.60} is not a number.", expected="one number") from None


def _certificate(
    n: int,
    total: float,
    known: Bounds,
    interval: tuple[float, float],
    tried: int,
    delta: float,
    *,
    zero_one: bool = True,
    unit: str = "example",
    seed: int | None = None,
) -> Certificate:
    headline = HEADLINE_ZERO_ONE if zero_one else HEADLINE_BOUNDED
    return Certificate(
        n=n,
        errors=round(total) if zero_one else None,
        tried=int(tried),
        delta=float(delta),
        empirical_risk=total / n,
        upper=max(known[headline]["upper"], total / n),  # a quantile below the median is below the risk seen
        headline=headline,
        bounds=known,
        assumptions=assumptions(tried=int(tried), unit=unit, delta=float(delta), order_seed=None if zero_one else seed),
        scope=scope(unit),
        interval=interval,
        unit=unit,
    )
