"""The papers' networks with their exact parameter counts, and any network of the user's.

Importing a network's file registers it; see ``registry.network``.
"""

from gengap.models import alexnet, convnet3, convnet5, inception, inception_v3, mlp, nin, transformer  # noqa: F401
from gengap.models.building import build
from gengap.models.factory import check_output
from gengap.models.fingerprint import fingerprint
from gengap.models.importing import error_line, find
from gengap.models.info import ModelInfo, count_parameters, named
from gengap.models.tokens import blank_inputs, give_mask

__all__ = [
    # Networks by name
    "build",
    "named",
    "ModelInfo",
    "count_parameters",
    "fingerprint",
    # Code of the user's
    "find",
    "error_line",
    # Inputs of networks
    "blank_inputs",
    "check_output",
    "give_mask",
]
