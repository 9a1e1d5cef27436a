"""Measures and capacities of networks of one hidden layer of ReLUs, V [U x + b]_+ + c (Neyshabur et al. 2019).

U0 and V0 are the weights at initialisation; there are D inputs, H hidden units, C classes, m training examples. The
square root of a capacity over m bounds the generalization gap, with gamma the 5th percentile of the training margins,
and delta = 0.01. Norms leave biases out, as the authors' code does.
"""

import math
from dataclasses import dataclass

from torch import Tensor

from gengap.measures.registry import register
from gengap.measures.spectral import matrix_norm
from gengap.measures.subject import Subject
from gengap.measures.two_layer import TwoLayer, initial_two_layer, two_layer
from gengap.measures.values import Finding, NotDefined
from gengap.network.passes import low_margin

NEYSHABUR = "Neyshabur et al. 2019 (arXiv:1805.12076)"
PLOTTED = f"{NEYSHABUR}, the capacities that it plots; constants of the authors' code"
DELTA = 0.01  # probability that a bound fails
MARGIN_PERCENT = 5  # of the training margins
GAMMA = "gamma the margin of rank m // 20 from below, where the authors' code interpolates the 5th percentile"


@register(
    name="neyshabur2019_unit_capacity",
    formula="mean over hidden units i of ||u_i - u_i^0||_2",
    source=f"{NEYSHABUR}, section 2",
    sign=1,
    needs=frozenset({"weights", "initial"}),
    rescaling_invariant=False,
)
def neyshabur2019_unit_capacity(subject: Subject) -> float:
    """How far the weights into a hidden unit have moved, on average."""
    net, initial = subject.once(two_layer), subject.once(initial_two_layer)
    return float((net.hidden - initial.hidden).norm(dim=1).mean())


@register(
    name="neyshabur2019_unit_impact",
    formula="mean over hidden units i of ||v_i||_2, v_i the weights out of it",
    source=f"{NEYSHABUR}, section 2",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
)
def neyshabur2019_unit_impact(subject: Subject) -> float:
    """How large the weights out of a hidden unit are, on average."""
    net = subject.once(two_layer)
    return float(net.output.norm(dim=0).mean())


