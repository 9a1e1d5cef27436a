"""The parts of the claim, judged from rows.

A rule that repeats stored labels gives a test point the label of a training point. Let C be the number of classes, e
its error where all labels are true, and w the share of training labels that are wrong, each evenly among the other
classes. A point whose stored label was right, 1 - e of all, is now missed with probability w; one whose stored label
was of another class, with probability 1 - w / (C - 1). So the error is e + w (1 - C e / (C - 1)), and noise adds
w (1 - C e / (C - 1)), which is less than w. What noise adds to the error of another rule is compared with this, at that
rule's own e.

Errors are means over seeds. Their standard errors are those of test points, sqrt(e (1 - e) / m) for m test points with
one error and one success added; the number of seeds does not divide them, since all seeds share MNIST's test points.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from gengap.studies.belkin2018.grid import FITS, KERNELS, WHOLE
from gengap.studies.study import Row

if TYPE_CHECKING:
    from gengap.verdicts import ClaimPart

STANDARD_ERRORS = 2  # beyond so many of them a difference counts
NEAREST = "nearest neighbours"
REPEATED = 0.1  # one neighbour repeats its labels if it adds what such a rule adds, to this fraction
_MEASURED = ("test_error", "noisy_error", "noisy_bayes_error", "wrong", "n_classes", "test_examples")


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part

    grid = [row for row in rows if row["examples"] != WHOLE]
    exact = [row for row in grid if row["fit"] == "interpolating"]
    parts = [claim_part("every interpolating rule fits every training label", exact, ["train_error"], _fitted)]
    for method in FITS:
        own = [row for row in exact if row["method"] == method]
        if method == NEAREST:
            what = "one nearest neighbour, which repeats its labels: noise adds as much error as such a rule's"
            parts.append(claim_part(what, own, _MEASURED, _repeats, of_paper=False))
        else:
            what = f"{method}: noise adds less error than a rule that repeats the training labels would have"
            parts.append(claim_part(what, own, _MEASURED, _repeats_less, of_paper=method in KERNELS))
    for method in KERNELS:
        own = [row for row in exact if row["method"] == method]
        what = f"{method}: on noisy test labels, noise takes the error no farther above the Bayes error"
        parts.append(claim_part(what, own, _MEASURED, _follows))
    pairs = [row for row in exact if row["method"] in (*KERNELS, NEAREST)]
    what = "with noise both kernel machines are nearer to the Bayes error than one nearest neighbour"
    parts.append(claim_part(what, pairs, _MEASURED, _nearer_than_a_neighbour))
    for method in KERNELS:
        chosen = list(_regularised([row for row in grid if row["method"] == method and row["level"] > 0]))
        what = f"{method}: with noise, the one of ridge and early stopping that held-out labels choose errs less"
        needed = ["test_error", "regularised_error", "test_examples"]
        parts.append(claim_part(what, chosen, needed, _regularised_less, of_paper=False))
    return parts


@dataclass(frozen=True)
class _Setting:
    """Means over the seeds of one method, data set and level of noise."""

    data: str
    level: float
    error: float
    wrong: float
    above_bayes: float
    n_classes: int
    test_examples: int
    seeds: frozenset[int]

    @property
    def variance(self) -> float:
        """Of the error."""
        return _variance(self.error, self.test_examples)

    def __str__(self) -> str:
        return f"{self.data} with {self.level:.0%} redrawn"


def _settings(rows: Sequence[Row]) -> dict[tuple[str, float], _Setting]:
    grouped: dict[tuple[str, float], list[Row]] = {}
    for row in rows:
        grouped.setdefault((row["data"], row["level"]), []).append(row)
    return {
        key: _Setting(
            *key,
            error=fmean(row["test_error"] for row in own),
            wrong=fmean(row["wrong"] for row in own),
            above_bayes=fmean(row["noisy_error"] - row["noisy_bayes_error"] for row in own),
            n_classes=own[0]["n_classes"],
            test_examples=own[0]["test_examples"],
            seeds=frozenset(row["seed"] for row in own),
        )
        for key, own in grouped.items()
    }


def _with_noise(rows: Sequence[Row]) -> list[tuple[_Setting, _Setting]]:
    """Each setting with noise, and the same without."""
    from gengap.verdicts import present

    settings = _settings(rows)
    noisy = present((one for one in settings.values() if one.level > 0), "noisy labels")
    return [(one, _counterpart(settings, one, 0.0)) for one in noisy]


def _counterpart(settings: Mapping[tuple[str, float], _Setting], one: _Setting, level: float) -> _Setting:
    """The setting of the same data and seeds at a level, among settings of the same or of another method."""
    from gengap.verdicts import MissingRows

    other = settings.get((one.data, level))
    if other is None or other.seeds != one.seeds:
        raise MissingRows(f"{one} has nothing to compare with: there are no rows of the same seeds")
    return other


def _fitted(rows: list[Row]) -> tuple[bool, str]:
    from gengap.verdicts import span

    errors = [row["train_error"] for row in rows]
    return max(errors) == 0, f"training errors of {span(errors, '.2%')}"


def _added(noisy: _Setting, clean: _Setting) -> tuple[float, float]:
    """What noise adds to the error, and what it would add if the rule repeated labels."""
    from gengap.verdicts import MissingRows

    factor = noisy.n_classes / (noisy.n_classes - 1)
    repeating = noisy.wrong * (1 - factor * clean.error)
    if repeating <= 0:
        raise MissingRows(f"{noisy}: labels are guessed without noise, or none is wrong with it")
    return noisy.error - clean.error, repeating


def _repeats(rows: list[Row]) -> tuple[bool, str]:
    from gengap.verdicts import span

    added = [_added(*pair) for pair in _with_noise(rows)]
    whole = sum(own for own, _ in added) / sum(expected for _, expected in added)
    shares = [own / expected for own, expected in added]
    return abs(whole - 1) <= REPEATED, f"{whole:.2f} of it over all settings, {span(shares, '.2f')} in one"


def _repeats_less(rows: list[Row]) -> tuple[bool, str]:
    """Whether less is added by more than the standard error in every setting."""
    from gengap.verdicts import span

    shares, unclear = {}, []
    for noisy, clean in _with_noise(rows):
        own, expected = _added(noisy, clean)
        shares[str(noisy)] = own / expected
        kept = 1 - noisy.wrong * noisy.n_classes / (noisy.n_classes - 1)  # d(clean + expected) / d clean
        error = (noisy.variance + kept**2 * clean.variance) ** 0.5
        if expected - own <= STANDARD_ERRORS * error:
            unclear.append(str(noisy))
    worst = max(shares, key=lambda name: shares[name])
    figures = f"{span(list(shares.values()), '.2f')} of it (most: {worst})"
    return not unclear, figures + _exceptions("not clearly less", unclear, len(shares))


def _follows(rows: list[Row]) -> tuple[bool, str]:
    from gengap.verdicts import span

    farther, moves = [], []
    pairs = _with_noise(rows)
    for noisy, clean in pairs:
        moves.append(100 * (noisy.above_bayes - clean.above_bayes))
        error = ((1 - noisy.level) ** 2 * noisy.variance + clean.variance) ** 0.5
        if moves[-1] > 100 * STANDARD_ERRORS * error:
            farther.append(str(noisy))
    above = [round(100 * noisy.above_bayes, 1) + 0.0 for noisy, _ in pairs]  # no -0.0
    figures = f"{span(above, '.1f')} percentage points above it with noise, {span(moves, '+.1f')} against without"
    return not farther, figures + _exceptions("farther", farther, len(pairs))


def _nearer_than_a_neighbour(rows: list[Row]) -> tuple[bool, str]:
    from gengap.verdicts import present, span

    nearest = _settings([row for row in rows if row["method"] == NEAREST])
    less, unclear = [], []
    for method in KERNELS:
        settings = _settings([row for row in rows if row["method"] == method and row["level"] > 0])
        for one in present(settings.values(), f"{method} with noise"):
            other = _counterpart(nearest, one, one.level)
            less.append(100 * (1 - one.level) * (other.error - one.error))
            if other.error - one.error <= STANDARD_ERRORS * (one.variance + other.variance) ** 0.5:
                unclear.append(f"{method}, {one}")
    return not unclear, f"by {span(less, '.1f')} percentage points" + _exceptions("not clearly", unclear, len(less))


def _exceptions(what: str, names: Sequence[str], count: int) -> str:
    return f"; {what} in {len(names)} of {count}: {'; '.join(names[:3])}{'; …' * (len(names) > 3)}" if names else ""


def _regularised(rows: Sequence[Row]) -> Iterator[Row]:
    """Each interpolating row, with ``regularised_error``: that of the fit with the least error on held-out labels.

    Of equals the one that ``FITS`` names first is taken: a ridge.
    """
    fits: dict[tuple[Any, ...], dict[str, Row]] = {}
    for row in rows:
        fits.setdefault((row["data"], row["level"], row["seed"]), {})[row["fit"]] = row
    for own in fits.values():
        if "interpolating" in own:
            yield own["interpolating"] | _chosen(own)


def _chosen(fits: Mapping[str, Row]) -> Row:
    """The error of the fit that held-out labels choose, or why there is none."""
    method = next(iter(fits.values()))["method"]
    strongest = [fits.get(fit) for fit in FITS[method] if fit != "interpolating"]
    rows = [row for row in strongest if row is not None and row.get("held_out_error") is not None]
    if len(rows) < len(strongest):
        return {"regularised_error": None, "regularised_error_reason": "a regularised fit has no held-out error"}
    return {"regularised_error": min(rows, key=lambda row: float(row["held_out_error"]))["test_error"]}


def _regularised_less(rows: list[Row]) -> tuple[bool, str]:
    from gengap.verdicts import span

    less, unclear = [], []
    for name in {(row["data"], row["level"]) for row in rows}:
        own = [row for row in rows if (row["data"], row["level"]) == name]
        errors = [fmean(row[column] for row in own) for column in ("test_error", "regularised_error")]
        less.append(100 * (errors[0] - errors[1]))
        variance = sum(_variance(error, own[0]["test_examples"]) for error in errors)
        if errors[0] - errors[1] <= STANDARD_ERRORS * variance**0.5:
            unclear.append(f"{name[0]} with {name[1]:.0%} redrawn")
    figures = f"less by {span(less, '.1f')} percentage points"
    return not unclear, figures + _exceptions("not clearly", sorted(unclear), len(less))


def _variance(error: float, examples: int) -> float:
    """Of an error on so many test points, with one error and one success added."""
    error = (examples * error + 1) / (examples + 2)
    return error * (1 - error) / examples
