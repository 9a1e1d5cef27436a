"""How a recipe is computed: device, precision and memory layout. ``trials`` measures which setting is fastest."""

import os
from dataclasses import dataclass

import torch

from gengap.errors import InputError


@dataclass(frozen=True)
class Execution:
    """A resolved setting: nothing in it is ``auto``.

    Attributes:
        device: ``"cpu"`` or ``"cuda"``.
        precision: ``float32``, ``float64``, or ``bfloat16`` (autocast; weights and losses stay float32).
        memory_format: ``contiguous`` or ``channels_last``.
    """

    device: str = "cpu"
    precision: str = "float32"
    memory_format: str = "contiguous"

    @property
    def dtype(self) -> torch.dtype:
        """Type of weights and inputs; under ``bfloat16`` they are float32 and autocast does the rest."""
        return torch.float64 if self.precision == "float64" else torch.float32


def resolve_device(device: str) -> str:
    """``"cpu"`` or ``"cuda"`` for ``auto``, ``cpu`` or ``cuda``.

    Raises:
        InputError: CUDA is asked for where there is none, or the name is neither.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"Unknown device {device!r}.", expected="auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "CUDA was asked for, but PyTorch sees no CUDA device.",
            expected="a CUDA device and a CUDA build of PyTorch",
            next_step="use --device cpu, or --device auto",
        )
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def visible_gpus() -> list[str]:
    """The CUDA devices that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    count = torch.cuda.device_count()
    names = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return names[:count] if names else [str(index) for index in range(count)]
