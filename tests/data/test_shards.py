"""Folders of images beyond memory: decoded once into shards, the same as in memory; what is missing is refused."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gengap.data import Problem, load
from gengap.data.rows import Rows
from gengap.data.shards import shards_root
from gengap.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENGAP_SHARDS", str(tmp_path / "cache"))
    monkeypatch.setattr("gengap.data.shards.SHARD", 300)  # some images in each file
    assert shards_root() == tmp_path / "cache"
    return tmp_path / "cache"


def _image(seed: int, size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8), mode)


def _folder(path: Path, *, mixed: bool, held_out: str = "test", mode: str = "RGB") -> Path:
    number = 0
    for split, count in (("train", 7), (held_out, 3)):
        for kind in ("ant", "bee"):
            (path / split / kind).mkdir(parents=True)
            for _ in range(count):
                size = (10 + number % 3, 8 + number % 2) if mixed else (10, 8)
                _image(number, size, mode).save(path / split / kind / f"{number}.png")
                number += 1
    return path


def _both(folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> tuple[Problem, Problem]:
    """The Problem in memory and that of shards."""
    expected = load(folder, **options)
    assert isinstance(expected.train.x, np.ndarray)
    monkeypatch.setattr("gengap.data.rows.IN_MEMORY", 0)
    return expected, load(folder, **options)


@pytest.mark.parametrize(
    ("mixed", "mode", "options"),
    [
        (False, "RGB", {}),
        (False, "L", {}),
        (False, "RGB", {"crop": 6}),
        (True, "RGB", {"resize": 6}),
        (True, "RGB", {"resize": 9, "crop": 5}),
        (True, "L", {"crop": 7}),
    ],
)
def test_shards_hold_the_images_that_memory_would(
    mixed: bool, mode: str, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    expected, problem = _both(_folder(tmp_path / "zoo", mixed=mixed, mode=mode), monkeypatch, **options)
    assert isinstance(problem.train.x, Rows)
    assert (problem.hash, problem.classes, problem.seen_as, problem.name) == (
        expected.hash,
        ("ant", "bee"),
        expected.seen_as,
        "zoo",
    )
    for own, other in ((problem.train, expected.train), (problem.test, expected.test)):
        np.testing.assert_array_equal(np.asarray(own.x), other.x)
        np.testing.assert_array_equal(own.y, other.y)
    assert len(list(next(cache.iterdir()).glob("train-*.u8"))) > 1


def test_images_are_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _folder(tmp_path / "zoo", mixed=False)
    monkeypatch.setattr("gengap.data.rows.IN_MEMORY", 0)
    first = load(folder).hash
    monkeypatch.setattr("gengap.data.image_folder._pixels", lambda *_: pytest.fail("decoded again"))
    assert load(folder).hash == first


def test_another_image_or_size_makes_other_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    folder = _folder(tmp_path / "zoo", mixed=False)
    monkeypatch.setattr("gengap.data.rows.IN_MEMORY", 0)
    hashes = {load(folder).hash, load(folder, resize=5).hash}
    _image(99, (10, 8)).save(folder / "train" / "ant" / "0.png")
    assert len(hashes | {load(folder).hash}) == len(list(cache.iterdir())) == 3


def test_data_sets_of_equal_names_sizes_and_times_have_shards_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seed in (("one", 0), ("two", 100)):
        for place in ("train/ant/0.bmp", "train/bee/1.bmp", "test/ant/2.bmp", "test/bee/3.bmp"):
            file = tmp_path / name / place
            file.parent.mkdir(parents=True)
            _image(seed + int(file.stem), (10, 8)).save(file)
            os.utime(file, (1e9, 1e9))  # as an archive does whose files all have one time
    monkeypatch.setattr("gengap.data.rows.IN_MEMORY", 0)
    load(tmp_path / "one")
    twin = np.asarray(_image(101, (10, 8))).transpose(2, 0, 1)
    np.testing.assert_array_equal(load(tmp_path / "two").train.x[1], twin)


def test_resizing_is_pillows_and_keeps_the_centre(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "zoo", mixed=True)
    problem = load(folder, resize=6)
    file = next((folder / "train" / "ant").glob("2.png"))
    with Image.open(file) as image:
        width, height = image.size
        resized = image.resize((6 * width // min(image.size), 6 * height // min(image.size)), Image.Resampling.BILINEAR)
    left = (resized.width - 6) // 2
    names = sorted(path.name for path in (folder / "train" / "ant").iterdir())
    twin = np.asarray(resized)[:6, left : left + 6].transpose(2, 0, 1)
    np.testing.assert_array_equal(problem.train.x[names.index("2.png")], twin)
    assert "images resized to 6 pixels on the shorter side, the centre 6 x 6 kept" in problem.seen_as


def test_a_folder_val_is_the_test_split_which_is_said(tmp_path: Path) -> None:
    problem = load(_folder(tmp_path / "zoo", mixed=False, held_out="val"))
    assert len(problem.test) == 6
    assert problem.seen_as.endswith("the folder val taken to be the test split")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"images of one size(.|\n)*--resize 64"),
        ({"crop": 9}, "to be cut to its centre"),
        ({"resize": 0}, "resize = 0"),
        ({"resize": 6, "crop": 7}, "Cannot crop"),
    ],
)
def test_sizes_that_do_not_do(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        load(_folder(tmp_path / "zoo", mixed=True), **options)


@pytest.mark.parametrize("name", ["digits", "table.csv"])
def test_resizing_is_for_folders_of_images(name: str) -> None:
    with pytest.raises(InputError, match="is no folder of images"):
        load(name, resize=8)


@pytest.fixture
def shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> tuple[Path, Path]:
    folder = _folder(tmp_path / "zoo", mixed=False)
    monkeypatch.setattr("gengap.data.rows.IN_MEMORY", 0)
    load(folder)
    return folder, next(cache.iterdir())


def _damage(shards: Path, how: str) -> None:
    first, second = shards / "train-00000.u8", shards / "train-00001.u8"
    if how == "missing":
        second.unlink()
    elif how == "short":
        second.write_bytes(second.read_bytes()[:-1])
    elif how == "swapped":
        shutil.copy(first, second)
    elif how == "other":
        trailer = first.read_bytes().replace(b"gengap shard of ", b"gengap shard of 0")
        first.write_bytes(trailer[:-1])
    elif how == "index":
        (shards / "index.json").write_text('{"format": "gengap shards", "version": 1, "shape": [3]}')
    elif how == "version":
        index = json.loads((shards / "index.json").read_text())
        (shards / "index.json").write_text(json.dumps(index | {"version": 2}))
    elif how == "id":
        index = json.loads((shards / "index.json").read_text())
        (shards / "index.json").write_text(json.dumps(index | {"id": "0" * 32}))
    elif how == "sides":
        index = json.loads((shards / "index.json").read_text())
        (shards / "index.json").write_text(json.dumps(index | {"shape": [3, -8, 10]}))
    elif how == "no index":
        (shards / "index.json").unlink()
    elif how == "no JSON":
        (shards / "index.json").write_text("{")
    elif how == "no labels":
        (shards / "train-labels.npy").unlink()
    elif how == "classes":
        np.save(shards / "train-labels.npy", np.full(14, 2, np.int64))
    else:
        np.save(shards / "train-labels.npy", np.zeros(3, np.int64))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("missing", "train-00001.u8 is missing"),
        ("short", "train-00001.u8 holds"),
        ("swapped", "train-00001.u8 is of another data set: gengap shard of .*, train 0"),
        ("other", "train-00000.u8 is of another data set"),
        ("index", "index.json is damaged"),
        ("version", "no index of shards of this version"),
        ("id", "index.json is of another data set"),
        ("sides", r"images of shape \(3, -8, 10\)"),
        ("no index", "There is no file .*index.json"),
        ("no JSON", "index.json is no JSON"),
        ("no labels", "train-labels.npy is missing"),
        ("classes", "labels from 2 to 2 of 2 classes"),
        ("labels", r"labels of type int64 and shape \(3,\)"),
    ],
)
def test_shards_that_are_missing_or_of_another_data_set_are_refused(
    how: str, message: str, shards: tuple[Path, Path]
) -> None:
    folder, cached = shards
    _damage(cached, how)
    with pytest.raises(InputError, match=message) as raised:
        load(folder)
    assert str(cached) in raised.value.next_step
    shutil.rmtree(cached)
    load(folder)


def test_a_folder_of_shards_is_data_too(shards: tuple[Path, Path], tmp_path: Path) -> None:
    folder, cached = shards
    moved = tmp_path / "moved"
    shutil.copytree(cached, moved)
    assert load(moved).hash == load(folder).hash
    assert load(moved, crop=6, scale="unit").input_shape == (3, 6, 6)


def test_an_unreadable_image_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    folder = _folder(tmp_path / "zoo", mixed=False)
    whole = (folder / "train" / "bee" / "9.png").read_bytes()
    (folder / "train" / "bee" / "9.png").write_bytes(whole[:-40])
    monkeypatch.setattr("gengap.data.rows.IN_MEMORY", 0)
    with pytest.raises(InputError, match=r"9.png is no readable image"):
        load(folder)
    assert list(cache.iterdir()) == []


def test_leftovers_of_a_dead_process_are_removed(shards: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, cached = shards
    import socket

    dead = cached.with_name(f"{cached.name}.part-{socket.gethostname()}-999999999")
    other = cached.with_name(f"{cached.name}.part-elsewhere-1")
    for part in (dead, other):
        part.mkdir()
    shutil.rmtree(cached)
    load(folder)
    assert not dead.exists()
    assert other.exists()


def test_no_room_is_said_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _folder(tmp_path / "zoo", mixed=False)
    monkeypatch.setattr("gengap.data.rows.IN_MEMORY", 0)
    monkeypatch.setattr("gengap.data.shards.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(10, 5, 5))
    with pytest.raises(InputError, match=r"take 4\.7 KiB, and 5 bytes are free"):
        load(folder)


def test_the_hash_of_what_is_in_files_is_computed_once(
    shards: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load(shards[0]).hash
    monkeypatch.setattr(Problem, "_hashed", lambda _: pytest.fail("read again"))
    assert load(shards[0]).hash == before
