"""A sealed file is whole, or it is not read."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gengap.train.sealed_file import UnsealedError, read_sealed, write_sealed

CONTENT = bytes(range(256)) * 3


def test_content_comes_back(tmp_path: Path) -> None:
    for content in (b"", CONTENT):
        write_sealed(tmp_path / "file", content, 3)
        assert read_sealed(tmp_path / "file", 3) == content
    assert os.listdir(tmp_path) == ["file"]


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sealed") / "file"
    write_sealed(path, CONTENT, 3)
    return path


@given(place=st.integers(0, 7 + 1 + 2 + 8 + 32 + len(CONTENT) - 1), bit=st.integers(0, 7))
def test_any_flipped_bit_is_noticed(sealed: Path, place: int, bit: int) -> None:
    data = bytearray(sealed.read_bytes())
    data[place] ^= 1 << bit
    copy = sealed.with_name("copy")
    copy.write_bytes(data)
    with pytest.raises(UnsealedError):
        read_sealed(copy, 3)


@pytest.mark.parametrize("size", [0, 5, 50, 60, len(CONTENT)])
def test_a_part_of_a_file_is_noticed(sealed: Path, size: int) -> None:
    copy = sealed.with_name("copy")
    copy.write_bytes(sealed.read_bytes()[:size])
    with pytest.raises(UnsealedError):
        read_sealed(copy, 3)


def test_more_than_was_written_is_noticed(sealed: Path) -> None:
    copy = sealed.with_name("copy")
    copy.write_bytes(sealed.read_bytes() + b"more")
    with pytest.raises(UnsealedError):
        read_sealed(copy, 3)


def test_another_format_is_refused(sealed: Path) -> None:
    with pytest.raises(UnsealedError, match="format 3, expected 4"):
        read_sealed(sealed, 4)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sealed(tmp_path / "file", b"old", 1)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            write_sealed(tmp_path / "file", b"new", 1)
    assert read_sealed(tmp_path / "file", 1) == b"old"
    assert os.listdir(tmp_path) == ["file"]
