"""A split of examples with labels, and what is done to inputs on their way into a model."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gengap.data.rows import Rows, blocks
from gengap.data.tokens import tokens_of

Scale = Literal["none", "unit", "signed", "whiten"]


@dataclass(frozen=True, eq=False)
class Split:
    """Examples and their labels, as read-only arrays.

    Attributes:
        x: Inputs, ``[N, C, H, W]`` for images or ``[N, D]`` for tables, uint8 as stored or a float type; tokens
            ``[N, T]`` or, with a mask as second row, ``[N, 2, T]``, of a signed integer type. Inputs too large for
            memory are ``Rows``, which give rows by number or slice and read them from files.
        y: Class indices, int64 ``[N]``.
    """

    x: NDArray[Any]
    y: NDArray[np.int64]

    def __post_init__(self) -> None:
        for name in ("x", "y"):
            if isinstance(getattr(self, name), Rows):
                continue
            array = np.asarray(getattr(self, name))
            if array.flags.writeable:  # a read-only array stays the same object, so that derived Problems share it
                array = array.view()
                array.setflags(write=False)
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.y)

    @cached_property
    def not_finite(self) -> int | None:
        """The first example that holds NaN or Inf; None where there is none."""
        if not np.issubdtype(self.x.dtype, np.floating):
            return None
        for start, block in blocks(self.x):
            bad = np.flatnonzero(~np.isfinite(block).reshape(len(block), -1).all(axis=1))
            if len(bad):
                return start + int(bad[0])
        return None

    @cached_property
    def range_of_tokens(self) -> tuple[int, int]:
        """The least and the largest token, where inputs are tokens."""
        ends = [(tokens_of(block).min(), tokens_of(block).max()) for _, block in blocks(self.x)]
        return int(min(low for low, _ in ends)), int(max(high for _, high in ends))


@dataclass(frozen=True, repr=False)
class Preprocessing:
    """What is done to inputs on their way into a model: on its device, batch by batch.

    Attributes:
        crop: Side of the square centre crop in pixels; None leaves images whole.
        scale: ``"whiten"`` gives each image zero mean and unit variance (its standard deviation at least
            1/sqrt(number of values)); ``"unit"`` divides uint8 by 255; ``"signed"`` maps them on to [-1, 1];
            ``"none"`` changes nothing.
        mean, std: Taken from the scaled values, and what they are then divided by: one number, or one for each channel
            of images or column of a table; None for 0 and 1. Not with ``"whiten"``.
    """

    crop: int | None = None
    scale: Scale = "none"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def __repr__(self) -> str:
        """Part of a Problem's hash: fields that came later are in it only where they are used."""
        later = "".join(f", {name}={value}" for name in ("mean", "std") if (value := getattr(self, name)) is not None)
        return f"Preprocessing(crop={self.crop!r}, scale={self.scale!r}{later})"
