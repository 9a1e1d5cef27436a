"""All of Liao et al.'s quantities for one network, from one pass over each split."""

from typing import Any

from torch import Tensor, nn

from gengap.data import Problem
from gengap.measures.normalisation.chain import chain
from gengap.measures.normalisation.logits import normalised_cross_entropy, signal
from gengap.measures.normalisation.norms import log_product_norm
from gengap.measures.values import from_log
from gengap.network.inputs import batches
from gengap.network.passes import evaluate

NORMS = {"l1": 1, "frobenius": 2}  # L1 over 100, as in the paper


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
    x, _ = next(batches(problem, model))
    layers = chain(model, x).layers
    logs = {name: log_product_norm(layers, p) for name, p in NORMS.items()}
    record: dict[str, Any] = {f"{name}_product_norm": from_log(log).value for name, log in logs.items()}
    for split in ("train", "test"):
        seen = evaluate(model, batches(problem, model, split))
        record |= {f"{split}_loss": float(seen.losses.mean()), f"{split}_error": 1 - seen.accuracy}
        for name, log in logs.items():
            record[f"{name}_{split}_loss"] = _finite(normalised_cross_entropy(seen.logits, seen.labels, log))
            record[f"{name}_{split}_signal"] = _finite(signal(seen.logits, seen.labels, log))
    return record


def _finite(value: Tensor) -> float | None:
    return float(value) if value.isfinite() else None
