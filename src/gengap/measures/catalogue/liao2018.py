"""Product of the layers' norms, and the training loss once they are divided out (Liao et al. 2018).

Only for networks that are positively homogeneous in each layer, with batch norm folded; the first layer's norm is that
of its weights and bias together. See ``gengap.measures.normalised_loss``.
"""

import math

from gengap.errors import InputError
from gengap.measures.normalisation.chain import PROBED, NotHomogeneousError, chain
from gengap.measures.normalisation.formulas import (
    log_of_large_loss,
    log_product_norm,
    normalised_cross_entropy,
    signal,
)
from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.values import Finding, NotDefined, from_log

LIAO = "Liao et al. 2018 (arXiv:1807.09659)"


@register(
    name="normalised_loss_l1",
    formula="cross-entropy of f / prod_i (||W_i||_1 / 100) on the training set",
    source=f"{LIAO}, Figure 4",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
)
def normalised_loss_l1(subject: Subject) -> Finding:
    """Training loss in nats, with the L1 norm over 100 of every layer divided out."""
    return subject_normalised_loss(subject, p=1)


@register(
    name="normalised_loss",
    formula="cross-entropy of f / prod_i ||W_i||_F on the training set",
    source=f"{LIAO}, Figure 5",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
)
def normalised_loss(subject: Subject) -> Finding:
    """Training loss in nats, with the Frobenius norm of every layer divided out."""
    return subject_normalised_loss(subject, p=2)


@register(
    name="product_norm_l1",
    formula="prod_i ||W_i||_1 / 100",
    source=f"{LIAO}, Figure 4",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def product_norm_l1(subject: Subject) -> Finding:
    """Product over layers of the L1 norms of their weights over 100."""
    return from_log(subject_log_product(subject, p=1))


@register(
    name="product_norm",
    formula="prod_i ||W_i||_F",
    source=f"{LIAO}, Figure 9",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def product_norm(subject: Subject) -> Finding:
    """Product over layers of the Frobenius norms of their weights."""
    return from_log(subject_log_product(subject, p=2))


def subject_log_product(subject: Subject, p: float) -> float:
    """The natural logarithm of the product of the layers' Lp norms.

    Args:
        subject: The network and its data.
        p: At least 1; L1 norms are over 100.

    Raises:
        NotDefined: The network is not positively homogeneous in each layer, or a layer's norm is zero.
    """
    try:
        return log_product_norm(chain(subject.model, subject.inputs(slice(PROBED))).layers, p)
    except NotHomogeneousError as error:
        raise NotDefined(f"not positively homogeneous in its layers: {error.reason}") from error
    except InputError as error:
        raise NotDefined(error.what) from error


def subject_normalised_loss(subject: Subject, p: float) -> Finding:
    """The normalised loss on the training split; in the details the signal and the product's logarithm.

    Args:
        subject: The network and its data.
        p: At least 1; L1 norms are over 100.

    Raises:
        NotDefined: As ``subject_log_product``.
    """
    log_product = subject_log_product(subject, p)
    seen = subject.pass_
    loss = float(normalised_cross_entropy(seen.logits, seen.labels, log_product))
    mean_signal = float(signal(seen.logits, seen.labels, log_product))
    details = {"log_product_norm": log_product, "signal": mean_signal if math.isfinite(mean_signal) else None}
    if math.isinf(loss):
        return from_log(log_of_large_loss(seen.logits, seen.labels, log_product), details=details)
    return Finding(loss, details=details)
