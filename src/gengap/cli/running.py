"""Options of the commands that run sweeps: on this machine or on a Ray cluster."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gengap.errors import InputError

if TYPE_CHECKING:
    from gengap.sweep import Share


class RunnerName(StrEnum):
    """Where cells run."""

    local = "local"
    ray = "ray"


Runner = Annotated[
    RunnerName, typer.Option(help="local: this machine; ray: the Ray cluster of RAY_ADDRESS, or one started here.")
]
CpusPerCell = Annotated[
    int | None, typer.Option(min=1, help="With --runner ray: CPUs, and threads, of a cell. Default: 1.")
]
GpusPerCell = Annotated[
    float | None,
    typer.Option(min=0, help="With --runner ray: GPUs of a cell, e.g. 0.25. Default: 1 with --device cuda, else 0."),
]


def ray_share(
    runner: RunnerName, cpus: int | None, gpus: float | None, *, device: str, workers: int | None
) -> "Share | None":
    """What each cell takes of a Ray cluster; None where cells run on this machine.

    Raises:
        InputError: A share without Ray, or one that is out of its range; no Ray; nothing that listens at RAY_ADDRESS.
    """
    if runner is not RunnerName.ray:
        if cpus is not None or gpus is not None:
            option = "--gpus-per-cell" if cpus is None else "--cpus-per-cell"
            raise InputError(f"{option} needs --runner ray.", next_step="add it, or leave the option out")
        return None
    from gengap.sweep import Share
    from gengap.sweep.runners.cluster import check_reachable

    if gpus is None:
        gpus = 1.0 if device == "cuda" else 0.0
    share = Share(cpus or 1, gpus, workers)
    check_reachable()
    return share
