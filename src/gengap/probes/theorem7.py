"""Theorem 7 of Kawaguchi et al. 2017 for a given network, training set and population: the gap, term by term."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from gengap.arrays import Floats
from gengap.data import Problem, Split
from gengap.errors import InputError, unknown
from gengap.network.inputs import network_inputs
from gengap.probes.paths import path_kernels, path_norms
from gengap.probes.paths.kernel import Progress, kernel_count, tile_memory

Population = Literal["test", "all"]
MAX_MEMORY = 8 << 30
MATRICES = 5  # as large as a kernel, that are held beside the kernels at once
POPULATIONS = {"test": "the test split", "all": "training and test split together, which holds S itself"}


@dataclass(frozen=True)
class Spectrum:
    r"""The concentration matrix G = E[z z^T] - (1/m) sum_i z_i z_i^T, seen through the examples.

    Attributes:
        eigenvalues: Those that are not 0, falling, ``[r]``.
        cosines_squared: Of the angles theta(1) between its eigenvectors and the path weights, ``[K, r]``.
        rank: r, of the examples' path kernel.
        outputs_outside: Largest part of the outputs that the kept directions do not represent, relative to the largest
            output.
    """

    eigenvalues: Floats
    cosines_squared: Floats
    rank: int
    outputs_outside: float


@dataclass(frozen=True)
class Theorem7:
    r"""The gap of squared loss, :math:`R - R_S`, term by term.

    :math:`R - R_S - c_y = \sum_k (2 \|v_k\| \|\bar w_k\| \cos\theta^{(2)}_k + \|\bar w_k\|^2 \sum_j \lambda_j
    \cos^2 \theta^{(1)}_{kj})`.

    Attributes:
        m: Training examples.
        population: Examples of the finite population.
        risk: R, mean squared loss over the population.
        empirical_risk: R_S.
        c_y: Difference of the mean squared label norms; 0 for classes.
        weight_norms: :math:`\|\bar w_k\|` ``[C]``.
        v_norms: :math:`\|v_k\|` with v_k = (1/m) sum_i y_ik z_i - E[y_k z], ``[C]``.
        v_cosines: :math:`\cos\theta^{(2)}_k`, between v_k and the path weights, ``[C]``.
        spectra: One where all outputs have their paths in common, else one for each output.
        labels: :math:`2 v_k^T \bar w_k` ``[C]``, from the outputs.
        concentration: :math:`\bar w_k^T G \bar w_k` ``[C]``, from the outputs.
        real_gates: Where gates are not constant on pieces, so that the network is not piecewise linear.
        conditions: What was measured, for people.
    """

    m: int
    population: int
    risk: float
    empirical_risk: float
    c_y: float
    weight_norms: Floats
    v_norms: Floats
    v_cosines: Floats
    spectra: tuple[Spectrum, ...]
    labels: Floats
    concentration: Floats
    real_gates: dict[str, str] = field(default_factory=dict)
    conditions: dict[str, Any] = field(default_factory=dict)

    @property
    def gap(self) -> float:
        """R - R_S."""
        return self.risk - self.empirical_risk

    def _spectrum(self, k: int) -> tuple[Floats, Floats]:
        """Eigenvalues and squared cosines for an output."""
        spectrum = self.spectra[0 if len(self.spectra) == 1 else k]
        return spectrum.eigenvalues, spectrum.cosines_squared[k if len(self.spectra) == 1 else 0]

    @property
    def spectral_concentration(self) -> Floats:
        r""":math:`\|\bar w_k\|^2 \sum_j \lambda_j \cos^2\theta^{(1)}_{kj}` ``[C]``, from eigenvalues and angles."""
        sums = [float(np.dot(*self._spectrum(k))) for k in range(len(self.weight_norms))]
        return np.asarray(self.weight_norms**2 * np.array(sums))

    @property
    def angular_labels(self) -> Floats:
        r""":math:`2 \|v_k\| \|\bar w_k\| \cos\theta^{(2)}_k` ``[C]``, from norms and angles."""
        return 2 * self.v_norms * self.weight_norms * self.v_cosines

    @property
    def identity_error(self) -> float:
        """How far the terms, from the outputs, are from the gap, relative to their absolute values: rounding alone."""
        terms = np.concatenate([self.labels, self.concentration, [self.c_y]])
        size = float(np.abs(terms).sum())
        return abs(self.gap - float(terms.sum())) / size if size else abs(self.gap)

    @property
    def spectral_error(self) -> float:
        """How far the same terms from norms, eigenvalues and angles are from them, relative to all absolute values.

        Beyond rounding it is what the eigenvalues of the kernel that count as 0 leave out.
        """
        difference = np.abs(self.angular_labels - self.labels) + np.abs(
            self.spectral_concentration - self.concentration
        )
        size = float((np.abs(self.labels) + np.abs(self.concentration)).sum())
        return float(difference.sum()) / size if size else 0.0

    @property
    def largest_eigenvalues(self) -> Floats:
        """The largest eigenvalue of G for each output ``[C]``, at least 0."""
        largest = [max(0.0, float(self._spectrum(k)[0].max(initial=0))) for k in range(len(self.weight_norms))]
        return np.array(largest)

    @property
    def terms(self) -> pd.DataFrame:
        """Each term as it is, and as it would be at the worst angle: ``term``, ``value``, ``aligned``, ``fraction``.

        ``aligned`` has the same norms and eigenvalues and a cosine of 1 with v_k, or with the top eigenvector of G.
        """
        aligned = [
            float((2 * self.v_norms * self.weight_norms).sum()),
            float((self.largest_eigenvalues * self.weight_norms**2).sum()),
        ]
        values = [float(self.angular_labels.sum()), float(self.spectral_concentration.sum())]
        fractions = [value / most if most else 0.0 for value, most in zip(values, aligned, strict=True)]
        names = ["labels", "concentration"]
        return pd.DataFrame({"term": names, "value": values, "aligned": aligned, "fraction": fractions})

    @property
    def bound(self) -> float:
        """The theorem's upper bound on the gap: every angle at its worst."""
        return float(self.terms["aligned"].sum()) + self.c_y

    @property
    def sentence(self) -> str:
        """What keeps the gap where it is, in plain words."""
        labels, concentration = self.terms.to_dict("records")
        return (
            f"The gap of squared loss is {self.gap:.4g}: {labels['value']:+.4g} from how labels go with path features, "
            f"{concentration['value']:+.4g} from how path features spread. Norms and eigenvalues alone would allow "
            f"{self.bound:.4g}; the angles take the first term to {abs(labels['fraction']):.1e} of its largest value "
            f"and the second to {abs(concentration['fraction']):.1e}."
        )

    def to_json(self) -> dict[str, Any]:
        """All numbers, with the theorem's names."""
        return {
            **self.conditions,
            "m": self.m,
            "population": self.population,
            "risk": self.risk,
            "empirical_risk": self.empirical_risk,
            "gap": self.gap,
            "c_y": self.c_y,
            "terms": self.terms.to_dict("records"),
            "bound": self.bound,
            "identity_error": self.identity_error,
            "spectral_error": self.spectral_error,
            "weight_norms": self.weight_norms.tolist(),
            "v_norms": self.v_norms.tolist(),
            "v_cosines": self.v_cosines.tolist(),
            "largest_eigenvalues": self.largest_eigenvalues.tolist(),
            "rank": [spectrum.rank for spectrum in self.spectra],
            "outputs_outside": [spectrum.outputs_outside for spectrum in self.spectra],
            "not_covered": self.not_covered,
        }

    @property
    def not_covered(self) -> list[str]:
        """What is not claimed, and why."""
        return [
            f"{where} ({name}) has real-valued gates: the identity holds, the network is not piecewise linear"
            for where, name in self.real_gates.items()
        ]


