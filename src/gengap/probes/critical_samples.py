"""Critical samples: examples with another prediction near by, found by a Langevin search."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gengap.arguments import real_number, whole_number
from gengap.errors import InputError
from gengap.network.gradients import check_independent, check_scores, prepared
from gengap.network.inputs import cast_inputs, tensor_of
from gengap.probes.input_gradients import no_input_gradient
from gengap.seeds import stream

# Arpit et al. use alpha = 0.25 and beta = 0.2 with r = 0.3: here in units of the radius.
ALPHA, BETA = 0.25 / 0.3, 0.2 / 0.3
ROWS = 500


class CriticalSamples(NamedTuple):
    """Which examples have another prediction within the box.

    Attributes:
        critical: Whether such a point was found, bool ``[N]``.
        steps: After how many steps, int ``[N]``; 0 where none was found.
        points: The points found, in the shape of the inputs; the input itself where none was.
        radius: Half the side of the box.
    """

    critical: NDArray[np.bool_]
    steps: NDArray[np.int64]
    points: Tensor
    radius: float

    @property
    def ratio(self) -> float:
        """The critical sample ratio: a lower estimate, as a search that finds nothing proves nothing."""
        return float(self.critical.mean())


def critical_samples(
    model: nn.Module,
    x: Tensor,
    radius: float,
    *,
    alpha: float = ALPHA,
    beta: float = BETA,
    steps: int = 100,
    seed: int = 0,
    scaling: Callable[[Tensor], Tensor] | None = None,
    evaluation: bool = False,
) -> CriticalSamples:
    r"""Examples x for which some :math:`\hat x` with :math:`\|x - \hat x\|_\infty \le r` is predicted otherwise.

    Each step moves by ``r (alpha sign(g) + beta eta)`` with normal noise eta, and is cut to the box. g is the gradient,
    at the moving point, of the largest other score less that of the prediction, so that the sign raises a rival.

    Source: Arpit et al. 2017 (arXiv:1706.05394v2), section 4.1 and Algorithm 1 (LASS), which writes the gradient of
    f_k at x and leaves k and the number of steps open.

    Args:
        model: A network that returns scores ``[B, C]``, in the mode that it is in.
        x: Inputs ``[N, ...]`` of floats.
        radius: r, in the units of ``x``, above 0 and finite.
        alpha: Step along the sign, in radii.
        beta: Standard deviation of the noise, in radii.
        steps: At most, at least 1.
        seed: Of the noise.
        scaling: From ``x`` to what the network takes; None where that is the same.
        evaluation: Whether to run the network in evaluation mode.

    Raises:
        InputError: An argument out of its range, inputs that are no floats, fewer than two classes, scores that are not
            finite or have no gradient by the inputs, or a layer that mixes the examples of a batch or draws at random.

    >>> model = nn.Linear(1, 2)
    >>> _ = nn.init.constant_(model.weight, 0), nn.init.constant_(model.bias, 0)
    >>> model.weight.data[1] = 1  # class 1 above 0
    >>> critical_samples(model, torch.tensor([[0.2], [-0.2], [3.0]]), 0.5).critical.tolist()
    [True, True, False]
    """
    radius = real_number(radius, "radius", above=0)
    alpha, beta = real_number(alpha, "alpha", least=0), real_number(beta, "beta", least=0)
    steps = whole_number(steps, "steps")
    x = _inputs(model, x)
    noise = torch.Generator().manual_seed(stream(seed, "critical samples"))
    network = model if scaling is None else lambda points: model(scaling(points))
    critical, when, points = [], [], []
    with prepared(model, evaluation):
        few = x[:ROWS] if scaling is None else _scaled(scaling, x[:ROWS])
        check_independent(model, few, random=False)
        for start in range(0, len(x), ROWS):
            result = _search(network, x[start : start + ROWS].detach(), radius, alpha, beta, steps, noise)
            critical.append(result[0] > 0)
            when.append(result[0])
            points.append(result[1])
    return CriticalSamples(torch.cat(critical).cpu().numpy(), torch.cat(when).cpu().numpy(), torch.cat(points), radius)


def _inputs(model: nn.Module, x: Any) -> Tensor:
    """The inputs as a tensor for the network."""
    if not isinstance(model, nn.Module):
        raise InputError(f"The network is a {type(model).__name__}.", expected="a torch.nn.Module")
    try:
        inputs = tensor_of(x)
    except (TypeError, ValueError, RuntimeError) as error:  # a text, or lists of several lengths
        raise InputError(f"The inputs are no tensor: {error}.", expected="inputs [N, ...] of floats") from error
    if inputs.ndim == 0 or not len(inputs) or not inputs.is_floating_point():
        raise InputError(
            f"Inputs of shape {tuple(inputs.shape)} and type {inputs.dtype}.",
            expected="at least one input, [N, ...], of floats",
        )
    return cast_inputs(model, inputs)


def _scaled(scaling: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """What the network takes, one for each input."""
    found = scaling(x)
    if not isinstance(found, Tensor) or found.ndim == 0 or len(found) != len(x):
        shape = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
        raise InputError(f"scaling gives {shape} for {len(x)} inputs.", expected="a tensor with a row for each input")
    return found


def _search(
    network: Callable[[Tensor], Tensor],
    x: Tensor,
    radius: float,
    alpha: float,
    beta: float,
    steps: int,
    noise: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Step at which each example's prediction changed (0: never), and the points."""
    with torch.no_grad():
        scores = check_scores(network(x), ruled_out=True)
        if scores.ndim != 2 or scores.shape[1] < 2:
            raise InputError(
                f"No prediction can change: scores of shape {tuple(scores.shape)} for {len(x)} inputs.",
                expected="scores [B, C] of at least two classes",
            )
        predicted = scores.argmax(1)
    when = torch.zeros(len(x), dtype=torch.int64, device=x.device)
    points = x.clone()
    for step in range(1, steps + 1):
        open_ = (when == 0).nonzero().squeeze(1)
        if not len(open_):
            break
        eta = torch.randn(x[open_].shape, generator=noise, dtype=x.dtype).to(x.device)
        at = points[open_].requires_grad_()
        with torch.enable_grad():
            scores = network(at)
            own = scores.gather(1, predicted[open_, None]).squeeze(1)
            rival = scores.scatter(1, predicted[open_, None], -torch.inf).amax(1)
            margin = (rival - own).sum()
            (g,) = torch.autograd.grad(margin, [at], allow_unused=True) if margin.requires_grad else (None,)
        if g is None:
            raise no_input_gradient()
        moved = at.detach() + radius * (alpha * g.sign() + beta * eta)
        moved = torch.minimum(torch.maximum(moved, x[open_] - radius), x[open_] + radius)
        points[open_] = moved
        with torch.no_grad():
            flipped = network(moved).argmax(1) != predicted[open_]
        when[open_[flipped]] = step
    points[when == 0] = x[when == 0]
    return when, points
