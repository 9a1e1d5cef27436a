"""Curvature: eigenvalues, trace and spectral density of the Hessian of the mean loss; the gradient noise scale."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gengap.arguments import whole_number
from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.network.copies import unwrapped
from gengap.network.gradients import (
    NO_GRADIENT,
    check_independent,
    prepared,
    saturated,
    saturation_reason,
    trainable,
    without_gradient,
)
from gengap.network.inputs import Data, Part, batches
from gengap.network.second_derivatives import check_second_derivatives, twice_differentiable
from gengap.probes.coherence_results import Coherence
from gengap.probes.hessian_products import Products, Progress, counting_hessian
from gengap.probes.lanczos import MOST, RESIDUAL, extreme_eigenvalues
from gengap.seeds import generator, stream

BATCH = 500
DENSE = 64  # parameters up to which a layer's Hessian is formed
DENSITY_CHANGE = 0.05  # of the share of eigenvalues below a point, between two halves of the runs, likewise
WHOLE, DENSITY = "the whole network", "spectral density"
RUN = 40  # products that one run of Lanczos' method takes, roughly
DENSITY_STEPS, DENSITY_RUNS = 40, 4


class Spectrum(NamedTuple):
    """What is known of one Hessian, or of the block of it that belongs to one layer.

    Attributes:
        parameters: Its size P.
        largest: The largest eigenvalues, in descending order.
        smallest: The smallest one.
        smallest_residual: ``|H v - lambda v|`` of it, ``|v| = 1``: some eigenvalue is no farther from it, and the
            smallest one may lie lower, as values found are never below it.
        residual: The largest ``|H v - lambda v| / max |lambda|`` among them, ``|v| = 1``: how well they are converged.
        trace: By Hutchinson's estimator; exact up to ``DENSE`` parameters.
        trace_error: Its standard error over the probes; 0 where exact.
        converged: Whether the residual is at most ``RESIDUAL``, so that they are known to this part of the largest
            absolute one, and a search beside the largest found none missing. A smallest one near 0 beside it may have
            no right digit all the same: see ``smallest_residual``.
    """

    parameters: int
    largest: tuple[float, ...]
    smallest: float
    smallest_residual: float
    residual: float
    trace: float
    trace_error: float
    converged: bool


class Density(NamedTuple):
    """The density of eigenvalues, smoothed.

    Attributes:
        grid: Places, ``[G]``.
        density: Share of eigenvalues per unit, ``[G]``.
        change: The largest difference of the share below a point between two halves of the runs.
        converged: Whether it is at most ``DENSITY_CHANGE``.
    """

    grid: Floats
    density: Floats
    change: float
    converged: bool


@dataclass(frozen=True)
class Curvature:
    """The Hessian of a network's mean loss over N examples.

    Attributes:
        whole: Over all parameters.
        layers: Module's name -> its own block.
        density: Over all parameters; None if it was not asked for.
        n: Number of examples N.
        not_covered: Parameters that have no gradient: frozen ones, and those on which the loss does not depend.
        saturated: Share of the examples whose cross entropy has no gradient in the network's type; 0 for another loss.
        reason: That what they add to the curvature is lost, or that all of it is 0; None for neither.
    """

    whole: Spectrum
    layers: Mapping[str, Spectrum]
    density: Density | None
    n: int
    not_covered: tuple[str, ...]
    saturated: float
    reason: str | None

    @property
    def converged(self) -> bool:
        """Whether every part of it is."""
        parts = [self.whole.converged, *(layer.converged for layer in self.layers.values())]
        return all(parts) and (self.density is None or self.density.converged)


class NoiseScale(NamedTuple):
    """The gradient noise scale ``tr(Sigma) / |G|^2``, in examples.

    Attributes:
        value: None where ``|G|^2`` cannot be distinguished from 0.
        error: Its standard error.
        reason: Why there is no value.
    """

    value: float | None
    error: float | None
    reason: str | None


def curvature(
    model: nn.Module,
    data: Data,
    loss: nn.Module | None = None,
    *,
    eigenvalues: int = 1,
    probes: int = 30,
    density: bool = False,
    layers: bool = True,
    split: Part = "train",
    seed: int = 0,
    evaluation: bool = False,
    progress: Progress | None = None,
) -> Curvature:
    """The Hessian of the mean loss, by products with vectors: eigenvalues, trace, density, with their convergence.

    Eigenvalues are Lanczos', which is run again beside those found, since one run sees an eigenvalue of several
    eigenvectors once; the trace is Hutchinson's; the density is that of stochastic Lanczos quadrature. Products
    with the Hessian and the density come from curvlinops.

    Source: Papyan 2020 (arXiv:2008.11865) for the density; Hutchinson 1989 for the trace.

    Args:
        model: A network that returns one tensor of scores, in the mode that it is in; it stays as it is.
        data: A Problem, a pair of inputs and labels, or a list of batches.
        loss: A module whose mean over a batch is taken; None for cross-entropy.
        eigenvalues: How many of the largest, at least 1; at most 60, or all of up to 64 parameters.
        probes: Random vectors of the trace, at least 2.
        density: Whether to have the spectral density too.
        layers: Whether to have each layer's own block too.
        split: Which split of a Problem.
        seed: Of the random vectors.
        evaluation: Whether to run the network in evaluation mode.
        progress: Called with (products with vectors done, expected in all, what is being computed).

    Raises:
        InputError: curvlinops is not installed, an argument is out of its range, no examples, a layer that mixes the
            examples of a batch or draws at random, a loss that cannot take the scores, losses that are not finite,
            cross entropies that are all saturated in the network's type, or second derivatives that an operation lacks
            or that are wrong.
    """
    eigenvalues, probes = whole_number(eigenvalues, "eigenvalues"), whole_number(probes, "probes", least=2)
    model = unwrapped(model)
    with prepared(model, evaluation), twice_differentiable(model), torch.random.fork_rng(devices=[]):
        examples = list(batches(data, model, split, size=BATCH))
        if not examples:
            raise InputError("There are no examples.", expected="at least one")
        check_independent(model, examples[0][0], random=False)
        criterion = loss or nn.CrossEntropyLoss()
        lost = _check_finite(model, criterion, examples)
        fixed = without_gradient(model, *examples[0], criterion)
        parameters = {name: p for name, p in trainable(model).items() if name not in fixed}
        check_second_derivatives(model, *examples[0], criterion, list(parameters))

        P = sum(p.numel() for p in parameters.values())
        members: dict[str, list[str]] = {}
        for parameter in parameters if layers else ():
            members.setdefault(parameter.rpartition(".")[0], []).append(parameter)
        sizes = {WHOLE: P} | {name: sum(parameters[n].numel() for n in own) for name, own in members.items()}
        products = Products(_expected_products(sizes, eigenvalues, probes, density), progress)
        operator = counting_hessian(products)

        def block(names: Sequence[str], k: int) -> Spectrum:
            hessian = operator(model, criterion, [parameters[n] for n in names], examples, check_deterministic=False)
            return _spectrum(hessian, k, probes, seed)

        products.begin(WHOLE)
        if eigenvalues > (P if P <= DENSE else MOST):
            raise InputError(
                f"{eigenvalues} eigenvalues of a Hessian of {P:,} parameters.",
                expected=f"at most {P if P <= DENSE else MOST}",
                next_step="the spectral density shows all of them" if P > DENSE else "",
            )
        whole = block(list(parameters), eigenvalues)
        result: dict[str, Spectrum] = {}
        for name, own in members.items():
            products.begin(name)
            result[name] = block(own, 1)
        spread = None
        if density:
            products.begin(DENSITY)
            hessian = operator(model, criterion, list(parameters.values()), examples, check_deterministic=False)
            spread = _density(hessian, whole, seed)
    n = sum(len(y) for _, y in examples)
    nothing = (
        NO_GRADIENT.replace("gradients", "second derivatives") if not (whole.largest[0] or whole.smallest) else None
    )
    reason = saturation_reason(lost / n, "the curvature") or nothing
    return Curvature(whole, result, spread, n, fixed, lost / n, reason)


def gradient_noise_scale(coherence: Coherence) -> NoiseScale:
    r"""The batch size :math:`\mathrm{tr}\,\Sigma / |G|^2` at which noise and mean gradient are as large.

    With the unbiased coherence alpha it is ``(1 - alpha) / alpha``. There is a value where alpha is at least two of its
    errors. These are up to a factor of the root of 2 too large near alpha = 0, so that a small mean gradient passes
    less often than two standard errors say.

    Source: McCandlish et al. 2018 (arXiv:1812.06162), the simple noise scale.

    Args:
        coherence: What ``coherence`` gives, with its errors.
    """
    alpha, error = coherence.whole.unbiased, coherence.whole.unbiased_error
    if not alpha > 0 or (error is not None and alpha < 2 * error):
        return NoiseScale(
            None, None, "the mean gradient cannot be distinguished from 0: its squared norm is within two errors"
        )
    return NoiseScale((1 - alpha) / alpha, None if error is None else error / alpha**2, None)


def _expected_products(sizes: Mapping[str, int], eigenvalues: int, probes: int, density: bool) -> dict[str, int]:
    """Products with vectors that each piece of work takes, roughly: how soon Lanczos' runs end is not known before.

    Args:
        sizes: Name of a Hessian or of a layer's block -> its size P, the whole first.
        eigenvalues: Of the whole.
        probes: Of each trace.
        density: Whether there is a spectral density.
    """
    runs = {name: 3 if name == WHOLE and eigenvalues > 1 else 1 for name in sizes}
    expected = {name: P if P <= DENSE else RUN * runs[name] + probes for name, P in sizes.items()}
    return expected | ({DENSITY: DENSITY_STEPS * DENSITY_RUNS} if density else {})


def _check_finite(model: nn.Module, loss: nn.Module, examples: Sequence[tuple[Tensor, Tensor]]) -> int:
    """How many examples are saturated.

    Raises:
        InputError: A loss is NaN or infinite, or all examples of a cross entropy are saturated.
    """
    lost = 0
    with torch.no_grad():
        for x, y in examples:
            scores = model(x)
            if not bool(torch.isfinite(_loss_of(loss, scores, y))):
                raise InputError(
                    "The loss is NaN or infinite.",
                    expected="a network and data with finite losses",
                    next_step="take a snapshot from before training diverged",
                )
            lost += saturated(loss, scores, y)
    if lost == sum(len(y) for _, y in examples):
        raise InputError(
            "The softmax of every example rounds to 1 in the network's type: no digit of the curvature is right.",
            expected="a loss that is not saturated",
            next_step="model.double() with inputs in float64, or an earlier snapshot of the training",
        )
    return lost


def _loss_of(loss: nn.Module, scores: Tensor, y: Tensor) -> Tensor:
    """The mean loss of a batch.

    Raises:
        InputError: The loss cannot take scores and labels, or is not one number.
    """
    try:
        value = loss(scores, y)
    except Exception as error:  # whatever a loss of the user's raises
        cause = (str(error).strip().splitlines() or [""])[0]
        raise InputError(
            f"The loss cannot take scores of shape {tuple(scores.shape)} and labels of shape {tuple(y.shape)}: "
            f"{type(error).__name__}: {cause}"
        ) from error
    if not isinstance(value, Tensor) or value.ndim or not value.is_floating_point():
        raise InputError(f"The loss {type(loss).__name__} gives no single number.", expected="a mean over the batch")
    return value


def _spectrum(hessian: Any, k: int, probes: int, seed: int) -> Spectrum:
    P = int(hessian.shape[0])
    if P <= DENSE:
        values = np.linalg.eigvalsh(_symmetric(hessian, P))
        largest = tuple(float(v) for v in values[::-1][:k])
        return Spectrum(P, largest, float(values[0]), 0.0, 0.0, float(values.sum()), 0.0, True)
    found = extreme_eigenvalues(hessian.to_scipy(), k, seed)
    quadratic = np.array([_quadratic(hessian, P, seed, n) for n in range(probes)])
    return Spectrum(
        P,
        found.largest,
        found.smallest,
        found.smallest_residual,
        found.residual,
        float(quadratic.mean()),
        float(quadratic.std(ddof=1) / np.sqrt(probes)),
        found.complete and found.residual <= RESIDUAL,
    )


def _times(hessian: Any, vectors: NDArray[Any]) -> Floats:
    like = hessian.to_scipy()
    return np.stack([np.asarray(like @ v.astype(like.dtype), dtype=np.float64) for v in vectors.T], axis=1)


def _quadratic(hessian: Any, P: int, seed: int, n: int) -> float:
    """``v^T H v`` for random signs v, whose mean is the trace."""
    signs = 2.0 * generator(seed, "hutchinson", n).integers(0, 2, P) - 1.0
    return float(signs @ _times(hessian, signs[:, None])[:, 0])


def _symmetric(hessian: Any, P: int) -> Floats:
    dense = _times(hessian, np.eye(P))
    return (dense + dense.T) / 2


def _density(hessian: Any, whole: Spectrum, seed: int, *, points: int = 512) -> Density:
    from curvlinops import lanczos_approximate_spectrum

    edges = (whole.smallest, whole.largest[0])
    steps = min(DENSITY_STEPS, whole.parameters - 1)
    grid, halves = np.zeros(points), []
    for half in range(2):
        torch.manual_seed(stream(seed, "spectral density", half))
        places, values = lanczos_approximate_spectrum(
            hessian, steps, num_points=points, num_repeats=DENSITY_RUNS // 2, boundaries=edges
        )
        grid = np.asarray(places.double().cpu())
        halves.append(np.asarray(values.double().cpu()))
    below = [np.cumsum(half) / half.sum() for half in halves]
    change = float(np.abs(below[0] - below[1]).max())
    return Density(grid, (halves[0] + halves[1]) / 2, change, change <= DENSITY_CHANGE)
