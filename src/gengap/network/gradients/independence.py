"""Whether the scores of an example depend on the rest of its batch, or on chance: by kind of layer, and by trial."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.instancenorm import _InstanceNorm

from gengap.errors import InputError, listed
from gengap.network.gradients.checks import TOLERANCE
from gengap.network.gradients.scores import keeps_single, scores_of, scores_of_one
from gengap.network.gradients.trials import Trial, trials

EXAMPLES = 3  # passed alone and together


def check_independent(model: nn.Module, x: Tensor, *, random: bool = True, noise: bool = True) -> None:
    """Sees that the scores of an example depend on that example alone, and, unless they may, not on chance.

    Known layers are found by their kind. Others are found by passing a few examples alone and together: as they are,
    and with noise in weights and inputs, since a mean over a batch of equal examples, or before weights of 0, shows
    nothing.

    Args:
        model: In the mode that it will be in; it returns one tensor of scores.
        x: Inputs ``[N, ...]``, of which the first are passed.
        random: Whether scores may be random, as dropout makes them; then only known layers are found.
        noise: Whether to look with noise too.

    Raises:
        InputError: A layer mixes the examples or draws at random, by name where it is a known one, or the network
            cannot take the inputs.
    """
    mixing = [name for name, module in model.named_modules() if _mixes(module)]
    if mixing:
        raise InputError(
            f"Batch norm makes the score of an example depend on the rest of the batch: {listed(mixing)}.",
            expected="layers whose output for an example depends on that example alone",
            next_step="give evaluation=True, or call model.eval() first: it takes running statistics if there are some",
        )
    drawing = random_layers(model)
    if drawing and not random:
        raise InputError(
            f"Dropout draws at random in training mode: {listed(drawing)}.",
            expected="the same gradients in each of several passes",
            next_step="give evaluation=True, or call model.eval() first",
        )
    if drawing:
        return
    parameters = {name: p for name, p in model.named_parameters() if p.is_floating_point()}
    few = x[torch.arange(EXAMPLES, device=x.device) % len(x)].detach()
    for trial in trials(model, parameters, few):
        if trial.noisy and not noise:
            break
        with torch.no_grad():
            _check_alone(trial, random)


def _check_alone(trial: Trial, random: bool) -> None:
    """Sees that the scores of an example are the same whether it comes alone or with others."""
    try:
        single = keeps_single(trial.network, trial.x)
        alone = torch.cat([scores_of_one(trial.network, one, single=single) for one in torch.split(trial.x, 1)])
        together = scores_of(trial.network, trial.x)
    except Exception:  # whatever a user's forward raises, for noise
        if trial.noisy:
            return
        raise
    if (trial.noisy and not bool(alone.isfinite().all())) or _close(together, alone):
        return
    if random and not _close(scores_of(trial.network, trial.x), together):
        return
    raise InputError(
        "The scores of an example depend on the rest of the batch, or are random.",
        expected="scores that are a function of the example alone, or no gradient of one is defined",
        next_step="find the layer that mixes the batch; evaluation=True helps with batch norm and dropout",
    )


def _close(first: Tensor, second: Tensor) -> bool:
    finite = second[second.isfinite()]
    scale = float(finite.abs().max()) if finite.numel() else 0.0
    return torch.allclose(first, second, rtol=0, atol=TOLERANCE.get(second.dtype, 1e-3) * scale, equal_nan=True)


def random_layers(model: nn.Module) -> list[str]:
    """Names of the layers that draw at random in the mode that the network is in: dropout, inside others too."""
    return [name for name, module in model.named_modules() if _draws(module)]


def _mixes(module: nn.Module) -> bool:
    if isinstance(module, _InstanceNorm):
        return module.training and module.running_mean is not None  # it also updates statistics
    return isinstance(module, _BatchNorm) and (module.training or module.running_mean is None)


def _draws(module: nn.Module) -> bool:
    inner = isinstance(module, nn.MultiheadAttention | nn.RNNBase) and module.dropout > 0
    return module.training and ((isinstance(module, _DropoutNd) and module.p > 0) or inner)
