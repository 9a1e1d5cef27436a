from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gengap.data import load
from gengap.errors import InputError

TABLE = pd.DataFrame(
    {
        "height": [1.5, 2.5, 3.5, 4.5],
        "legs": [4, 2, 4, 2],
        "kind": ["cat", "bird", "cat", "bird"],
        "part": ["train", "train", "test", "Test "],
    }
)


def save_npz(path: Path, **arrays: Any) -> Path:
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.savez(path, **{"x_train": x, "y_train": ["b", "a", "b", "a"], "x_test": x[:2], "y_test": ["a", "b"], **arrays})
    return path


def test_an_npz_is_read_with_its_class_names(tmp_path: Path) -> None:
    read = load(save_npz(tmp_path / "mine.npz"))
    assert (read.name, read.classes, read.train.y.tolist(), read.test.y.tolist()) == (
        "mine",
        ("a", "b"),
        [1, 0, 1, 0],
        [0, 1],
    )
    np.testing.assert_array_equal(read.train.x, np.arange(12).reshape(4, 3))
    assert read.preprocessing.scale == "none"


def test_bad_npz_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    save_npz(path, y_test=np.array([object(), "a"], object))
    with pytest.raises(InputError, match=r"mine.npz is no readable .npz: y_test holds objects"):
        load(path)
    np.savez(path, x_train=np.zeros((2, 2)), x_test=np.zeros((2, 2)), y_test=[0, 1])
    with pytest.raises(InputError, match=r"mine.npz holds no y_train") as raised:
        load(path)
    assert "it has x_train, x_test, y_test" in str(raised.value)
    with pytest.raises(InputError, match=r"Label 0.5 of training example 0 is no whole number"):
        load(save_npz(path, y_train=[0.5, 1, 0, 1], y_test=[0, 1]))
    with pytest.raises(InputError, match="training example 1 holds NaN or Inf"):
        load(save_npz(path, x_train=np.array([[0.0] * 3, [1, np.nan, 0], [0] * 3, [0] * 3])))
    whole = save_npz(path).read_bytes()
    for content in (b"", b"PK", whole[:-40], whole[: len(whole) // 2], b"\x93NUMPY"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"mine.npz is no readable .npz"):
            load(path)


def save_images(folder: Path, mode: str = "RGB", size: tuple[int, int] = (4, 3)) -> Path:
    for split in ("train", "test"):
        for shade, kind in enumerate(("zebra", "ant")):
            (folder / split / kind).mkdir(parents=True)
            for n in range(2):
                value = 10 * shade + n
                colour = value if mode == "L" else (value, 100, 200)
                Image.new(mode, size, colour).save(folder / split / kind / f"{n}.png")
    return folder


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
def test_a_folder_of_images_is_read(mode: str, channels: int, tmp_path: Path) -> None:
    read = load(save_images(tmp_path / "zoo", mode))
    assert read.train.x.shape == (4, channels, 3, 4)
    assert (read.name, read.classes, read.train.y.tolist()) == ("zoo", ("ant", "zebra"), [0, 0, 1, 1])
    assert read.train.x[:, 0, 0, 0].tolist() == [10, 11, 0, 1]
    if mode == "RGB":
        assert read.train.x[0, :, 2, 3].tolist() == [10, 100, 200]


def test_grey_images_among_coloured_ones_become_coloured(tmp_path: Path) -> None:
    folder = save_images(tmp_path / "zoo")
    Image.new("L", (4, 3), 77).save(folder / "test" / "ant" / "0.png")
    assert load(folder).test.x[0, :, 0, 0].tolist() == [77, 77, 77]


def test_bad_image_folders_are_refused(tmp_path: Path) -> None:
    folder = save_images(tmp_path / "zoo")
    odd = folder / "test" / "ant" / "0.png"
    whole = odd.read_bytes()
    for content in (b"", b"hello", whole[:-30]):
        odd.write_bytes(content)
        with pytest.raises(InputError, match=r"ant/0.png is no readable image"):
            load(folder)
    Image.new("I;16", (4, 3)).save(odd)
    with pytest.raises(InputError, match="more than 8 bits"):
        load(folder)
    odd.unlink()
    Image.new("RGB", (5, 3)).save(folder / "train" / "ant" / "9.png")
    with pytest.raises(InputError, match=r"9.png has 5 x 3 pixels, .*0.png 4 x 3"):
        load(folder)
    for file in (folder / "test").rglob("*.png"):
        file.unlink()
    (folder / "train" / "ant" / "9.png").unlink()
    with pytest.raises(InputError, match="test holds no images"):
        load(folder)


def test_a_class_without_images_of_its_own_is_told_and_hidden_folders_are_passed_over(tmp_path: Path) -> None:
    folder = save_images(tmp_path / "zoo")
    hidden = folder / "train" / ".ipynb_checkpoints"
    hidden.mkdir()
    Image.new("RGB", (4, 3)).save(hidden / "0.png")
    before = load(folder).classes
    assert ".ipynb_checkpoints" not in before
    below = folder / "train" / "lion" / "young"
    below.mkdir(parents=True)
    Image.new("RGB", (4, 3)).save(below / "0.png")
    with pytest.raises(InputError, match="lion holds folders instead of images"):
        load(folder)


def test_a_malformed_pixmap_is_refused(tmp_path: Path) -> None:
    folder = save_images(tmp_path / "zoo")
    (folder / "train" / "ant" / "9.ppm").write_bytes(b"P6\n4 x\n255\n")
    with pytest.raises(InputError, match=r"9.ppm is no readable image"):
        load(folder)


WRITERS = {
    ".csv": lambda table, path: table.to_csv(path, index=False),
    ".tsv": lambda table, path: table.to_csv(path, index=False, sep="\t"),
    ".parquet": lambda table, path: table.to_parquet(path),
}


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_table_is_read(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"animals{suffix}"
    WRITERS[suffix](TABLE, path)
    read = load(path, label_column="kind", split_column="part")
    assert (read.name, read.classes, read.train.y.tolist(), read.test.y.tolist()) == (
        "animals",
        ("bird", "cat"),
        [1, 0],
        [1, 0],
    )
    assert read.train.x.tolist() == [[1.5, 4], [2.5, 2]]
    assert read.test.x.tolist() == [[3.5, 4], [4.5, 2]]


def test_only_empty_cells_and_nan_are_missing_labels(tmp_path: Path) -> None:
    (tmp_path / "countries.csv").write_text("x,kind,part\n1,NA,train\n2,None,train\n3,null,test\n4,NA,test\n")
    read = load(tmp_path / "countries.csv", label_column="kind", split_column="part")
    assert read.classes == ("NA", "None", "null")
    (tmp_path / "countries.csv").write_text("x,kind,part\n1,nan,train\n2,a,train\n3,a,test\n")
    with pytest.raises(InputError, match="missing"):
        load(tmp_path / "countries.csv", label_column="kind", split_column="part")


def test_a_parquet_files_nullable_columns_are_read_and_their_holes_imputed(tmp_path: Path) -> None:
    path = tmp_path / "animals.PARQUET"
    TABLE.assign(legs=TABLE["legs"].astype("Int64"), kind=TABLE["kind"].astype("category")).to_parquet(path)
    assert load(path, label_column="kind", split_column="part").train.x.tolist() == [[1.5, 4], [2.5, 2]]
    TABLE.assign(legs=pd.array([4, None, 4, 2], "Int64")).to_parquet(path)
    read = load(path, label_column="kind", split_column="part")
    assert read.train.x.tolist() == [[1.5, 4, 0], [2.5, 4, 1]]
    assert read.steps[0]["columns"] == ["legs"]


BAD_TABLES: dict[str, tuple[dict[str, Any], dict[str, str | None], str]] = {
    "no label column": ({}, {"label_column": None}, "Which column holds the label is not said"),
    "no split column": ({}, {"split_column": None}, "Which column holds the split is not said"),
    "wrong column": ({}, {"label_column": "kin"}, "Unknown label column 'kin'"),
    "wrong split": ({"part": ["train", "test", "dev", "test"]}, {}, "column 'part' holds 'dev'"),
    "one split": ({"part": ["train"] * 4}, {}, "test split is empty"),
    "infinite": ({"height": [1, np.inf, 3, 4]}, {}, "column 'height' is infinite in row 2"),
    "no training split": ({"part": ["test"] * 4}, {}, "training split is empty"),
    "missing label": ({"kind": ["a", None, "b", "a"]}, {}, r"1 training label\(s\) are missing"),
    "fractional label": ({"kind": [0.5, 1, 0, 1]}, {}, "Label 0.5 of training example 0"),
    "one class": ({"kind": ["a"] * 4}, {}, r"1 class\(es\)"),
}


@pytest.mark.parametrize(("changed", "columns", "message"), BAD_TABLES.values(), ids=BAD_TABLES.keys())
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_bad_tables_are_refused(
    changed: dict[str, Any], columns: dict[str, Any], message: str, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"animals{suffix}"
    WRITERS[suffix](TABLE.assign(**changed), path)
    with pytest.raises(InputError, match=message) as raised:
        load(path, **{"label_column": "kind", "split_column": "part", **columns})
    assert len(str(raised.value).splitlines()) <= 3


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_that_is_no_table_is_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"animals{suffix}"
    for content in (b"", b"\x89PNG\r\n\xff\xfe\0"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="animals"):
            load(path, label_column="kind", split_column="part")


def test_paths_that_hold_nothing_known_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no .*gone.npz"):
        load(tmp_path / "gone.npz")
    (tmp_path / "notes.txt").write_text("hello")
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(InputError, match="is no data that gengap reads"):
            load(path)
    with pytest.raises(InputError, match="has no columns"):
        load(save_npz(tmp_path / "mine.npz"), label_column="kind")


@pytest.mark.parametrize("dtype", [">f4", ">f8", np.longdouble])
def test_floats_that_pytorch_lacks_become_native_ones(tmp_path: Path, dtype: Any) -> None:
    x = np.arange(12).reshape(4, 3).astype(dtype)
    read = load(save_npz(tmp_path / "mine.npz", x_train=x, x_test=x[:2]))
    assert read.train.x.dtype in (np.float32, np.float64)
    assert read.train.x.dtype.isnative
    np.testing.assert_array_equal(read.train.x, np.arange(12).reshape(4, 3))


def test_a_folder_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.npz").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        load(tmp_path / "mine.npz")
