"""Learning rates over time: a staircase, constant or a cosine, each after a linear warm-up."""

import math
from typing import Literal, get_args

Schedule = Literal["staircase", "constant", "cosine"]
SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)


def warm_up(step: int, steps: float) -> float:
    """The factor of a linear warm-up over ``steps`` steps: ``(step + 1) / steps``, at most 1.

    >>> [warm_up(step, 4) for step in range(6)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """
    return min(1.0, (step + 1) / steps) if steps > 0 else 1.0


def cosine(step: float, steps: float) -> float:
    """The factor ``(1 + cos(pi step / steps)) / 2`` of a cosine from 1 to 0, without restarts.

    Source: Loshchilov and Hutter 2017 (arXiv:1608.03983), equation 5 with a least rate of 0.

    >>> [round(cosine(step, 4), 3) for step in range(5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """
    return (1 + math.cos(math.pi * min(step / steps, 1.0))) / 2
