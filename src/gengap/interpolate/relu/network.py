"""Theorem 1 and Corollary 1 of Zhang et al. 2017 as a PyTorch module."""

import math
from typing import Self

import torch
from torch import Tensor, nn

from gengap.arguments import whole_number
from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.interpolate.relu.triangular import Segments

_CHUNK_UNITS = 1 << 20  # so many units are held at a time where the residual is measured


class ReLUNetwork(nn.Module):
    r"""c(x) = sum_j w_j max(<a, x> - b_j, 0) as a network of ``depth`` layers of weights.

    Depth 2 has one hidden layer with all n units. At depth k the units are split into k - 1 blocks of nearly equal
    size, one a hidden layer; each layer also hands on u = max(<a, x> - b_1, 0), on which all later units depend, and
    the sum of the earlier blocks, as a positive and a negative part. So a layer has at most n / (k - 1), rounded up,
    + 1 + 2K units for K outputs, and the free weights are a, b and w at any depth; all others are 1 or -1.

    Source: Zhang et al. 2017 (arXiv:1611.03530), Theorem 1 and Corollary 1. The paper's proof of the corollary
    computes each block's own interpolant and selects among them by approximate indicators of intervals; here the
    blocks are summed, which needs no approximation and has the same depth, width and number of weights.

    Attributes:
        direction: a, ``[d]``.
        knots: b, ascending, ``[n]``.
        weights: w, ``[n, K]``.
        depth: k.
        residual: Largest error at the training points' projections, in units of y; see ``from_segments``.
    """

    def __init__(
        self, direction: Tensor, knots: Tensor, weights: Tensor, output_shape: tuple[int, ...] = (), depth: int = 2
    ):
        super().__init__()
        most = len(knots) + 1  # at least one unit a hidden layer
        depth = whole_number(depth, "depth", least=2, most=most)
        self.direction, self.knots, self.weights = (nn.Parameter(part) for part in (direction, knots, weights))
        self.depth = depth
        self.residual = float("nan")
        self._output_shape = output_shape

    @classmethod
    def from_segments(
        cls,
        direction: Floats,
        segments: Segments,
        output_shape: tuple[int, ...] = (),
        dtype: torch.dtype | None = None,
        depth: int = 2,
        tolerance: float = 1e-3,
    ) -> Self:
        """The network of given pieces, with its residual measured; see ``ReLUInterpolator.to_module``."""
        dtype = dtype or torch.float64
        if not isinstance(tolerance, int | float) or not tolerance >= 0:
            raise InputError(f"tolerance = {tolerance!r}.", expected="a fraction of at least 0, or math.inf")
        a, b, w = (torch.tensor(part, dtype=dtype) for part in (direction, segments.knots, segments.weights))
        network = cls(a, b, w, output_shape, depth)
        network.residual = network._worst_error(segments)
        allowed = tolerance * float(abs(segments.values).max())
        if not network.residual <= allowed:
            raise InputError(
                f"Summed in {str(dtype).removeprefix('torch.')}, the network misses a label by {network.residual:.3g}; "
                f"{allowed:.3g} is allowed.",
                expected="weights that can be summed without losing what neighbouring points differ by",
                next_step="take torch.float64, fewer points, or predict, which sums nothing; tolerance=inf accepts it",
            )
        return network

    @property
    def width(self) -> int:
        """Units in the widest hidden layer; at depth 2 exactly n."""
        n, outputs = self.weights.shape
        return n if self.depth == 2 else math.ceil(n / (self.depth - 1)) + 1 + 2 * outputs

    def forward(self, x: Tensor) -> Tensor:
        """c(x) for x ``[B, d]``: ``[B]``, or ``[B, K]`` where y had two axes."""
        return self.along(x @ self.direction).reshape(len(x), *self._output_shape)

    def along(self, t: Tensor) -> Tensor:
        """Values of c for given projections t ``[B]``: ``[B, K]``. One turn of the loop is one hidden layer."""
        knots, weights = (torch.tensor_split(part, self.depth - 1) for part in (self.knots, self.weights))
        positive = negative = torch.zeros(len(t), self.weights.shape[1], dtype=t.dtype, device=t.device)
        total = torch.relu(t[:, None] - knots[0]) @ weights[0]
        u = torch.relu(t - self.knots[0])
        for b, w in zip(knots[1:], weights[1:], strict=True):
            units = torch.relu(u[:, None] - (b - self.knots[0]))
            positive, negative, u = torch.relu(total), torch.relu(-total), torch.relu(u)
            total = positive - negative + units @ w
        return total

    @torch.no_grad()
    def _worst_error(self, segments: Segments) -> float:
        rows = max(1, _CHUNK_UNITS // len(self.knots))
        points = torch.tensor(segments.points, dtype=self.knots.dtype)
        values = torch.tensor(segments.values)
        worst = torch.zeros(())
        for start in range(0, len(points), rows):
            chunk = slice(start, start + rows)
            worst = torch.maximum(worst, (self.along(points[chunk]).double() - values[chunk]).abs().max())  # keeps NaN
        return float(worst)