def theorem7(
    model: nn.Module,
    problem: Problem,
    *,
    population: Population = "test",
    loss: str = "squared",
    tile: int | None = None,
    max_memory: int = MAX_MEMORY,
    progress: Progress | None = None,
) -> Theorem7:
    r"""The gap of a network term by term: path-weight norms, eigenvalues of the concentration matrix, angles.

    S is the training split, the distribution a finite population. The identity holds for any network and any data, and
    proves little; the terms say what keeps the gap small. No path is listed: with c_i = P(x_i) - S(x_i) over all
    examples, G = Z^T diag(c) Z and v_k = -Z^T (c o y_k), whose norms, eigenvalues and angles follow from the path
    kernel K = Z Z^T and the outputs Z wbar_k. Eigenvalues of K below N eps times the largest count as 0; ``spectra``
    say what that leaves out, and the error of the sum over eigenvalues is ``spectral_error``.

    Source: Kawaguchi, Kaelbling and Bengio 2017 (arXiv:1710.05468), Theorem 7, here with an index k on v, which
    expanding the square gives. Where outputs do not have their paths in common (a network that ends in a global
    average, say), z and G are those of each output.

    Args:
        model: A network of which the outputs are sums over paths; see ``path_kernel``. Batch norm is folded, and it is
            taken in evaluation mode.
        problem: Training split S and test split; labels are one-hot, or 0 and 1 for a network with one output.
        population: ``test``: the test split; ``all``: both splits.
        loss: Only ``squared``, :math:`\|f(x) - y\|_2^2`.
        tile: As for ``path_kernel``.
        max_memory: Bytes; see ``memory_needed``.
        progress: Called with the tiles of the kernel that are done and their number.

    Raises:
        InputError: Another loss or population, too many examples for the memory, outputs that are not the classes',
            an operation that is no sum over paths.
    """
    if loss != "squared":
        raise InputError(
            f"Theorem 7 with the loss {loss!r}.",
            expected="squared, for which alone it is an identity",
            next_step="the terms are of squared loss on one-hot labels, whatever loss the network was trained with",
        )
    if population not in POPULATIONS:
        raise unknown("population", population, POPULATIONS)
    n, needed = len(problem.train) + len(problem.test), memory_needed(model, problem, tile=tile)
    if needed > max_memory:
        raise InputError(
            f"{n:,} examples need {needed / 1e9:.2g} GB for their path kernels and eigenvectors.",
            expected=f"at most {max_memory / 1e9:.2g} GB",
            next_step="take fewer examples, as problem.take(train, test) does, or allow more memory",
        )
    x = torch.cat([_inputs(split, problem) for split in (problem.train, problem.test)])
    kernel = path_kernels(model, x, tile=tile, progress=progress)
    targets = _targets(problem, kernel.outputs.shape[1])
    m, others = len(problem.train), len(problem.test)
    sample = torch.zeros(m + others, dtype=torch.float64)
    weights = torch.zeros_like(sample)
    sample[:m] = 1 / m
    first = m if population == "test" else 0
    weights[first:] = 1 / (m + others - first)
    losses = (kernel.outputs - targets).square().sum(1)
    c, norms = weights - sample, path_norms(model, x)
    v_norms, v_cosines = _labels(kernel.kernels, kernel.outputs, -c[:, None] * targets, norms)
    return Theorem7(
        m=m,
        population=m + others - first,
        risk=float(weights @ losses),
        empirical_risk=float(sample @ losses),
        c_y=float(c @ targets.square().sum(1)),
        weight_norms=norms.numpy(),
        v_norms=v_norms,
        v_cosines=v_cosines,
        spectra=_spectra(kernel.kernels, kernel.outputs, c, norms),
        labels=(-2 * c @ (targets * kernel.outputs)).numpy(),
        concentration=(c @ kernel.outputs.square()).numpy(),
        real_gates=kernel.real_gates,
        conditions={"data": problem.name, "loss": "squared", "population_is": POPULATIONS[population]},
    )


