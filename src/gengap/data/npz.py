"""Reads a user's ``.npz``."""

import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError

import numpy as np

from gengap.data.arrays import from_arrays
from gengap.data.problem import Problem
from gengap.errors import InputError

_DAMAGED = (ValueError, EOFError, TypeError, AttributeError, RuntimeError, zipfile.BadZipFile, zlib.error, TokenError)
NAMES = ("x_train", "y_train", "x_test", "y_test")


def read_npz(path: Path) -> Problem:
    """The Problem in an ``.npz`` that holds ``x_train``, ``y_train``, ``x_test`` and ``y_test``.

    Pickled objects are refused. See ``from_arrays`` for shapes and types.

    Raises:
        InputError: The file is damaged, an array is absent or holds objects, or what ``from_arrays`` refuses.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            absent = [name for name in NAMES if name not in file]
            if absent:
                raise InputError(
                    f"{path} holds no {' and no '.join(absent)}.",
                    expected=f"arrays {', '.join(NAMES)}; it has {', '.join(file)}",
                )
            arrays = [file[name] for name in NAMES]
    except InputError:
        raise
    except _DAMAGED as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path} is no readable .npz: {reason}.",
            expected="arrays of numbers or strings written by numpy.savez, without pickled objects",
        ) from error
    return from_arrays(*arrays, name=path.stem, origin=str(path))
