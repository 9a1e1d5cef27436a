"""What cannot be read is told with a next step."""

from pathlib import Path

import numpy as np
import pytest

from gengap.data import load, read_frame
from gengap.errors import InputError


def _next(path: Path) -> str:
    with pytest.raises(InputError) as refused:
        load(path) if path.suffix == ".npz" else read_frame(path)
    assert refused.value.expected
    return refused.value.next_step


@pytest.mark.parametrize("kind", [".csv", ".npz"])
def test_a_missing_file_names_what_stands_beside_it(kind: str, tmp_path: Path) -> None:
    assert _next(tmp_path / f"mine{kind}").startswith("check the path; the working folder is ")
    (tmp_path / f"mine-too{kind}").touch()
    assert _next(tmp_path / f"mine-two{kind}") == f"did you mean {tmp_path / f'mine-too{kind}'}?"
    assert "there is no folder" in _next(tmp_path / "absent" / f"mine{kind}")


def test_a_folder_and_an_empty_table_have_a_next_step(tmp_path: Path) -> None:
    assert _next(tmp_path) == "name a file in it"
    empty = tmp_path / "empty.csv"
    empty.write_text("a,b\n")
    assert "finished" in _next(empty)
    empty.write_text("")
    assert _next(empty)


def test_examples_without_a_label_each_are_told_with_expected_and_next(tmp_path: Path) -> None:
    path = tmp_path / "len.npz"
    x = np.zeros((400, 8))
    np.savez(path, x_train=x, y_train=np.arange(10) % 2, x_test=x, y_test=np.arange(400) % 2)
    assert "one length" in _next(path)
