"""The gradient of each example, formed: by torch.func in chunks, one example after the other where that fails."""

import contextlib
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from gengap.errors import InputError, listed
from gengap.network.gradients.checks import check_examples, check_independent, prepared, trainable
from gengap.network.gradients.losses import Loss, example_losses

CHUNK_BYTES = 1 << 28  # of the gradients in one chunk of vmap, which needs several times as much


def per_example_gradients(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    loss: Loss = nn.functional.cross_entropy,
    *,
    parameters: Collection[str] | None = None,
    chunk: int | None = None,
    evaluation: bool = False,
) -> dict[str, Tensor]:
    """The gradient of each example's loss with respect to each parameter, ``[N, *shape]`` by the parameter's name.

    Args:
        model: A network that returns one tensor of scores, in the mode that it is in; it stays as it is.
        x: Inputs ``[N, ...]``.
        y: Labels ``[N, ...]``.
        loss: From scores and labels of a batch to one number.
        parameters: Names of those wanted; None for all that ask for a gradient.
        chunk: Examples at once; None as many as fit.
        evaluation: Whether to run the network in evaluation mode.

    Raises:
        InputError: The gradients do not fit in memory, a layer mixes the examples of a batch, parameters that ask for
            no gradient, or inputs that the network cannot take.

    >>> model = nn.Linear(1, 1, bias=False)
    >>> _ = nn.init.ones_(model.weight)
    >>> g = per_example_gradients(model, torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1), nn.functional.mse_loss)
    >>> g["weight"].flatten().tolist()  # 2 (w x - y) x
    [2.0, 18.0]
    """
    x, y = check_examples(model, x, y)
    with prepared(model, evaluation):
        check_independent(model)
        chosen = _chosen(model, parameters)
        check_memory(chosen, len(y))
        if chunk is None:
            one = sum(p.numel() * p.element_size() for p in chosen.values())
            chunk = max(1, CHUNK_BYTES // max(1, one))
        return formed(model, x, y, loss, chosen, chunk)


def formed(
    model: nn.Module, x: Tensor, y: Tensor, loss: Loss, chosen: dict[str, nn.Parameter], chunk: int
) -> dict[str, Tensor]:
    """The gradients with respect to the chosen parameters, without any check."""
    fixed = {name: value.detach() for name, value in (*model.named_parameters(), *model.named_buffers())}

    alone = _keeps_single(model, x)

    def of_one(values: dict[str, Tensor], a: Tensor, b: Tensor) -> Tensor:
        batch = a[None] if alone else torch.stack([a, a])
        scores = functional_call(model, {**fixed, **values}, (batch,), tie_weights=True)
        return loss(scores[:1], b[None])

    values = {name: p.detach() for name, p in chosen.items()}
    try:
        with torch.enable_grad(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="There is a performance drop")  # it falls back to a loop
            mapped = vmap(grad(of_one), in_dims=(None, 0, 0), randomness="different", chunk_size=min(chunk, len(y)))
            result: dict[str, Tensor] = mapped(values, x, y)
            return result
    except Exception:  # an operation that vmap cannot map: one example after the other, which raises what is wrong
        parts = [_one_by_one(model, x[n : n + 1], y[n : n + 1], loss, chosen) for n in range(len(y))]
        return {name: torch.stack([part[name] for part in parts]) for name in chosen}


def _one_by_one(
    model: nn.Module, x: Tensor, y: Tensor, loss: Loss, chosen: dict[str, nn.Parameter]
) -> dict[str, Tensor]:
    with torch.enable_grad():
        value = example_losses(loss, scores_of_one(model, x), y).sum()
        gradients = torch.autograd.grad(value, list(chosen.values()), allow_unused=True)
    return {
        name: torch.zeros_like(p) if g is None else g for (name, p), g in zip(chosen.items(), gradients, strict=True)
    }


def scores_of_one(model: nn.Module, x: Tensor) -> Tensor:
    """The scores ``[1, ...]`` of one example ``[1, ...]``, given twice where a batch of one loses its row."""
    return scores_of(model, x) if _keeps_single(model, x) else scores_of(model, torch.cat([x, x]))[:1]


def _keeps_single(model: nn.Module, x: Tensor) -> bool:
    """Whether a batch of one has a row of scores: a network that ends in ``squeeze()`` drops it."""
    try:
        with torch.no_grad():
            out = model(x[:1])
        return isinstance(out, Tensor) and out.ndim > 0 and len(out) == 1
    except Exception:  # a network that cannot take a batch of one may take one of two
        return False


def scores_of(model: nn.Module, x: Tensor) -> Tensor:
    """The scores of a batch.

    Raises:
        InputError: The network cannot take it, or returns anything but one tensor with a row for each example.
    """
    try:
        out = model(x)
    except InputError:
        raise
    except Exception as error:  # whatever a user's network raises
        cause = (str(error).strip().splitlines() or [""])[0]
        raise InputError(
            f"The network cannot take a batch of inputs of shape {tuple(x.shape[1:])}: {type(error).__name__}: {cause}",
            next_step="check its first layers against the data's shape and preprocessing",
        ) from error
    if not isinstance(out, Tensor) or out.ndim == 0 or len(out) != len(x):
        shape = f"shape {tuple(out.shape)}" if isinstance(out, Tensor) else type(out).__name__
        raise InputError(f"The network returns {shape} for {len(x)} examples.", expected="one tensor, a row an example")
    return out


def _chosen(model: nn.Module, names: Collection[str] | None) -> dict[str, nn.Parameter]:
    every = trainable(model)
    unknown = [] if names is None else [name for name in names if name not in every]
    if unknown:
        raise InputError(
            f"No parameter that asks for a gradient: {listed(unknown)}.", expected=f"some of {listed(list(every))}"
        )
    return {name: p for name, p in every.items() if names is None or name in names}


def check_memory(chosen: dict[str, nn.Parameter], N: int) -> None:
    """Sees that the gradients of N examples fit in memory.

    Raises:
        InputError: They do not, with their size and what would do instead.
    """
    needed = N * sum(p.numel() * p.element_size() for p in chosen.values())
    device = next(iter(chosen.values())).device
    there = available_bytes(device)
    if there is not None and 2 * needed > there:  # they and what vmap makes on the way
        raise InputError(
            f"The gradients of {N:,} examples take {needed:,} bytes, and {there:,} are free.",
            expected="gradients of which twice fits in memory",
            next_step="use gradient_norms, gradient_gram or coherence, or give fewer examples or parameters",
        )


def available_bytes(device: torch.device) -> int | None:
    """Free memory of a GPU, or of this machine within its limit for this process's group; None where unknown."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    result = []
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        result.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]))
    with contextlib.suppress(OSError, ValueError):
        limit, used = (int((Path("/sys/fs/cgroup") / f"memory.{name}").read_text()) for name in ("max", "current"))
        result.append(limit - used)
    return min(result, default=None)


def chunks(N: int, size: int) -> Iterator[slice]:
    """Slices of N examples."""
    for start in range(0, N, size):
        yield slice(start, start + size)
