"""``product_norm``, ``normalised_loss``, ``normalised_network`` and ``normalised_losses``: what a user calls."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gengap.data import Problem
from gengap.errors import InputError
from gengap.measures.normalisation.chain import chain
from gengap.measures.normalisation.formulas import (
    layer_norms,
    log_of_large_loss,
    log_product_norm,
    normalised_cross_entropy,
    signal,
)
from gengap.measures.values import from_log
from gengap.network.copies import plain_copy
from gengap.network.inputs import Data, Part, batches
from gengap.network.outputs import select_output
from gengap.network.passes import Evaluation, evaluate

NORMS = {"l1": 1, "frobenius": 2}  # of ``normalised_losses``: L1 over 100, as in the paper


def product_norm(
    model: nn.Module,
    p: float = 2,
    *,
    unit: float | None = None,
    example: Tensor | None = None,
    output: str | int | None = None,
) -> float:
    """The product over layers of the Lp norms of their weights, batch norm folded.

    The first layer's norm is of weights and bias together; see ``layer_norms``.

    Source: Liao et al. 2018 (arXiv:1807.09659), Figure 9.

    Args:
        model: The network.
        p: At least 1; 2 is the Frobenius norm.
        unit: What each norm is counted in; None is 100 for p = 1, as in the paper, and 1 otherwise.
        example: Some examples as the network takes them, with which homogeneity is checked by passes too.
        output: Key or index of the logits, where the network returns a dict or a tuple.

    Raises:
        NotHomogeneousError: The network is not positively homogeneous in each layer.
        InputError: p below 1, a layer of norm zero, weights that are not finite, a product beyond float64.

    >>> layers = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU(), nn.Linear(1, 1, bias=False))
    >>> for parameter in layers.parameters(): _ = nn.init.constant_(parameter, -3)
    >>> product_norm(layers)
    9.0
    """
    norms = layer_norms(chain(model, example, output).layers, p, unit)
    product = math.prod(norms)
    if not 0 < product < math.inf:
        raise InputError(
            f"The product of the norms is beyond float64: its natural logarithm is {sum(map(math.log, norms)):.6g}.",
            next_step="gengap.measures.normalisation.log_product_norm gives the logarithm",
        )
    return product


def normalised_loss(
    model: nn.Module,
    data: Data,
    p: float = 2,
    *,
    unit: float | None = None,
    split: Part = "train",
    output: str | int | None = None,
) -> float:
    """Mean cross-entropy, in nats, of the network with every layer's weights divided by their Lp norm.

    A network that is positively homogeneous in each layer, normalised layer by layer (and biases so that no decision
    changes), is f over the product of the norms. So f is computed as it is, and logits are divided in float64.

    Source: Liao et al. 2018 (arXiv:1807.09659), Figures 4 and 5.

    Args:
        model: The network, which returns logits ``[B, C]``.
        data: A Problem; a pair (inputs, labels) of tensors as the network takes them; or batches of such pairs.
        p: At least 1; 2 is the Frobenius norm.
        unit: What each norm is counted in; None is 100 for p = 1, as in the paper, and 1 otherwise.
        split: Which split of a Problem.
        output: Key or index of the logits, where the network returns a dict or a tuple.

    Raises:
        NotHomogeneousError: The network is not positively homogeneous in each layer.
        InputError: p below 1, a layer of norm zero, weights that are not finite, no examples, labels that are no
            classes of the network, a network that returns no tensor, a loss beyond float64.
    """
    network = plain_copy(model)
    remaining = batches(data, network, split)
    first = next(remaining, None)
    if first is None:
        raise InputError("There are no examples.", expected="at least one batch of inputs and labels")
    select_output(network, output, first[0])
    log_product = log_product_norm(chain(network, first[0]).layers, p, unit)
    seen = evaluate(network, (batch for part in ([first], remaining) for batch in part))
    loss = float(normalised_cross_entropy(seen.logits, seen.labels, log_product))
    if math.isinf(loss):
        logarithm = log_of_large_loss(seen.logits, seen.labels, log_product)
        raise InputError(f"The normalised loss is beyond float64: its natural logarithm is {logarithm:.6g}.")
    return loss


def normalised_network(
    model: nn.Module, p: float = 2, *, unit: float | None = None, example: Tensor | None = None
) -> nn.Module:
    """A copy of the network whose layers have Lp norm ``unit``: its outputs are f over ``product_norm(model, p)``.

    Batch norm is folded into the layer before it. Each bias is divided by the product of the norms up to its layer,
    so that every decision stays. The copy is in evaluation mode and in float32 at least.

    Source: Liao et al. 2018 (arXiv:1807.09659), Section 2; the paper's networks have biases in the first layer only,
    or from batch norm, whose scaling it does not describe.

    Args:
        model: The network; it stays as it is.
        p: At least 1; 2 is the Frobenius norm.
        unit: The norm that layers are given; None is 100 for p = 1, as in the paper, and 1 otherwise.
        example: Some examples as the network takes them, with which homogeneity is checked by passes too.

    Raises:
        NotHomogeneousError: The network is not positively homogeneous in each layer.
        InputError: p below 1, a layer of norm zero, weights that are not finite, a product so large or small that
            outputs divided by it would lose digits in the network's type.
    """
    layered = chain(model, example)
    norms = layer_norms(layered.layers, p, unit)
    kind = torch.finfo(next(layered.model.parameters()).dtype)
    log_product, most = math.fsum(map(math.log, norms)), math.log(kind.eps / kind.tiny)
    if abs(log_product) > most:
        raise InputError(
            f"The product of the norms is e^{log_product:.4g}, so that {kind.dtype} would lose digits of the outputs.",
            expected=f"a product between e^{-most:.4g} and e^{most:.4g}",
            next_step="give the network in double precision, or divide its logits: product_norm and normalised_loss do",
        )
    return layered.scaled([1 / norm for norm in norms])


def normalised_losses(model: nn.Module, problem: Problem) -> dict[str, Any]:
    """Losses, errors, product norms, normalised losses and signals of a network on both splits.

    Keys: ``train_loss``, ``train_error`` and the same of ``test``, of the network as it is; and for each norm,
    ``l1`` (over 100) and ``frobenius``: ``frobenius_product_norm``, ``frobenius_train_loss``,
    ``frobenius_test_loss`` of the normalised network, and ``frobenius_train_signal``, ``frobenius_test_signal``, the
    mean of f_y - mean_j f_j. Losses in nats, errors are fractions. What is beyond float64 is None.

    Args:
        model: In evaluation mode.
        problem: What it was trained on.

    Raises:
        NotHomogeneousError: The network is not positively homogeneous in each layer.
        InputError: A layer of norm zero, weights that are not finite.
    """
    splits: tuple[Part, ...] = ("train", "test")
    seen = {split: evaluate(model, batches(problem, model, split)) for split in splits}
    return normalised_losses_of(model, next(batches(problem, model))[0], seen)


def normalised_losses_of(model: nn.Module, example: Tensor, seen: Mapping[Part, Evaluation]) -> dict[str, Any]:
    """As ``normalised_losses``, from what passes over the splits have seen already.

    Args:
        model: In evaluation mode.
        example: Some examples as the network takes them, by which homogeneity is checked.
        seen: Split -> its logits and labels.

    Raises:
        NotHomogeneousError: The network is not positively homogeneous in each layer.
        InputError: A layer of norm zero, weights that are not finite.
    """
    layers = chain(model, example).layers
    logs = {name: log_product_norm(layers, p) for name, p in NORMS.items()}
    record: dict[str, Any] = {f"{name}_product_norm": from_log(log).value for name, log in logs.items()}
    for split, outputs in seen.items():
        record |= {f"{split}_loss": float(outputs.losses.mean()), f"{split}_error": 1 - outputs.accuracy}
        for name, log in logs.items():
            loss = normalised_cross_entropy(outputs.logits, outputs.labels, log)
            record[f"{name}_{split}_loss"] = _finite(loss)
            record[f"{name}_{split}_signal"] = _finite(signal(outputs.logits, outputs.labels, log))
    return record


def _finite(value: Tensor) -> float | None:
    return float(value) if value.isfinite() else None
