"""The normalisation of a Subject's network, for the catalogue."""

import math

from gengap.errors import InputError
from gengap.measures.normalisation.chain import PROBED, NotHomogeneousError, chain
from gengap.measures.normalisation.logits import log_of_large_loss, normalised_cross_entropy, signal
from gengap.measures.normalisation.norms import log_product_norm
from gengap.measures.subject import Subject
from gengap.measures.values import Finding, NotDefined, from_log


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
    told = float(signal(seen.logits, seen.labels, log_product))
    details = {"log_product_norm": log_product, "signal": told if math.isfinite(told) else None}
    if math.isinf(loss):
        return from_log(log_of_large_loss(seen.logits, seen.labels, log_product), details=details)
    return Finding(loss, details=details)
