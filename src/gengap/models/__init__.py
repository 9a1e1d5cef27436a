"""The papers' networks with their exact parameter counts, and any network of the user's."""

from gengap.models import alexnet, mlp
from gengap.models.building import ModelInfo, build, count_parameters, named

__all__ = ["ModelInfo", "alexnet", "build", "count_parameters", "mlp", "named"]
