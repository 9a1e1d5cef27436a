"""What each unit takes of a Ray cluster."""

from dataclasses import dataclass

from gengap.errors import InputError


@dataclass(frozen=True)
class Share:
    """What Ray reserves for each unit; a unit runs on one node.

    Attributes:
        cpus: CPUs, as many as the unit computes with threads.
        gpus: GPUs; a fraction such as 0.25 lets four units share one.
        at_once: Units at the same time at most; None: as many as the cluster has room for.

    Raises:
        InputError: A number that is out of its range.
    """

    cpus: int = 1
    gpus: float = 0.0
    at_once: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.cpus, bool) or not isinstance(self.cpus, int) or self.cpus < 1:
            raise InputError(f"{self.cpus} CPUs for each cell.", expected="a whole number of at least 1")
        if not 0 <= self.gpus < float("inf") or (self.gpus > 1 and self.gpus != int(self.gpus)):
            raise InputError(f"{self.gpus:g} GPUs for each cell.", expected="a number from 0 to 1, or a whole number")
        if self.at_once is not None and self.at_once < 1:
            raise InputError(f"{self.at_once} cells at once.", expected="a whole number of at least 1")
