"""The gradient of each example, formed: by torch.func in chunks, one example after the other where that fails."""

import warnings
from collections.abc import Collection, Iterator

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from gengap.data.limits import free_memory
from gengap.errors import InputError, listed
from gengap.network.gradients.checks import check_examples, not_finite, prepared, trainable
from gengap.network.gradients.independence import check_independent
from gengap.network.gradients.losses import Loss
from gengap.network.gradients.scaled import cross_entropy_scaled, scalable, scaled_losses
from gengap.network.gradients.scores import keeps_single, scores_of_one

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
            no gradient, inputs that the network cannot take, gradients that are NaN or infinite, or gradients too
            small for the network's type, because it is confident.

    >>> model = nn.Linear(1, 1, bias=False)
    >>> _ = nn.init.ones_(model.weight)
    >>> g = per_example_gradients(model, torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1), nn.functional.mse_loss)
    >>> g["weight"].flatten().tolist()  # 2 (w x - y) x
    [2.0, 18.0]
    """
    return _in_type(*scaled_gradients(model, x, y, loss, parameters=parameters, chunk=chunk, evaluation=evaluation))


@torch.inference_mode(False)  # under a caller's inference mode, torch.func.grad of PyTorch 2.8 gives 0
def scaled_gradients(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    loss: Loss = nn.functional.cross_entropy,
    *,
    parameters: Collection[str] | None = None,
    chunk: int | None = None,
    evaluation: bool = False,
) -> tuple[dict[str, Tensor], Tensor]:
    """The gradients of ``per_example_gradients`` over ``exp(log_scales)``, and ``log_scales``, float64 ``[N]``.

    The scales are those of a cross entropy's gradients by the scores, which underflow where a network is confident;
    for another loss they are 1. Arguments and errors are those of ``per_example_gradients``.
    """
    x, y = check_examples(model, x, y)
    with prepared(model, evaluation):
        check_independent(model, x)
        chosen = _chosen(model, parameters)
        check_memory(chosen, len(y))
        if chunk is None:
            one = sum(p.numel() * p.element_size() for p in chosen.values())
            chunk = max(1, CHUNK_BYTES // max(1, one))
        values, log_scales = formed(model, x, y, loss, chosen, chunk)
    bad = [name for name, value in values.items() if not bool(value.isfinite().all())]
    if bad:
        raise not_finite(bad)
    return values, log_scales


def formed(
    model: nn.Module, x: Tensor, y: Tensor, loss: Loss, chosen: dict[str, nn.Parameter], chunk: int
) -> tuple[dict[str, Tensor], Tensor]:
    """The gradients with respect to the chosen parameters over ``exp(log_scales)``, and these ``[N]``; no checks."""
    fixed = {name: value.detach() for name, value in (*model.named_parameters(), *model.named_buffers())}
    alone = keeps_single(model, x)
    scaled = _scalable(model, x, y, loss)

    def of_one(values: dict[str, Tensor], a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        batch = a[None].clone() if alone else torch.stack([a, a])  # a network may change its inputs in place
        scores = functional_call(model, {**fixed, **values}, (batch,), tie_weights=True)
        if not scaled:
            return loss(scores[:1], b[None]), scores.detach().double().sum() * 0
        found = cross_entropy_scaled(scores[:1], b[None])
        return found.values.sum(), found.log_scales.sum()

    values = {name: p.detach() for name, p in chosen.items()}
    try:
        with torch.enable_grad(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="There is a performance drop")  # it falls back to a loop
            per_example = grad(of_one, has_aux=True)
            mapped = vmap(per_example, in_dims=(None, 0, 0), randomness="different", chunk_size=min(chunk, len(y)))
            result: tuple[dict[str, Tensor], Tensor] = mapped(values, x, y)
            return result
    except Exception:  # an operation that vmap cannot map: one example after the other, which raises what is wrong
        parts = [_one_by_one(model, x[n : n + 1], y[n : n + 1], loss, chosen) for n in range(len(y))]
        return (
            {name: torch.stack([part[name] for part, _ in parts]) for name in chosen},
            torch.stack([scale for _, scale in parts]),
        )


def _one_by_one(
    model: nn.Module, x: Tensor, y: Tensor, loss: Loss, chosen: dict[str, nn.Parameter]
) -> tuple[dict[str, Tensor], Tensor]:
    with torch.enable_grad():
        value = scaled_losses(loss, scores_of_one(model, x), y)
        gradients = torch.autograd.grad(value.values.sum(), list(chosen.values()), allow_unused=True)
    found = {
        name: torch.zeros_like(p) if g is None else g for (name, p), g in zip(chosen.items(), gradients, strict=True)
    }
    return found, value.log_scales[0]


def _in_type(values: dict[str, Tensor], log_scales: Tensor) -> dict[str, Tensor]:
    """The gradients ``exp(log_scales) * values`` in the type of the values.

    Raises:
        InputError: A gradient other than 0 whose largest entry is below the least normal number of that type.
    """
    before = _largest_entries(values)
    half = (log_scales / 2).exp()  # applied twice: the whole factor may be below what the type holds with all digits
    for g in values.values():
        factors = half.reshape(-1, *[1] * (g.ndim - 1)).to(g.dtype)
        g.mul_(factors).mul_(factors)
    least = max(torch.finfo(g.dtype).tiny for g in values.values())
    lost = int(((before > 0) & (log_scales < 0) & log_scales.isfinite() & (_largest_entries(values) < least)).sum())
    if lost:
        kind = str(next(iter(values.values())).dtype).removeprefix("torch.")
        raise InputError(
            f"The gradients of {lost} of {len(log_scales)} examples are not 0 but too small for {kind}: the network "
            "is confident of them.",
            expected=f"gradients of at least {least:.1e}",
            next_step="give the network and inputs in float64; gradient_norm_report has logarithms of norms",
        )
    return values


def _largest_entries(values: dict[str, Tensor]) -> Tensor:
    return torch.stack([g.detach().reshape(len(g), -1).abs().amax(1).double() for g in values.values()]).amax(0)


def _scalable(model: nn.Module, x: Tensor, y: Tensor, loss: Loss) -> bool:
    try:
        with torch.no_grad():
            one = scores_of_one(model, x[:1])
        return scalable(loss, one.expand(len(y), *one.shape[1:]), y)
    except Exception:  # what is wrong is said where the gradients are formed
        return False


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
    if 2 * needed > there:  # they and what vmap makes on the way
        raise InputError(
            f"The gradients of {N:,} examples take {needed:,} bytes, and {there:,} are free.",
            expected="gradients of which twice fits in memory",
            next_step="use gradient_norms, gradient_gram or coherence, or give fewer examples or parameters",
        )


def available_bytes(device: torch.device) -> int:
    """Memory that can still be used: of a GPU, or of this machine within its limit for this process's group."""
    return int(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else free_memory()


def chunks(N: int, size: int) -> Iterator[slice]:
    """Slices of N examples."""
    for start in range(0, N, size):
        yield slice(start, start + size)