@register(
    name="neyshabur2019_vc",
    formula="D H, for D inputs and H hidden units",
    source=f"{NEYSHABUR}, Table 1, row 1",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def neyshabur2019_vc(subject: Subject) -> float:
    """What the VC dimension of one hidden layer of ReLUs grows with, by Harvey et al. 2017."""
    inputs, units, _ = subject.once(two_layer).shape
    return float(inputs * units)


@register(
    name="neyshabur2019_l1max",
    formula="||U||_{inf,1} ||V||_{inf,1}, the largest l1 norms of rows",
    source=f"{NEYSHABUR}, Table 1, row 2",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def neyshabur2019_l1max(subject: Subject) -> float:
    """Product of both layers' largest l1 norms of a row, by Bartlett and Mendelson 2002."""
    net = subject.once(two_layer)
    return _largest_row_l1(net.hidden) * _largest_row_l1(net.output)


@register(
    name="neyshabur2019_frobenius",
    formula="||U||_F ||V||_F",
    source=f"{NEYSHABUR}, Table 1, row 3",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def neyshabur2019_frobenius(subject: Subject) -> float:
    """Product of both layers' Frobenius norms, by Neyshabur et al. 2015 and Golowich et al. 2018."""
    net = subject.once(two_layer)
    return _frobenius(net.hidden) * _frobenius(net.output)


@register(
    name="neyshabur2019_spectral_l1",
    formula="||U||_2 ||V - V0||_{1,2} + ||U - U0||_{1,2} ||V||_2, with sums of l2 norms of rows",
    source=f"{NEYSHABUR}, Table 1, row 4",
    sign=1,
    needs=frozenset({"weights", "initial"}),
    rescaling_invariant=False,
)
def neyshabur2019_spectral_l1(subject: Subject) -> float:
    """Spectral norms times distances from initialisation summed over units, by Bartlett et al. 2017."""
    net, initial = subject.once(two_layer), subject.once(initial_two_layer)
    moved = _sum_of_row_l2(net.hidden - initial.hidden) * _spectral(net.output)
    return _spectral(net.hidden) * _sum_of_row_l2(net.output - initial.output) + moved


@register(
    name="neyshabur2019_spectral_frobenius",
    formula="||U||_2 ||V - V0||_F + sqrt(H) ||U - U0||_F ||V||_2",
    source=f"{NEYSHABUR}, Table 1, row 5",
    sign=1,
    needs=frozenset({"weights", "initial"}),
    rescaling_invariant=False,
)
def neyshabur2019_spectral_frobenius(subject: Subject) -> float:
    """Spectral norms times Frobenius distances from initialisation, by Neyshabur et al. 2018."""
    net, initial = subject.once(two_layer), subject.once(initial_two_layer)
    moved = math.sqrt(len(net.hidden)) * _frobenius(net.hidden - initial.hidden) * _spectral(net.output)
    return _spectral(net.hidden) * _frobenius(net.output - initial.output) + moved


@register(
    name="neyshabur2019_distance",
    formula="||U0||_2 ||V||_F + ||U - U0||_F ||V||_F + sqrt(H)",
    source=f"{NEYSHABUR}, Table 1, row 6",
    sign=1,
    needs=frozenset({"weights", "initial"}),
    rescaling_invariant=False,
)
def neyshabur2019_distance(subject: Subject) -> Finding:
    """The paper's own measure, of its Theorem 2; its plots leave out sqrt(H), which is in the details."""
    net, initial = subject.once(two_layer), subject.once(initial_two_layer)
    units = math.sqrt(len(net.hidden))
    norms = (_spectral(initial.hidden) + _frobenius(net.hidden - initial.hidden)) * _frobenius(net.output)
    return Finding(norms + units, details={"without_sqrt_h": norms})


@register(
    name="neyshabur2019_capacity_vc",
    formula="8 C VC ln(e max(m / VC, 1)) + 8 ln(2 / delta), VC = 2 + W log2(8 e (H + 2 C) log2(4 e (H + 2 C))) "
    "(2 (D + 1) H + (H + 1) C) / ((D + 1) H + (H + 1) C)",
    source=PLOTTED,
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def neyshabur2019_capacity_vc(subject: Subject) -> float:
    """From the VC dimension by Harvey et al. 2017, of W parameters with biases and D inputs."""
    net = subject.once(two_layer)
    inputs, units, classes = net.shape
    hidden, output = (inputs + 1) * units, (units + 1) * classes
    pieces = 4 * math.e * (units + 2 * classes)
    vc = 2 + net.parameters * math.log2(2 * pieces * math.log2(pieces)) * (2 * hidden + output) / (hidden + output)
    return 8 * classes * vc * math.log(math.e * max(subject.n / vc, 1)) + 8 * math.log(2 / DELTA)


@register(
    name="neyshabur2019_capacity_l1max",
    formula="(R + 3 sqrt(ln(m / delta)))^2, R = 16 C ||U||_{inf,1} ||V||_{inf,1} sqrt(ln D) sqrt(mean "
    "||x||_inf^2) / gamma, " + GAMMA,
    source=PLOTTED,
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def neyshabur2019_capacity_l1max(subject: Subject) -> float:
    """From the bound of Bartlett and Mendelson 2002, with the mean over examples of the squared largest entry."""
    net = subject.once(two_layer)
    inputs, _, classes = net.shape
    norms = _largest_row_l1(net.hidden) * _largest_row_l1(net.output)
    size = math.sqrt(math.log(inputs) * subject.once(_data_norms).mean_square_entry)
    return _with_confidence(16 * classes * norms * size / _margin(subject), subject.n)


@register(
    name="neyshabur2019_capacity_frobenius",
    formula="(R + 3 sqrt(ln(m / delta)))^2, R = 8 sqrt(C) ||U||_F ||V||_F sqrt(mean ||x||_2^2) / gamma, " + GAMMA,
    source=PLOTTED,
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def neyshabur2019_capacity_frobenius(subject: Subject) -> float:
    """From the bound of Neyshabur et al. 2015."""
    net = subject.once(two_layer)
    norms = _frobenius(net.hidden) * _frobenius(net.output)
    size = math.sqrt(subject.once(_data_norms).mean_square)
    return _with_confidence(8 * math.sqrt(len(net.output)) * norms * size / _margin(subject), subject.n)


@register(
    name="neyshabur2019_capacity_spectral_l1",
    formula="(R + sqrt(4.5 ln(1/delta) + ln(2 m / gamma) + 2 ln(2 + sqrt(m X)) + 2 ln((2 + 2 d1) (2 + 2 d2) (2 + "
    "2 s1) (2 + 2 s2))))^2, R = 144 ln m ln(2 W) (sqrt(X) + 1/sqrt(m)) ((s2 r1)^(2/3) + (s1 r2)^(2/3))^(3/2) / gamma, "
    + GAMMA,
    source=PLOTTED,
    sign=1,
    needs=frozenset({"weights", "data", "initial"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def neyshabur2019_capacity_spectral_l1(subject: Subject) -> float:
    """From the bound of Bartlett et al. 2017: s spectral norms, d Frobenius distances, r sums of units' distances."""
    net, initial = subject.once(two_layer), subject.once(initial_two_layer)
    gamma, m, x = _margin(subject), subject.n, subject.once(_data_norms).mean_square
    moved = (net.hidden - initial.hidden, net.output - initial.output)
    norms = [_spectral(net.hidden), _spectral(net.output)]
    sums = [_sum_of_row_l2(matrix) for matrix in moved]
    mixed = ((norms[1] * sums[0]) ** (2 / 3) + (norms[0] * sums[1]) ** (2 / 3)) ** 1.5
    size = math.sqrt(x) + 1 / math.sqrt(m)
    complexity = 144 * math.log(m) * math.log(2 * net.parameters) * size * mixed / gamma
    scales = sum(math.log(2 + 2 * value) for value in (*norms, *map(_frobenius, moved)))
    rest = 4.5 * math.log(1 / DELTA) + math.log(2 * m / gamma) + 2 * math.log(2 + math.sqrt(m * x)) + 2 * scales
    return float((complexity + math.sqrt(max(rest, 0))) ** 2)


@register(
    name="neyshabur2019_capacity_spectral_frobenius",
    formula="R^2 + 6 ln(2 m / delta), R = 336 s1 sqrt(ln(8 H)) max ||x||_2 sqrt(H (s2 d1)^2 + C (s1 d2)^2) / "
    "(sqrt(2) gamma), " + GAMMA,
    source=PLOTTED,
    sign=1,
    needs=frozenset({"weights", "data", "initial"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def neyshabur2019_capacity_spectral_frobenius(subject: Subject) -> float:
    """From the bound of Neyshabur et al. 2018: s spectral norms, d Frobenius distances from initialisation."""
    net, initial = subject.once(two_layer), subject.once(initial_two_layer)
    _, units, classes = net.shape
    s1, s2 = _spectral(net.hidden), _spectral(net.output)
    d1, d2 = _frobenius(net.hidden - initial.hidden), _frobenius(net.output - initial.output)
    mixed = math.sqrt(units * (s2 * d1) ** 2 + classes * (s1 * d2) ** 2)
    size = math.sqrt(math.log(8 * units) * subject.once(_data_norms).largest_square)
    complexity = 336 * s1 * size * mixed / (math.sqrt(2) * _margin(subject))
    return complexity**2 + 6 * math.log(2 * subject.n / DELTA)


@register(
    name="neyshabur2019_capacity_distance",
    formula="(R + 3 sqrt(5 H + ln(max(1, gamma sqrt(m)) / delta)))^2, R = 3 sqrt(2) (sqrt(2 C) + 1) (||V||_F + "
    "1) (sqrt(mean ||[U0 x + b0]_+||^2) + ||U - U0||_F sqrt(mean ||x||_2^2) + 1) / gamma, " + GAMMA,
    source=PLOTTED,
    sign=1,
    needs=frozenset({"weights", "data", "initial"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def neyshabur2019_capacity_distance(subject: Subject) -> float:
    """The paper's own: the hidden layer's distance from initialisation and what it computed there."""
    net, initial = subject.once(two_layer), subject.once(initial_two_layer)
    gamma, m = _margin(subject), subject.n
    _, units, classes = net.shape
    moved = _frobenius(net.hidden - initial.hidden) * math.sqrt(subject.once(_data_norms).mean_square)
    start = math.sqrt(_initial_activation(subject))
    factor = 3 * math.sqrt(2) * (math.sqrt(2 * classes) + 1) * (_frobenius(net.output) + 1)
    confidence = 5 * units + math.log(max(1, gamma * math.sqrt(m)) / DELTA)
    return (factor * (start + moved + 1) / gamma + 3 * math.sqrt(confidence)) ** 2


def _frobenius(matrix: Tensor) -> float:
    """``||M||_F``."""
    return float(matrix.norm())


def _spectral(matrix: Tensor) -> float:
    """``||M||_2``, the largest singular value."""
    return matrix_norm(matrix).value


def _largest_row_l1(matrix: Tensor) -> float:
    """``||M||_{inf,1}``: the largest l1 norm of a row.

    >>> import torch
    >>> _largest_row_l1(torch.tensor([[1.0, -2.0], [0.0, 2.5]]))
    3.0
    """
    return float(matrix.abs().sum(1).max())


def _sum_of_row_l2(matrix: Tensor) -> float:
    """``||M||_{1,2}``: the sum of the rows' l2 norms.

    >>> import torch
    >>> _sum_of_row_l2(torch.tensor([[3.0, -4.0], [0.0, 2.0]]))
    7.0
    """
    return float(matrix.norm(dim=1).sum())


@dataclass(frozen=True)
class _DataNorms:
    """Of the inputs x_1 … x_m as the network takes them.

    Attributes:
        mean_square: Mean of ``||x_i||_2^2``.
        largest_square: Maximum of ``||x_i||_2^2``.
        mean_square_entry: Mean of ``||x_i||_inf^2``. (The authors' code adds it once for each batch, without absolute
            values, and divides by m.)
    """

    mean_square: float
    largest_square: float
    mean_square_entry: float


def _data_norms(subject: Subject) -> _DataNorms:
    """Of the training split."""
    total, largest, entries = 0.0, 0.0, 0.0
    for x, _ in subject.batches():
        flat = x.flatten(1).double()
        squares = flat.square().sum(1)
        total += float(squares.sum())
        largest = max(largest, float(squares.max()))
        entries += float(flat.abs().amax(1).square().sum())
    return _DataNorms(total / subject.n, largest, entries / subject.n)


def _initial_activation(subject: Subject) -> float:
    """Mean over the training split of ``||[U0 x + b0]_+||_2^2``, the hidden layer at initialisation."""
    initial: TwoLayer = subject.once(initial_two_layer)
    return sum(float(initial.activations(x).square().sum()) for x, _ in subject.batches()) / subject.n


def _margin(subject: Subject) -> float:
    """The 5th percentile gamma of the training margins, by rank, as ``low_margin`` takes it.

    Raises:
        NotDefined: It is not positive.
    """
    gamma = low_margin(subject.pass_.margins, MARGIN_PERCENT)
    if gamma <= 0:
        raise NotDefined(f"the {MARGIN_PERCENT}th percentile of the training margins is not positive: {gamma:.4g}")
    return gamma


def _with_confidence(complexity: float, m: int) -> float:
    """``(R + 3 sqrt(ln(m / delta)))^2`` for m examples."""
    return (complexity + 3 * math.sqrt(math.log(m / DELTA))) ** 2
