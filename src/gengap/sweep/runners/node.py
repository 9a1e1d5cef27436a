"""What runs on a node of a Ray cluster: one unit in a worker process of its own, with the data that its payloads name.

The unit runs as on one machine: in a process that Ray's worker starts, watches and stops. A unit that crashes, hangs or
prints costs its own row only, and code of the user's that has changed is loaded anew.
"""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gengap.sweep.failures import Cause
from gengap.sweep.runners.attempt import Outcome
from gengap.sweep.runners.parcel import Parcel
from gengap.sweep.runners.share import Share
from gengap.sweep.runners.surroundings import Surroundings
from gengap.sweep.runners.workers import Unimportable, stop_gpu_workers, whole
from gengap.sweep.scratch import remove_shared, scratch_folder, shared_folder

Files = Mapping[str, NDArray[np.uint8]]
"""Relative path -> bytes; ``""`` where it is a single file."""

_COPY = "copy"


class Reference(NamedTuple):
    """Files in Ray's object store.

    Attributes:
        name: The name of their copy on each node.
        files: Ray's reference to ``Files``; in a list, so that Ray hands on the reference, not what it refers to.
    """

    name: str
    files: list[Any]


def run_unit(
    content: bytes,
    data: Sequence[Reference],
    checkpoint: Path | None,
    share: Share,
    timeout_s: float | None,
    driver: Surroundings,
) -> Outcome:
    """The rows of a unit, or why it gives none; called by Ray on a node.

    Args:
        content: That of the unit's parcel.
        data: What its paths stand for.
        checkpoint: The driver's file; where this node does not see its folder, and for None, a temporary one serves.
        share: What Ray has reserved for the unit.
        timeout_s: See ``gengap.sweep.run``.
        driver: The driver's surroundings; a node that sees the same folders imports from there, too.
    """
    driver.follow()
    if not share.gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    with ExitStack() as stack:
        paths = tuple(stack.enter_context(copy_of(reference)) for reference in data)
        if checkpoint is None or not checkpoint.parent.is_dir():
            checkpoint = stack.enter_context(scratch_folder()) / "checkpoint"
        try:
            outcome = whole(Parcel(content, paths), checkpoint, threads=share.cpus, timeout_s=timeout_s)
        finally:
            stop_gpu_workers()
    if isinstance(outcome, Unimportable):
        return Cause("failed", f"node {platform.node()}: {outcome.reason}")
    return outcome


@contextmanager
def copy_of(reference: Reference) -> Iterator[Path]:
    """A copy of the files in a temporary folder, made once on each node and shared by the processes there."""
    with shared_folder(reference.name, lambda folder: _write(reference, folder / _COPY)) as folder:
        yield folder / _COPY


def _write(reference: Reference, place: Path) -> None:
    import ray

    files: Files = ray.get(reference.files[0])
    for name, content in files.items():
        file = place / name if name else place
        file.parent.mkdir(parents=True, exist_ok=True)
        content.tofile(file)


def remove_copies(names: Sequence[str]) -> None:
    """Removes copies that no process of this node uses."""
    for name in names:
        remove_shared(name)
