"""CSV files are read as they stand: nothing is renamed, shifted or left out in silence."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gengap.data import read_frame
from gengap.errors import InputError


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("text", ["a,b,b\n1,2,3\n", "a,b, b\n1,2,3\n", '"b",b\n1,2\n'])
def test_a_column_named_twice_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="has two columns b"):
        read_frame(write(tmp_path / "t.csv", text))


def test_a_column_named_twice_in_parquet_is_refused(tmp_path: Path) -> None:
    column = pa.array([1, 2])
    pq.write_table(pa.Table.from_arrays([column, column], names=["b", "b"]), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="Multiple matches"):
        read_frame(tmp_path / "t.parquet")


def test_columns_that_only_look_like_renamed_ones_are_kept(tmp_path: Path) -> None:
    assert list(read_frame(write(tmp_path / "t.csv", "b,b.1\n1,2\n"))) == ["b", "b.1"]
    assert list(read_frame(write(tmp_path / "t.csv", ",b,\n0,1,\n")))[1] == "b"  # columns without a name


@pytest.mark.parametrize("text", ["a,b\n1,2,3\n", "a,b\n1,2,3\n1,2\n", "a,b\n1,2,3,4\n", "a,b\n1,2\n1,2,3\n"])
def test_rows_longer_than_the_header_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"no table that can be read: .*fields"):
        read_frame(write(tmp_path / "t.csv", text))


def test_an_empty_field_at_the_end_of_each_row_shifts_nothing(tmp_path: Path) -> None:
    table = read_frame(write(tmp_path / "t.csv", "a,b\n1,2,\n3,4,\n"))
    assert table.to_dict("list") == {"a": [1, 3], "b": [2, 4]}


@pytest.mark.parametrize("header", ["a,b", "a, b"])
def test_a_space_after_the_comma_is_no_part_of_a_value(tmp_path: Path, header: str) -> None:
    table = read_frame(write(tmp_path / "t.csv", f'{header}\ncat, cat\ndog, "big, dog"\ncat, \n'))
    assert table["b"].tolist()[:2] == ["cat", "big, dog"]
    assert pd.isna(table["b"][2])


def test_a_mark_of_byte_order_is_no_part_of_a_name(tmp_path: Path) -> None:
    assert list(read_frame(write(tmp_path / "t.csv", "\ufeffa,b\n1,2\n"))) == ["a", "b"]
