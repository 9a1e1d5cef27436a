"""How much memory is available, and how much was used."""

import sys
from contextlib import suppress
from pathlib import Path

import torch

from gengap.data.limits import free_memory


def available_bytes(device: torch.device) -> int:
    """Memory that can still be used: of the GPU, or of this machine within its limit for this process's group."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return free_memory()


class PeakMemory:
    """Largest resident memory of this process, in bytes, since it was made; since its start where that is unknown."""

    def __init__(self, device: torch.device):
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # Linux: sets the peak to what is resident now

    def read(self) -> int:
        """Bytes, on the GPU too where one is used."""
        of_device = torch.cuda.max_memory_allocated(self._device) if self._device.type == "cuda" else 0
        return _peak_of_process() + of_device


def _peak_of_process() -> int:
    lines = _lines(Path("/proc/self/status"))
    if "VmHWM" in lines:
        return int(lines["VmHWM"].split()[0]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _lines(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    return {name: value for name, _, value in (line.partition(":") for line in path.read_text().splitlines())}
