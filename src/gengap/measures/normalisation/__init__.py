"""Liao et al. 2018: the loss of a network whose layers have norm one, and the product of the norms."""

from gengap.measures.normalisation.chain import Chain, NotHomogeneousError, chain
from gengap.measures.normalisation.logits import normalised_cross_entropy, signal
from gengap.measures.normalisation.loss import normalised_loss, normalised_network, product_norm
from gengap.measures.normalisation.norms import checked_unit, log_product_norm
from gengap.measures.normalisation.record import normalised_losses

__all__ = [
    "Chain",
    "NotHomogeneousError",
    "chain",
    "checked_unit",
    "log_product_norm",
    "normalised_cross_entropy",
    "normalised_loss",
    "normalised_losses",
    "normalised_network",
    "product_norm",
    "signal",
]
