"""The device that PyTorch computes on, by name."""

from typing import TYPE_CHECKING, Any

from gengap.arguments import shown
from gengap.errors import InputError

if TYPE_CHECKING:
    import torch


def torch_device(name: Any) -> "torch.device":
    """The device of a name; of None a GPU where there is one, else the CPU.

    Raises:
        InputError: This PyTorch has no such device, or it cannot be used.
    """
    import torch

    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:
        raise InputError(
            f"device = {shown(name)} cannot be used: {str(error).splitlines()[0]}.",
            expected="a device of this PyTorch, such as 'cpu' or 'cuda'",
        ) from error
    return device
