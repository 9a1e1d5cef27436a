"""Memory on a CPU: what one step frees serves the next, in large pages."""

import ctypes
import os
import platform
from functools import cache

# glibc's own numbers for mallopt.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 1 << 30


@cache
def keep_freed_memory() -> None:
    """Makes this process keep up to 1 GiB of freed memory, and PyTorch ask for large pages; results do not change.

    Left alone, glibc hands an activation's or a gradient's memory back to Linux when it is freed, and gets it again,
    page by page, in the next step: for an MLP in bfloat16 that takes as long as its matrix products. Elsewhere than
    under glibc this does nothing. PyTorch takes the wish for large pages only before the process's first tensor.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    libc = ctypes.CDLL(None)
    libc.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
    libc.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
