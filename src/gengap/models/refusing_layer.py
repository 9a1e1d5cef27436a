"""Which layer of a network does not take what it is given."""

from typing import Any

from torch import Tensor, nn

_CONVOLUTIONS = (nn.modules.conv._ConvNd, nn.modules.batchnorm._BatchNorm)


def refusing_layer(error: BaseException, module: nn.Module) -> str:
    """The layer that a shape error came out of, what it was given and what it takes; empty where that is not known.

    Known are linear layers, convolutions and batch normalisation, by the number of features or channels.

    Args:
        error: What the pass raised; its traceback holds the call of the layer.
        module: The network.
    """
    names = {id(part): name for name, part in module.named_modules()}
    frame, found = error.__traceback__, ""
    while frame is not None:
        local = frame.tb_frame.f_locals
        part, given = local.get("self"), local.get("input")
        if isinstance(part, nn.Module) and isinstance(given, Tensor) and id(part) in names:
            found = _told(names[id(part)], part, given)
        frame = frame.tb_next
    return found


def _told(name: str, part: Any, given: Tensor) -> str:
    if isinstance(part, nn.Linear):
        size, expected, axis = part.in_features, f"{part.in_features} features in the last axis", -1
    elif isinstance(part, _CONVOLUTIONS):
        size = part.in_channels if isinstance(part, nn.modules.conv._ConvNd) else part.num_features
        expected, axis = f"{size} channels in the second axis", 1
    else:
        return ""
    if given.ndim > 1 and given.shape[axis] == size:
        return ""  # it is another fault: of types, devices, or images smaller than the kernel
    called = f"its layer {name!r}, {type(part).__name__}," if name else f"a {type(part).__name__}, it"
    return f"{called} was given shape {tuple(given.shape)} and takes {expected}"