def memory_needed(model: nn.Module, problem: Problem, *, tile: int | None = None) -> int:
    """Bytes that ``theorem7`` needs for all examples of a Problem: for the kernels, or then for their eigenvectors.

    Where outputs have their paths in common there is one kernel; else there is one for each output.

    Args:
        model: As in ``theorem7``.
        problem: Likewise.
        tile: Likewise.
    """
    first, n = problem.train.x[:2], len(problem.train) + len(problem.test)
    few = network_inputs(first, problem.preprocessing, torch.empty(0, dtype=torch.float64))
    matrices = 8 * (MATRICES + kernel_count(model, few)) * n**2
    return max(matrices, tile_memory(model, few[:1].expand(n, *few.shape[1:]), tile=tile))


def _inputs(split: Split, problem: Problem) -> Tensor:
    return network_inputs(split.x, problem.preprocessing, torch.empty(0, dtype=torch.float64))


def _targets(problem: Problem, outputs: int) -> Tensor:
    """One-hot labels ``[N, C]``, or numbers 0 and 1 ``[N, 1]`` for one output."""
    y = torch.from_numpy(np.concatenate([problem.train.y, problem.test.y]))
    if outputs == 1 and problem.n_classes == 2:
        return y.double()[:, None]
    if outputs != problem.n_classes:
        raise InputError(
            f"The network has {outputs} output{'s' * (outputs > 1)} for {problem.n_classes} classes.",
            expected="a score for each class, or one output for two classes",
        )
    return nn.functional.one_hot(y, outputs).double()


