"""Theorems 8 and 9 of Kawaguchi et al. 2017 for a network that was trained in two phases, evaluated twice."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gengap.arguments import real_number, whole_number
from gengap.bounds import (
    BernsteinConstants,
    Theorem8,
    kawaguchi2017_theorem8,
    kawaguchi2017_theorem9,
    kawaguchi2017_weight_norm,
)
from gengap.data import Problem
from gengap.errors import InputError
from gengap.network.frozen_gates import GatedNetwork
from gengap.network.inputs import network_inputs
from gengap.probes.paths import feature_bounds, path_kernels, path_norms

EXAMPLES = 1000  # of phase two, by which constants are estimated


@dataclass(frozen=True)
class TwoPhaseBound:
    """Both theorems with one choice of constants.

    Attributes:
        holds: Whether the constants hold for the distribution, so that the values are bounds.
        reason: Where the constants come from.
        constants: Of Theorem 8.
        theorem8: The gap of squared loss that it allows, and its factors.
        theorem8_upper: The mean squared loss over phase two's examples, plus that.
        theorem9_upper: The bound on the error rate; not cut at 1.
        feature_norm: C_sigma.
        weight_norm: C_w.
    """

    holds: bool
    reason: str
    constants: BernsteinConstants
    theorem8: Theorem8
    theorem8_upper: float
    theorem9_upper: float
    feature_norm: float
    weight_norm: float


@dataclass(frozen=True)
class TwoPhaseBounds:
    """Both evaluations, and what they share.

    Attributes:
        beforehand: With constants that follow from the domain of the inputs: bounds.
        estimated: With constants estimated from the examples: no bounds, for insight.
        n: Examples of phase two alone.
        squared_loss: Mean squared loss over them, on one-hot labels.
        margin_risk: Mean margin loss over them.
        squared_norms: Sum over outputs of squared l2 norms of path weights.
        l1_norms: Sum over outputs of their l1 norms.
        paths: d_z, of the output that has most.
    """

    beforehand: TwoPhaseBound
    estimated: TwoPhaseBound
    n: int
    squared_loss: float
    margin_risk: float
    squared_norms: float
    l1_norms: float
    paths: float


def two_phase_bounds(
    model: GatedNetwork,
    problem: Problem,
    m_first: int,
    *,
    margin: float = 1.0,
    delta: float = 0.05,
    largest_input: float | None = None,
    examples: int = EXAMPLES,
) -> TwoPhaseBounds:
    r"""Theorems 8 and 9, on the examples that phase one did not see.

    Beforehand: every coordinate of an input is at most X in absolute value, which the preprocessing says. Each path
    feature is then at most X, or 1 for a bias, times its fixed multipliers and the largest values of its gates
    (``feature_bounds``). With Y the largest of these bounds and B the largest sum of their squares of an output,
    :math:`\|z\|^2 \le B`, so that :math:`C_{zz} = B`, :math:`\gamma_{zz}^2 = B^2`, :math:`C_{yz} = 2 Y` and
    :math:`\gamma_{yz}^2 = Y^2`. One-hot labels have :math:`C_y = 0`. C_w is the next power of 2, paid for by
    ``kawaguchi2017_weight_norm``. d_z is that of the output with the most paths.

    Estimated: the same from the path kernel of some examples: the largest eigenvalues of the mean of z z^T, and of
    the second moment of its deviations. These use the examples that the bound is about, and are no bounds.

    Args:
        model: After phase two.
        problem: S and test split; S in the order in which it was trained on.
        m_first: Examples of phase one, at least 0 and fewer than those of S.
        margin: rho of Theorem 9, fixed beforehand.
        delta: Probability of failure of each theorem, in (0, 1).
        largest_input: X, above 0; None where the preprocessing says it.
        examples: Of phase two, for the estimates; at least 1.

    Raises:
        InputError: No examples are left for phase two, X is not known, or the network has one output alone or fewer
            than classes.
    """
    m_first, examples = whole_number(m_first, "m_first", least=0), whole_number(examples, "examples")
    if largest_input is None:
        largest_input = _largest_input(problem)
    largest = real_number(largest_input, "largest_input", above=0)
    rest = problem.train.x[m_first:], problem.train.y[m_first:]
    if not len(rest[1]):
        raise InputError(
            f"Phase one had all {m_first:,} examples: none is independent of the gates.", expected="alpha below 1"
        )
    x = network_inputs(rest[0], problem.preprocessing, torch.empty(0, dtype=torch.float64))
    y, outputs = torch.tensor(rest[1]), _outputs(model, x)
    few, C = x[:2], outputs.shape[1]
    if max(2, problem.n_classes) > C:
        raise InputError(
            f"The network has {C} output{'s' * (C > 1)} for {problem.n_classes} classes.",
            expected="a score for each class, of two classes too",
        )
    norms, l1 = path_norms(model.network, few), path_norms(model.network, few, power=1)
    known_features = feature_bounds(model.frozen, few, largest)
    if known_features.unbounded:
        where, operation = next(iter(known_features.unbounded.items()))
        raise InputError(
            f"The gates that {operation!r} makes in {where!r} have no bound that is known beforehand.",
            expected="gates of ReLU and its kin, of maxima, and of comparisons",
        )
    square, most = float(known_features.squared_norms.max()), float(known_features.largest.max())
    shared: dict[str, Any] = {
        "squared_norms": float(norms.square().sum()),
        "l1_norms": float(l1.sum()),
        "n": len(y),
        "paths": float(known_features.paths.max()),
        "squared_loss": float((outputs - nn.functional.one_hot(y, C)).square().sum(1).mean()),
        "margin_risk": _margin_risk(outputs, y, margin),
    }
    kernel = path_kernels(model.frozen, x[:examples]).kernels.sum(0)
    C_w, level = kawaguchi2017_weight_norm(max(float(norms.max()), 1e-300), delta)
    known = _Choice(
        True,
        f"inputs are at most {largest:.4g} in absolute value, and so path features at most {most:.4g}",
        BernsteinConstants(square, square**2, 2 * most, most**2),
        math.sqrt(square),
        C_w,
        level,
    )
    estimated = _Choice(
        False,
        f"estimated from {len(kernel):,} of the examples that the bound is about",
        _estimated(kernel, float(feature_bounds(model.frozen, few, float(x.abs().max())).largest.max())),
        float(kernel.diag().mean().sqrt()),
        float(norms.max()),
        delta,
    )
    beforehand, from_data = (_bound(choice, shared, C, margin, delta) for choice in (known, estimated))
    return TwoPhaseBounds(beforehand, from_data, **shared)


class _Choice(NamedTuple):
    """Constants of both theorems, and the level at which those of Theorem 9 hold."""

    holds: bool
    reason: str
    constants: BernsteinConstants
    feature_norm: float
    weight_norm: float
    level: float


def _bound(choice: _Choice, shared: dict[str, Any], C: int, margin: float, delta: float) -> TwoPhaseBound:
    norms, n = (shared["squared_norms"], shared["l1_norms"]), shared["n"]
    eight = kawaguchi2017_theorem8(*norms, n, choice.constants, paths=shared["paths"], outputs=C, delta=delta)
    nine = kawaguchi2017_theorem9(
        shared["margin_risk"],
        n,
        feature_norm=choice.feature_norm,
        weight_norm=choice.weight_norm,
        outputs=C,
        margin=margin,
        delta=choice.level,
    )
    upper = shared["squared_loss"] + eight.gap
    return TwoPhaseBound(
        *(choice.holds, choice.reason, choice.constants, eight, upper, nine, choice.feature_norm, choice.weight_norm)
    )


def _estimated(kernel: Tensor, Y: float) -> BernsteinConstants:
    """From Z with Z Z^T = K: eigenvalues of Z^T Z / n and of Z^T diag(|z|^2) Z / n less the square of that."""
    n = len(kernel)
    values, Q = torch.linalg.eigh(kernel)
    kept = values > n * torch.finfo(torch.float64).eps * values[-1].clamp_min(0)
    roots, Q = values[kept].sqrt(), Q[:, kept]
    second = (roots[:, None] * Q.T * kernel.diag()) @ (Q * roots) / n - torch.diag((values[kept] / n).square())
    return BernsteinConstants(float(values[-1]) / n, float(torch.linalg.eigvalsh(second)[-1]), 2 * Y, Y**2)


def _outputs(model: nn.Module, x: Tensor) -> Tensor:
    like = next(model.parameters())
    with torch.no_grad():
        return torch.cat([model(part.to(like.device, like.dtype)).double().cpu() for part in torch.split(x, 500)])


def _margin_risk(outputs: Tensor, y: Tensor, margin: float) -> float:
    own = outputs.gather(1, y[:, None])[:, 0]
    others = outputs.scatter(1, y[:, None], -torch.inf).amax(1)
    return float((1 - (own - others) / margin).clamp(0, 1).mean())


def _largest_input(problem: Problem) -> float:
    """The largest absolute value of a coordinate that the preprocessing allows."""
    scale, stored = problem.preprocessing.scale, problem.train.x.dtype.kind == "u"
    if scale in ("unit", "signed") and stored:
        return 1.0
    if scale == "whiten":  # of D values with mean 0 and variance 1 at most
        return math.sqrt(math.prod(problem.input_shape))
    raise InputError(
        f"What {problem.name}'s inputs may be at most is not known from its preprocessing.",
        expected="largest_input=…, the largest absolute value of a coordinate of any input",
    )
