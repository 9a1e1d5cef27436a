"""Inputs that stay in files: the same Problems, rows and trainings as in memory, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gengap.data import Problem, corruption_names, find_corruption, from_arrays, load, open_problem, save_problem
from gengap.data.rows import FileRows, FirstRows, JoinedRows, MaskedRows, Rows, blocks, rows_of
from gengap.errors import InputError
from gengap.train import Execution, Recipe
from gengap.train import train as train_network

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (30, 3, 6, 6), np.uint8)
TOKENS = RNG.integers(0, 20, (30, 7))
MASK = np.arange(7) < RNG.integers(1, 8, (30, 1))
Y = np.arange(30) % 3


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything stays in files, and is read a few rows at a time."""
    monkeypatch.setattr("gengap.data.rows.IN_MEMORY", 0)
    monkeypatch.setattr("gengap.data.rows.BLOCK", 500)


def _arrays(x: Any, **more: Any) -> dict[str, Any]:
    return {"x_train": x[:20], "y_train": Y[:20], "x_test": x[20:], "y_test": Y[20:], **more}


FORMS: dict[str, dict[str, Any]] = {
    "images": _arrays(IMAGES),
    "channels-last": _arrays(np.moveaxis(IMAGES, 1, -1).copy()),
    "grey": _arrays(IMAGES[:, 0].copy()),
    "floats": _arrays(IMAGES / 7.0),
    "big-endian": _arrays((IMAGES / 7.0).astype(">f4")),
    "table": _arrays(TOKENS),
    "tokens": _arrays(TOKENS, vocabulary=20),
    "short tokens": _arrays(TOKENS.astype(np.uint8), vocabulary=20),
    "masked": _arrays(TOKENS, mask_train=MASK[:20], mask_test=MASK[20:]),
}


def _write(folder: Path, arrays: dict[str, Any], form: str) -> Path:
    if form == "npz":
        np.savez(folder / "data.npz", **arrays)
        return folder / "data.npz"
    (folder / "data").mkdir()
    for name, array in arrays.items():
        np.save(folder / "data" / f"{name}.npy", array)
    return folder / "data"


def _same(problem: Problem, expected: Problem) -> None:
    assert isinstance(problem.train.x, Rows)
    assert problem.hash == expected.hash
    assert (problem.seen_as, problem.input_shape, repr(problem)) == (
        expected.seen_as,
        expected.input_shape,
        repr(expected),
    )
    for own, other in ((problem.train, expected.train), (problem.test, expected.test)):
        assert own.x.dtype == other.x.dtype
        np.testing.assert_array_equal(np.asarray(own.x), other.x)
        np.testing.assert_array_equal(own.y, other.y)


@pytest.mark.parametrize("kind", ["npz", "npy"])
@pytest.mark.parametrize("form", FORMS)
def test_a_problem_in_files_is_that_in_memory(
    form: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path, FORMS[form], kind)
    expected = load(path)
    assert isinstance(expected.train.x, np.ndarray)
    monkeypatch.setattr("gengap.data.rows.IN_MEMORY", 0)
    monkeypatch.setattr("gengap.data.rows.BLOCK", 500)
    _same(load(path), expected)
    _same(load(path).take(11, 5), expected.take(11, 5))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("form", ["images", "masked"])
def test_another_process_opens_the_same_rows_without_a_copy(form: str, tmp_path: Path) -> None:
    problem = load(_write(tmp_path, FORMS[form], "npz")).take(15)
    for each in (problem, problem.corrupt("random-pixels" if form == "images" else "random-tokens", seed=3)):
        folder = tmp_path / each.steps[-1]["step"]
        folder.mkdir()
        save_problem(each, folder)
        assert not (folder / "train_x.npy").exists()
        opened = open_problem(folder)
        assert opened.hash == each.hash
        np.testing.assert_array_equal(np.asarray(opened.train.x), np.asarray(each.train.x))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", corruption_names())
