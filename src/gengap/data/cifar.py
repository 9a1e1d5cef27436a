"""Reads CIFAR-10."""

from pathlib import Path

import numpy as np

from gengap.data.problem import Split


def read_cifar10(folder: Path) -> tuple[Split, Split]:
    """Images uint8 ``[N, 3, 32, 32]``."""
    folder = folder / "cifar-10-batches-bin"
    return _read([folder / f"data_batch_{i}.bin" for i in range(1, 6)]), _read([folder / "test_batch.bin"])


def _read(paths: list[Path]) -> Split:
    records = np.concatenate([np.fromfile(p, np.uint8).reshape(-1, 3073) for p in paths])
    return Split(records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64))
