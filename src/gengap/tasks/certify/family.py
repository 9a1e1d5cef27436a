"""All models that were tried, on the same examples: the best one's certificate, and what their likeness is worth."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gengap import bounds
from gengap.arrays import Floats
from gengap.errors import InputError, listed
from gengap.tasks.certify.certificate import Certificate, certify_units
from gengap.tasks.certify.words import percent


@dataclass(frozen=True)
class Family:
    """The best of several models with its certificate, and the whole class's Rademacher bound beside it.

    Attributes:
        certificate: That of the model with fewest errors, the first of equals; valid for all models at once.
        best: Its name.
        models: How many models there are.
        names: Their names.
        distinct_error_vectors: How many of them differ on any example; a description. It depends on the examples, so
            it must not stand in place of the number of models tried.
        rademacher: ``{"upper", "complexity", "monte_carlo_slack", "deviation"}`` for the best model, or
            ``{"upper": None, "reason"}``.
        union: The union bound's ``{"hoeffding", "clopper_pearson"}`` for the same model.
        verdict: Which of the two is smaller, in numbers.
    """

    certificate: Certificate
    best: str
    models: int
    names: list[str]
    distinct_error_vectors: int
    rademacher: dict[str, Any]
    union: dict[str, float]
    verdict: str

    @property
    def sentence(self) -> str:
        """The promise for the best model in one sentence."""
        return f"{self.best}: {self.certificate.sentence}"

    @property
    def notes(self) -> list[str]:
        """What is to be said beside the promise."""
        return [*self.beside, *self.certificate.assumptions]

    @property
    def beside(self) -> list[str]:
        """Who was compared and what was seen: no assumptions."""
        distinct = (
            f"{self.distinct_error_vectors:,} of {self.models:,} models differ from each other in their errors here; "
            "that depends on these examples and so does not count in place of the number tried."
        )
        return [f"Models: {listed(self.names)}.", self.verdict, distinct, *self.certificate.beside]

    def to_json(self) -> dict[str, Any]:
        """The certificate's JSON with ``"family"`` beside it."""
        own = {name: value for name, value in vars(self).items() if name != "certificate"}
        return {**self.certificate.to_json(), "family": own}


def certify_family(
    names: list[str], losses: Floats, *, tried: int | None = None, delta: float = 0.05, draws: int = 1000, seed: int = 0
) -> Family:
    """The certificate of the best of M models, beside Remark 6 of Kawaguchi et al. for the class of all of them.

    Args:
        names: The models' names, M of them.
        losses: 0-1 losses, shape (M, N).
        tried: All models that were compared on these examples, at least M, which is the default.
        delta: Probability that the bound fails for any of them, in (0, 1).
        draws: Random sign vectors for the Rademacher complexity.
        seed: Their seed.

    Raises:
        InputError: Fewer models tried than there are, or delta lies outside (0, 1).
    """
    tried = len(names) if tried is None else tried
    if tried < len(names):
        raise InputError(
            f"tried = {tried} models, but there are predictions of {len(names)}.", expected=f"at least {len(names)}"
        )
    best = int(losses.mean(axis=1).argmin())
    certificate = certify_units(losses[best], tried=tried, delta=delta)
    union = {name: certificate.bounds[name]["upper"] for name in ("hoeffding", "clopper_pearson")}
    if tried > len(names):
        reason = f"predictions of {tried - len(names):,} of the {tried:,} models tried are not given"
        rademacher: dict[str, Any] = {"upper": None, "reason": reason}
    else:
        found = bounds.finite_class_rademacher(losses, delta, draws=draws, seed=seed)
        rademacher = {
            "upper": float(found.upper[best]),
            "complexity": found.complexity,
            "monte_carlo_slack": found.slack,
            "deviation": found.deviation,
            "draws": draws,
        }
    return Family(
        certificate=certificate,
        best=names[best],
        models=len(names),
        names=list(names),
        distinct_error_vectors=len(np.unique(losses, axis=0)),
        rademacher=rademacher,
        union=union,
        verdict=_verdict(rademacher, union),
    )


def _verdict(rademacher: dict[str, Any], union: dict[str, float]) -> str:
    upper = rademacher["upper"]
    if upper is None:
        return f"The Rademacher form does not apply: {rademacher['reason']}."
    verdict = "loses to" if upper > union["hoeffding"] else "beats"
    if min(upper, union["hoeffding"]) >= 1:
        verdict = "promises no more than"
    own, hoeffding, promised = (
        percent(value, up=True) for value in (upper, union["hoeffding"], union["clopper_pearson"])
    )
    return (
        f"The Rademacher form of Remark 6 gives {own} and {verdict} the union bound with Hoeffding, {hoeffding}; "
        f"the promise is Clopper-Pearson's, {promised}."
    )
