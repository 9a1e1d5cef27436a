"""The files of a split: the same as paths in a list, without their memory."""

import os
import sys
import tracemalloc
from pathlib import Path

import pytest

from gengap.data.image_files import SUFFIXES, ImageFiles
from gengap.errors import InputError

NAMES = ("b.png", "a.JPEG", "é.jpg", "10.png", "9.png", ".hidden.png", "notes.txt", ".png", "a.png.bak", "c.tar.gif")


def paths(folder: Path) -> list[Path]:
    """Twin: every path at once."""
    kinds = [kind for kind in sorted(folder.iterdir()) if kind.is_dir() and not kind.name.startswith(".")]
    return [file for kind in kinds for file in sorted(kind.iterdir()) if file.suffix.lower() in SUFFIXES]


def test_they_are_those_of_a_list_of_paths(tmp_path: Path) -> None:
    for kind, names in (
        ("bee", NAMES),
        ("ant", NAMES[:3]),
        ("Zebra", NAMES[3:4]),
        ("empty", NAMES[6:7]),
        (".x", NAMES),
    ):
        (tmp_path / kind).mkdir()
        for name in names:
            (tmp_path / kind / name).touch()
    (tmp_path / "readme.png").touch()
    files = ImageFiles(tmp_path)
    assert list(files) == paths(tmp_path) == files[:]
    assert [files[i] for i in range(-len(files), len(files))] == 2 * paths(tmp_path)
    assert dict(zip(files.classes, files.counts, strict=True)) == {"Zebra": 1, "ant": 3, "bee": 7}
    assert files[2:5] == paths(tmp_path)[2:5]
    for beyond in (len(files), -len(files) - 1):
        with pytest.raises(IndexError):
            files[beyond]


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes are Linux's")
def test_names_that_are_no_text_are_found_again(tmp_path: Path) -> None:
    (tmp_path / "ant").mkdir()
    name = os.fsdecode(b"\xff\xfe.png")
    (tmp_path / "ant" / name).write_bytes(b"here")
    assert ImageFiles(tmp_path)[0].read_bytes() == b"here"


def test_a_file_takes_little_more_than_its_name(tmp_path: Path) -> None:
    for kind in range(20):
        (tmp_path / f"n{kind:08d}").mkdir()
        for i in range(250):
            (tmp_path / f"n{kind:08d}" / f"n{kind:08d}_{i}.JPEG").touch()
    tracemalloc.start()
    files = ImageFiles(tmp_path)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(files) == 5_000
    assert taken < 50 * len(files)


def test_what_holds_no_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no images"):
        ImageFiles(tmp_path)
    (tmp_path / "ant" / "young").mkdir(parents=True)
    with pytest.raises(InputError, match="ant holds folders instead of images"):
        ImageFiles(tmp_path)