def test_corruptions_by_index_are_those_of_the_whole(name: str, tmp_path: Path) -> None:
    tokens = getattr(find_corruption(name), "inputs", "numbers") == "tokens"
    problem = load(_write(tmp_path, FORMS["masked" if tokens else "images"], "npz"))
    problem = problem if tokens else problem.preprocess(crop=4, scale="unit")
    arrays = [np.array(split.x) for split in (problem.train, problem.test)]
    masks = (arrays[0][:, 1], arrays[1][:, 1]) if tokens else None
    x, x_test = (a[:, 0] if tokens else a for a in arrays)
    whole = from_arrays(x, Y[:20], x_test, Y[20:], masks=masks, vocabulary=problem.vocabulary)
    whole = whole if tokens else whole.preprocess(crop=4, scale="unit")
    corrupted, expected = (each.corrupt(name, seed=5) for each in (problem, whole))
    for own, other in ((corrupted.train, expected.train), (corrupted.test, expected.test)):
        assert isinstance(own.x, Rows)
        assert own.x.dtype == other.x.dtype
        few = np.array([3, 9, 4])
        if name == "gaussian":  # moments are summed in another order
            np.testing.assert_allclose(own.x[few], other.x[few], rtol=1e-6, atol=1e-6)
        else:
            np.testing.assert_array_equal(own.x[few], other.x[few])
            np.testing.assert_array_equal(np.asarray(own.x), other.x)
        np.testing.assert_array_equal(own.y, other.y)


@pytest.mark.parametrize("form", ["images", "masked"])
def test_training_from_files_is_that_in_memory(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path, FORMS[form], "npz")
    options: dict[str, Any] = {"crop": 4} if form == "images" else {}
    model = "mlp-1x512" if form == "images" else "transformer-2x64"
    recipe = Recipe(model=model, epochs=2, batch_size=8, precision="float32", random_crop=form == "images")
    expected = train_network(load(path, **options), recipe, execution=Execution())
    monkeypatch.setattr("gengap.data.rows.IN_MEMORY", 0)
    run = train_network(load(path, **options), recipe, execution=Execution())
    assert [r["train_loss"] for r in run.history] == [r["train_loss"] for r in expected.history]
    assert all((run.weights[name] == value).all() for name, value in expected.weights.items())


def _rows(path: Path) -> FileRows:
    np.save(path, IMAGES)
    return FileRows(path, 128, IMAGES.shape, np.uint8)


def test_rows_are_indexed_as_arrays_are(tmp_path: Path) -> None:
    rows = _rows(tmp_path / "x.npy")
    assert (len(rows), rows.shape, rows.ndim, rows.nbytes) == (30, IMAGES.shape, 4, IMAGES.nbytes)
    keys: list[Any] = [
        0,
        -1,
        slice(None),
        slice(5, 25, 3),
        slice(None, None, -1),
        [3, 1, 1, -2],
        Y == 1,
        np.array([], int),
    ]
    for key in keys:
        np.testing.assert_array_equal(rows[key], IMAGES[key])
    for bad in (30, [30], [-31], (0, 1), [[0]], [0.5]):
        with pytest.raises(IndexError):
            rows[bad]
    np.testing.assert_array_equal(np.asarray(rows, np.float32), IMAGES.astype(np.float32))


def test_joined_first_and_masked_rows(tmp_path: Path) -> None:
    rows = _rows(tmp_path / "x.npy")
    parts = [
        FileRows(rows.path, 128 + start * 108, (n, 3, 6, 6), np.uint8) for start, n in ((0, 11), (11, 1), (12, 18))
    ]
    for joined in (JoinedRows(parts), rows_of(JoinedRows(parts).document())):
        np.testing.assert_array_equal(joined[[29, 0, 11, 12, 11, 10]], IMAGES[[29, 0, 11, 12, 11, 10]])
        np.testing.assert_array_equal(np.concatenate([b for _, b in blocks(joined)]), IMAGES)
    first = rows_of(FirstRows(JoinedRows(parts), 13).document())
    np.testing.assert_array_equal(first[:], IMAGES[:13])
    np.save(tmp_path / "t.npy", TOKENS)
    np.save(tmp_path / "m.npy", MASK)
    tokens, mask = (FileRows(tmp_path / f, 128, TOKENS.shape, t) for f, t in (("t.npy", np.int64), ("m.npy", bool)))
    masked = rows_of(MaskedRows(tokens, mask).document())
    np.testing.assert_array_equal(masked[:], np.stack([TOKENS, MASK], axis=1))


def test_a_file_that_has_changed_or_is_gone_is_named(tmp_path: Path) -> None:
    rows = _rows(tmp_path / "x.npy")
    np.save(tmp_path / "x.npy", np.zeros((31, 3, 6, 6), np.uint8))
    with pytest.raises(InputError, match=r"x.npy has changed since it was read"):
        rows[0]
    with pytest.raises(InputError, match=r"x.npy has changed"):
        rows_of(rows.document())[0]
    (tmp_path / "x.npy").unlink()
    with pytest.raises(InputError, match=r"Cannot read .*x.npy: No such file"):
        rows[0]


