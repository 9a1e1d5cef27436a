"""Numbers that strangers wrote: one array a file, or columns of class probabilities."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.data import read_frame
from gengap.data.limits import check_file, check_memory, out_of_memory_refused
from gengap.errors import InputError, listed

_NEXT = "numpy.save(path, array) writes one"


def read_array(path: str | Path, what: str) -> NDArray[Any]:
    """The array in a ``.npy`` file, or the only one of an ``.npz``.

    Args:
        path: The file. Pickled objects are refused, and sizes that it declares and does not have.
        what: What it is to hold, for messages.

    Raises:
        InputError: No such file, a damaged one, objects, or several arrays.
    """
    file = Path(path)
    check_file(file, what)
    if file.suffix.lower() not in (".npy", ".npz"):
        raise InputError(f"{file} is neither .npy nor .npz.", expected=what, next_step=_NEXT)
    check_memory(str(file), file.stat().st_size)
    try:
        with out_of_memory_refused(str(file)):
            if file.suffix.lower() == ".npy":
                return np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))
            with zipfile.ZipFile(file) as archive:
                names = archive.namelist()
                if len(names) != 1:
                    raise InputError(f"{file} holds {listed(names) or 'nothing'}.", expected=f"one array: {what}")
                check_memory(str(file), archive.infolist()[0].file_size)
                with archive.open(names[0]) as stream:
                    array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
                    return array
    except InputError:
        raise
    except Exception as error:  # a damaged file raises whatever its bytes happen to mean
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{file} is no readable array: {reason}.", expected=what, next_step=_NEXT) from error


def read_probabilities(path: str | Path, classes: Sequence[str]) -> NDArray[np.float64]:
    """Class probabilities ``[N, C]`` from an array, or from a table with a column for each class.

    Args:
        path: ``.npy``, ``.npz``, or a table with columns named as the classes, or ``p_CLASS``.
        classes: Names of the classes, in the order of their indices.

    Raises:
        InputError: No such file, or not a column of numbers for each class.
    """
    file = Path(path)
    if file.suffix.lower() in (".npy", ".npz"):
        return np.asarray(read_array(file, f"class probabilities [N, {len(classes)}]"), dtype=np.float64)
    table = read_frame(file)
    names = {str(name).removeprefix("p_"): name for name in table.columns}
    absent = [name for name in classes if name not in names]
    if absent:
        raise InputError(
            f"{file} has no probabilities of {listed(absent)}; it has {listed(list(table.columns))}.",
            expected="a column p_CLASS for each class",
        )
    try:
        return table[[names[name] for name in classes]].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise InputError(f"{file} holds probabilities that are no numbers.", expected="numbers in [0, 1]") from None
