"""The words of a certificate: the promise, what it assumes, where it holds, and the bounds' names."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gengap.tasks.certify.certificate import Certificate

_MANY_DIGITS = 1e-10


class BoundWords(NamedTuple):
    """A bound's name for people, what it needs of the loss, and what is to be known about it."""

    title: str
    needs: str
    note: str


WORDS = {
    "kawaguchi2017_prop5": BoundWords(
        "Kawaguchi et al., Prop. 5", "loss in [0, 1]", "as printed, with C = 1 and γ² = 1: the paper's own figure"
    ),
    "hoeffding": BoundWords("Hoeffding", "loss in [0, 1]", "ignores that a small risk varies less"),
    "chernoff_kl": BoundWords("Chernoff-KL", "loss in [0, 1]", "the tightest that the mean alone allows by this proof"),
    "clopper_pearson": BoundWords("Clopper-Pearson", "0-1 loss", "exact: the binomial distribution itself"),
    "empirical_bernstein": BoundWords("Empirical Bernstein", "loss in [0, 1]", "uses the losses' own variance"),
    "betting": BoundWords("Betting", "loss in [0, 1]", "adapts to the losses; fixed n, examples in a random order"),
    "betting_sequence": BoundWords(
        "Betting, anytime",
        "loss in [0, 1], examples in an order that does not depend on it",
        "holds at every size of a growing set at once, so it may be looked at often",
    ),
}


def scope(unit: str) -> str:
    """Where the promise holds, in one sentence."""
    if unit == "group":
        return (
            "Clusters drawn independently from the distribution where the promise is made; the risk is that of an "
            "example drawn at random from a cluster drawn at random, each cluster weighing the same."
        )
    return "Examples drawn independently from the distribution where the promise is made."


def assumptions(
    *, tried: int, unit: str, delta: float, order_seed: int | None = None, units: str | None = None
) -> list[str]:
    """What has to be true for the promise to hold; with the seed of the order where the promise depends on it."""
    several = units or f"{unit_word(unit)}s"
    sample = f"It holds if your test {several} are a random sample of what the model will meet in use"
    listed = [
        sample
        + ("; examples within one may depend on each other." if unit == "group" else ", independent of each other."),
        "If you changed a model after seeing its score here, this number does not apply: take fresh examples, or "
        "gengap certify --leaderboard (gengap.bounds.Leaderboard, gengap.bounds.Ladder).",
        "Training never saw these examples, and "
        + ("the model was" if tried == 1 else f"all {tried:,} models were")
        + " fixed without looking at scores on them.",
    ]
    if delta > 0.5:
        listed.insert(
            0, f"With delta = {delta:g} the promise fails more often than it holds; a usual choice is 0.05 or 0.01."
        )
    if order_seed is not None:
        listed.append(
            f"The {several} were taken in a random order, with order seed {order_seed}, which repeats this answer. The "
            "promise is for one order: it does not cover asking again until the answer is small. For a gate that "
            "repeats its answer, draw a seed once, before any scores are seen, and write it down."
        )
    return listed


def promise(certificate: "Certificate") -> str:
    """The promise in one sentence: a risk at most, or a score at least."""
    c, score = certificate, certificate.is_score
    unit, units = unit_words(c)
    over = f", averaged over {units}," if c.unit == "group" else ""
    seen_value = rate(c.best - c.empirical_risk if score else c.empirical_risk, c.zero_one)
    counted = f"{c.n:,} {unit if c.n == 1 else units}"
    if c.errors is None:
        seen = f"{seen_value} on {counted}"
    elif score:
        seen = f"{c.n - c.errors:,} right of {counted}, {seen_value}"
    else:
        seen = f"{c.errors:,} error{'s' * (c.errors != 1)} in {counted}, {seen_value}"
    chosen = "" if c.tried == 1 else f", even for a model chosen as the best of {c.tried:,}"
    end = (
        f"at least {rate(c.lower, c.zero_one, up=False)}" if score else f"at most {rate(c.upper, c.zero_one, up=True)}"
    )
    what = "risk" if c.metric == "error rate" and not c.zero_one else c.metric
    return f"With {confidence(c.delta)} confidence the true {what}{over} is {end} (seen: {seen}){chosen}."


def recall_notes(certificate: "Certificate") -> list[str]:
    """The recall of the class with the smallest lower bound, in words: an error rate says nothing of a rare class."""
    rows = [row for row in certificate.recalls if row["of"]]
    if len(rows) < 2:
        return []
    worst = min(rows, key=lambda row: row["lower"])
    return [
        f"Recall of class {worst['class']}, the worst of {len(rows)}: at least "
        f"{percent(worst['lower'], up=False)} (seen: "
        f"{worst['hits']:,} of {worst['of']:,}); with {confidence(certificate.delta)} confidence for all classes, "
        f"beside "
        "the promise."
    ]


def unit_word(unit: str) -> str:
    """What people call a unit, ``"example"`` or ``"group"``: a group is a cluster.

    >>> unit_word("group"), unit_word("example")
    ('cluster', 'example')
    """
    return "cluster" if unit == "group" else unit


def unit_words(certificate: "Certificate") -> tuple[str, str]:
    """What a unit is called, alone and in number: examples, clusters, or what the clusters' column is called."""
    one = unit_word(certificate.unit) if certificate.clusters is None else certificate.clusters
    return one, one if one.endswith("s") else f"{one}s"


def rate(risk: float, zero_one: bool, *, up: bool | None = None) -> str:
    """A risk as it is written in every sentence, table and page: an error rate as a percentage, another loss as it is.

    >>> rate(0.0055401, True, up=True), rate(0.0055401, False)
    ('0.555 %', '0.00554')
    """
    return percent(risk, up=up) if zero_one else three_digits(risk, up=up)


def confidence(delta: float) -> str:
    """1 - delta as a percentage with all its digits, or as a difference where these are many; never certainty.

    >>> confidence(0.05), confidence(1e-6), confidence(1e-16)
    ('95 %', '99.9999 %', '1 - 1e-16')
    """
    if delta < _MANY_DIGITS:
        return f"1 - {delta:g}"
    return f"{100 * (1 - Decimal(repr(float(delta)))):f}".rstrip("0").rstrip(".") + " %"


def percent(share: float, *, up: bool | None = None) -> str:
    """A share as a percentage with three significant digits, e.g. ``0.554 %``; the last one rounded up or down.

    >>> percent(0.55449), percent(0.0055401, up=True), percent(0.005549, up=False)
    ('55.4 %', '0.555 %', '0.554 %')
    """
    return f"{three_digits(100 * share, up=up)} %"


def three_digits(value: float, *, up: bool | None = None) -> str:
    """A number with three significant digits, so that a promise can be rounded to the safe side only.

    >>> three_digits(0.0012341, up=True), three_digits(0.5, up=True), three_digits(-0.98765, up=False)
    ('0.00124', '0.5', '-0.988')
    """
    if up is None or value == 0:
        return f"{value:.3g}"
    context = Context(prec=3, rounding=ROUND_CEILING if up else ROUND_FLOOR)
    return f"{float(context.create_decimal(repr(float(value)))):.3g}"
