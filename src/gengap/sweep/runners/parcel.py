"""A unit's work and payloads as they travel to another process, perhaps of another machine."""

import io
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gengap.sweep.jobs import Work


class Parcel(NamedTuple):
    """A pickled unit.

    Attributes:
        content: Work function and payloads; the paths below stand in it as numbers.
        paths: Files and folders that payloads name, where the process that opens the parcel finds them.
    """

    content: bytes
    paths: tuple[Path, ...] = ()

    def opened(self) -> tuple[Work, list[Any]]:
        """The work function and the payloads, with the paths in their places."""
        work, payloads = _Unpickler(self.content, self.paths).load()
        return work, payloads


def packed(work: Work, payloads: Sequence[Any], folder: Path | None = None) -> Parcel:
    """The parcel of a unit.

    Args:
        work: A function of an importable module.
        payloads: Picklable.
        folder: The folder, and what lies in it, become ``paths`` wherever payloads name them by a ``Path``.

    Raises:
        Exception: Whatever pickling raises.
    """
    pickler = _Pickler(folder)
    pickler.dump((work, list(payloads)))
    return Parcel(pickler.content.getvalue(), tuple(pickler.paths))


class _Pickler(pickle.Pickler):
    def __init__(self, folder: Path | None):
        self.content = io.BytesIO()
        self.paths: dict[Path, int] = {}
        self._folder = folder
        super().__init__(self.content, pickle.HIGHEST_PROTOCOL)

    def persistent_id(self, value: Any) -> int | None:
        """The number of a path that the parcel carries; None for everything else."""
        if self._folder is None or not isinstance(value, Path) or not value.is_relative_to(self._folder):
            return None
        return self.paths.setdefault(value, len(self.paths))


class _Unpickler(pickle.Unpickler):
    def __init__(self, content: bytes, paths: Sequence[Path]):
        super().__init__(io.BytesIO(content))
        self._paths = paths

    def persistent_load(self, number: int) -> Path:
        """The path of a number."""
        return self._paths[number]