def _labels(kernels: Tensor, outputs: Tensor, a: Tensor, norms: Tensor) -> tuple[Floats, Floats]:
    """Norm of v_k = Z^T a_k and its cosine with the path weights, for each output."""
    lengths, cosines = [], []
    for k in range(outputs.shape[1]):
        kernel = kernels[0 if len(kernels) == 1 else k]
        length = float((a[:, k] @ kernel @ a[:, k]).clamp_min(0).sqrt())
        size = length * float(norms[k])
        lengths.append(length)
        cosines.append(float(a[:, k] @ outputs[:, k]) / size if size else 0.0)
    return np.array(lengths), np.array(cosines)


def _spectra(kernels: Tensor, outputs: Tensor, c: Tensor, norms: Tensor) -> tuple[Spectrum, ...]:
    """Of the one kernel with all outputs, or of each output's."""
    if len(kernels) == 1:
        return (_spectrum(kernels[0], outputs, c, norms),)
    pairs = enumerate(kernels)
    return tuple(_spectrum(kernel, outputs[:, [k]], c, norms[[k]]) for k, kernel in pairs)


def _spectrum(kernel: Tensor, outputs: Tensor, c: Tensor, norms: Tensor) -> Spectrum:
    """With K = Q L Q^T and Z = Q L^(1/2) R, G = R^T H R for H = L^(1/2) Q^T diag(c) Q L^(1/2)."""
    values, vectors = torch.linalg.eigh(kernel)
    kept = values > len(kernel) * torch.finfo(torch.float64).eps * values[-1].clamp_min(0)
    roots, Q = values[kept].sqrt(), vectors[:, kept]
    eigenvalues, P = torch.linalg.eigh((roots[:, None] * Q.T * c) @ (Q * roots))
    projected = P.T @ ((Q.T @ outputs) / roots[:, None])  # u_j . wbar_k, [r, K]
    cosines = projected.square() / norms.square().clamp_min(torch.finfo(torch.float64).tiny)
    outside = (outputs - Q @ (Q.T @ outputs)).abs().max() / outputs.abs().max().clamp_min(1e-300)
    return Spectrum(eigenvalues.flip(0).numpy(), cosines.T.flip(1).numpy(), int(kept.sum()), float(outside))
