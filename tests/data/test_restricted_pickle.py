import _codecs
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gengap.data.restricted_pickle import load_plain_pickle
from gengap.errors import InputError

PLAIN = {
    b"data": np.arange(6, dtype=np.uint8).reshape(2, 3),
    b"labels": [1, 0],
    "names": ("a", b"b"),
    "n": None,
    "r": 0.5,
}

# Written as Python 2 with an old NumPy writes {'data': <2 x 3 bytes>, 'labels': [6, 9]}.
PYTHON_2 = (
    b"(dS'data'\ncnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\nI3\nt"
    b"cnumpy\ndtype\n(S'u1'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\x00\\x01\\x02\\x03\\x04\\xff'\ntb"
    b"sS'labels'\n(lI6\naI9\nas."
)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "array", [PLAIN[b"data"], np.array([[1.5, -2]], ">f8"), np.asfortranarray(np.arange(6).reshape(2, 3))]
)
def test_plain_data_and_arrays_come_back(protocol: int, array: np.ndarray[Any, Any]) -> None:
    read = load_plain_pickle(pickle.dumps({**PLAIN, b"data": array}, protocol=protocol), "f")
    np.testing.assert_array_equal(read.pop(b"data"), array)
    if protocol >= 3:  # before, Python 3 writes text as Unicode, which comes back as text, and bytes as encoded text
        assert read == {key: value for key, value in PLAIN.items() if key != b"data"}


def test_python_2s_pickles_are_read() -> None:
    read = load_plain_pickle(PYTHON_2, "f")
    assert read[b"labels"] == [6, 9]
    assert read[b"data"].tolist() == [[0, 1, 2], [3, 4, 255]]
    assert read[b"data"].dtype == np.uint8


class Malicious:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("function", [os.system, os.mkdir, eval, print, pickle.loads, getattr, np.save, np.load])
def test_no_function_is_called(function: Any, protocol: int, tmp_path: Path) -> None:
    target = tmp_path / "made"
    with pytest.raises(InputError, match="which is refused"):
        load_plain_pickle(pickle.dumps(Malicious(function, f"{target}"), protocol=protocol), "f")
    assert not target.exists()


ABUSE = {
    "object array": pickle.dumps(np.array([None, {}], object)),
    "array of strings": pickle.dumps(np.array(["a"])),
    "array of raw memory": pickle.dumps(np.zeros(1, "V4")),
    "type itself": b"cnumpy\nndarray\n.",
    "instance": b"cnumpy\nndarray\n)R.",
    "set": pickle.dumps({1, 2}),
    "codec": pickle.dumps(Malicious(_codecs.encode, "x", "utf-8")),
    "data type of objects": b"cnumpy\ndtype\n(S'O'\ntR.",
    "array of a string": b"cnumpy.core.multiarray\n_reconstruct\n(tR(I1\n(I1\ntS'u1'\nI00\nS'a'\ntb.",
    "attribute": b"cnumpy.core.multiarray\n_reconstruct.__class__\n.",
}


@pytest.mark.parametrize("raw", ABUSE.values(), ids=ABUSE.keys())
def test_allowed_names_cannot_be_turned_to_other_ends(raw: bytes) -> None:
    with pytest.raises(InputError, match=r"^f"):
        load_plain_pickle(raw, "f")


@pytest.mark.parametrize("cut", [0, 1, 10, 60, 150, -1])
def test_a_damaged_pickle_is_told(cut: int) -> None:
    with pytest.raises(InputError, match="no readable pickle"):
        load_plain_pickle(PYTHON_2[:cut], "f")
