"""Liao et al. 2018: the loss of a network whose layers have norm one, and the product of the norms."""

from gengap.measures.normalisation.chain import Chain, NotHomogeneousError, chain
from gengap.measures.normalisation.formulas import (
    checked_unit,
    log_product_norm,
    normalised_cross_entropy,
    signal,
)
from gengap.measures.normalisation.loss import (
    normalised_loss,
    normalised_losses,
    normalised_losses_of,
    normalised_network,
    product_norm,
)

__all__ = [
    # Of a network and its data
    "normalised_loss",
    "normalised_losses",
    "normalised_losses_of",
    "product_norm",
    "normalised_network",
    # A network as a chain of layers
    "Chain",
    "chain",
    "NotHomogeneousError",
    # Of logits and norms
    "normalised_cross_entropy",
    "signal",
    "log_product_norm",
    "checked_unit",
]