def test_rows_beyond_a_file_are_refused(tmp_path: Path) -> None:
    rows = _rows(tmp_path / "x.npy")
    with pytest.raises(InputError, match="holds 3,368 bytes"):
        FileRows(rows.path, 128, (31, 3, 6, 6), np.uint8)


def test_a_whole_that_does_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = _rows(tmp_path / "x.npy")
    monkeypatch.setattr("gengap.data.rows.SMALL", 100)
    monkeypatch.setenv("GENGAP_MEMORY_LIMIT", "1K")
    with pytest.raises(InputError, match="30 rows of inputs that stay in files would take"):
        np.asarray(rows)


@pytest.mark.usefixtures("small")
def test_arrays_that_numpy_has_mapped_stay_in_their_files(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    problem = from_arrays(mapped, Y, mapped, Y)
    _same(problem, from_arrays(IMAGES, Y, IMAGES, Y))
    part = from_arrays(mapped[3:], Y[3:], mapped[3:], Y[3:])
    np.testing.assert_array_equal(np.asarray(part.train.x), IMAGES[3:])


@pytest.mark.usefixtures("small")
def test_values_in_files_are_checked(tmp_path: Path) -> None:
    bad = IMAGES / 7.0
    bad[17, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match="training example 17 holds NaN or Inf"):
        load(_write(tmp_path, _arrays(bad), "npz"))
    with pytest.raises(InputError, match="which is not in a vocabulary of 5"):
        load(_write(tmp_path, FORMS["tokens"], "npy"), vocabulary=5)


def test_an_array_by_columns_is_read_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path, _arrays(np.asfortranarray(IMAGES / 7)), "npy")
    monkeypatch.setattr("gengap.data.rows.IN_MEMORY", 0)
    np.testing.assert_array_equal(load(path).train.x, (IMAGES / 7)[:20])


def test_a_compressed_archive_that_is_too_large_says_what_would_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez_compressed(tmp_path / "d.npz", **_arrays(IMAGES))
    monkeypatch.setenv("GENGAP_MEMORY_LIMIT", "2K")
    with pytest.raises(InputError, match=r"numpy.savez, uncompressed: they then stay in the file"):
        load(tmp_path / "d.npz")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("x_test.npy", None, "There is no file .*x_test.npy"),
        ("x_test.npy", b"no array", "x_test.npy is no readable .npy"),
        ("x_train.npy", "short", r"declares 2,160 values of 1 bytes and holds 2,159 bytes"),
        ("y_train.npy", "object", "y_train holds objects"),
        ("mask_train.npy", "mask", "holds one of mask_train and mask_test"),
    ],
)
def test_damaged_folders_of_arrays(file: str, content: Any, message: str, tmp_path: Path) -> None:
    path = _write(tmp_path, FORMS["images"], "npy")
    if content is None:
        (path / file).unlink()
    elif content == "short":
        (path / file).write_bytes((path / file).read_bytes()[:-1])
    elif content == "object":
        np.save(path / file, np.array([None] * 20), allow_pickle=True)
    elif content == "mask":
        np.save(path / file, MASK[:20])
    else:
        (path / file).write_bytes(content)
    with pytest.raises(InputError, match=message):
        load(path)


def _idx(path: Path, values: Any) -> None:
    sides = b"".join(side.to_bytes(4, "big") for side in values.shape)
    path.write_bytes(bytes([0, 0, 8, values.ndim]) + sides + values.tobytes())


def test_idx_files_of_any_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = Y.astype(np.uint8)
    parts = {"train": slice(0, 20), "t10k": slice(20, 30)}
    for name, part in parts.items():
        _idx(tmp_path / f"{name}-images-idx3-ubyte", IMAGES[part, 0])
        _idx(tmp_path / f"{name}-labels-idx1-ubyte", labels[part])
    expected = load(tmp_path)
    np.testing.assert_array_equal(expected.train.x, IMAGES[:20, :1])
    monkeypatch.setattr("gengap.data.rows.IN_MEMORY", 0)
    _same(load(tmp_path), expected)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"nothing")
    with pytest.raises(InputError, match="is not an idx file"):
        load(tmp_path)
