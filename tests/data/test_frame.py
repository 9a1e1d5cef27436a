"""CSV files are read as they stand: nothing is renamed, shifted or left out in silence."""

import bz2
import gzip
import io
import json
import lzma
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


ROWS = {"name": ["Müller", "b", "c"], "score": [0.5, -1.25, 3.0]}
SEMICOLONS = "name;score\nMüller;0,5\nb;-1,25\nc;3,0\n"
COMMAS = SEMICOLONS.replace(",", ".").replace(";", ",")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", SEMICOLONS.encode()),
        ("t.csv", SEMICOLONS.replace(",", ".").encode()),
        ("t.csv", SEMICOLONS.replace(",", ".").replace(";", "\t").encode()),
        ("t.csv", COMMAS.replace(",", "|").encode()),
        ("t.csv", COMMAS.replace("\n", "\r\n").encode("utf-16")),
        ("t.csv", COMMAS.encode("utf-16-le")),
        ("t.csv", COMMAS.encode("utf-16-be")),
        ("t.csv", COMMAS.encode("utf-32")),
        ("t.csv", ("sep=;\n" + SEMICOLONS).encode("utf-8-sig")),
        ("t.csv.gz", gzip.compress(COMMAS.encode(), mtime=0)),
        ("t.csv", bz2.compress(COMMAS.encode())),
        ("t.tsv", COMMAS.replace(",", "\t").encode()),
        ("t.tsv.xz", lzma.compress(COMMAS.replace(",", "\t").encode())),
        ("t.txt", COMMAS.replace(",", "\t").encode()),
        ("t.json", json.dumps(ROWS).encode()),
        ("t.json", pd.DataFrame(ROWS).to_json(orient="records", indent=1).encode()),
        ("t.json", json.dumps({"title": "x", "rows": pd.DataFrame(ROWS).to_dict("records")}).encode()),
        ("t.jsonl", pd.DataFrame(ROWS).to_json(orient="records", lines=True).encode()),
        ("t.ndjson.gz", gzip.compress(pd.DataFrame(ROWS).to_json(orient="records", lines=True).encode(), mtime=0)),
    ],
)
def test_files_that_people_have_give_one_table(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert read_frame(tmp_path / name).to_dict("list") == ROWS


def test_latin_1_is_read_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(COMMAS.encode("latin-1"))
    with pytest.warns(UserWarning, match="not UTF-8; it is read as Windows-1252"):
        assert read_frame(tmp_path / "t.csv").to_dict("list") == ROWS


PACKED = gzip.compress(SEMICOLONS.encode(), mtime=0)


@pytest.mark.parametrize("content", [COMMAS.encode(), PACKED, json.dumps(ROWS).encode()])
def test_standard_input_is_a_table(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert read_frame("-").to_dict("list") == ROWS


def test_commas_within_cells_divide_nothing(tmp_path: Path) -> None:
    table = read_frame(write(tmp_path / "t.csv", "y_true\ttext, as typed\n0\ta, b, c\n1\td\n"))
    assert table.to_dict("list") == {"y_true": [0, 1], "text, as typed": ["a, b, c", "d"]}
    table = read_frame(write(tmp_path / "t.csv", 'a,"b;c"\n1,"2;3"\n'))
    assert table.to_dict("list") == {"a": [1], "b;c": ["2;3"]}


def test_semicolons_with_decimal_points_keep_commas_as_text(tmp_path: Path) -> None:
    table = read_frame(write(tmp_path / "t.csv", "a;b\n1.5;1,5\n2.5;x\n"))
    assert table.to_dict("list") == {"a": [1.5, 2.5], "b": ["1,5", "x"]}


def test_missing_fields_of_json_are_missing(tmp_path: Path) -> None:
    table = read_frame(write(tmp_path / "t.jsonl", '{"a": 1, "b": null}\n\n{"a": 2, "c": "NA"}\n'))
    assert table["a"].tolist() == [1, 2]
    assert table[["b", "c"]].isna().to_numpy().tolist() == [[True, True], [True, False]]
    assert read_frame(write(tmp_path / "one.jsonl", '{"a": 1, "b": "x"}\n')).to_dict("list") == {"a": [1], "b": ["x"]}


def test_line_separators_within_a_text_of_json_lines_end_no_line(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes('{"a": 1, "b": "x\u2028y\x85z"}\r\n{"a": 2, "b": "w"}\n'.encode())
    assert read_frame(tmp_path / "t.jsonl").to_dict("list") == {"a": [1, 2], "b": ["x\u2028y\x85z", "w"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04rest", r"Excel workbook(.|\n)*CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0rest", "Excel 97"),
        (b"\n<!doctype html><html>", "a web page"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"\x93NUMPY\x01", "NumPy array"),
        (b"\x80\x04\x95", "a pickle"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS"),
        (b"\xff\xfea", "no text that can be read: no utf-16"),
        (b"a,b\n1,\x00\x00\n", "holds zero bytes"),
        (b"\x1f\x8bbroken", "Cannot read"),
        (b'{"a": [1, 2], "b": [1]}', "no columns of one length"),
        (b'[{"a": {"b": 1}}]', "a cell holds"),
        (b"[1, 2]", "record 1 is '1'"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": 1, "a": 2}\n{"a": 1}', "line 1, names 'a' twice"),
        (b'{"a": 1}\n{"a": ', "line 2, is no JSON"),
        (b"[]", "has no rows"),
        (b"", "no table that can be read"),
    ],
)
def test_other_files_are_named_with_what_to_do(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=message) as raised:
        read_frame(tmp_path / "t.csv")
    assert len(str(raised.value).splitlines()) <= 3
