import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gengap.data import DATA_SETS, Preprocessing, idx, load
from gengap.errors import InputError

MNIST_FILES = [file.name for file in DATA_SETS["mnist"].files]


def write_idx(path: Path, array: np.ndarray) -> None:
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    raw = head + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(raw, 1) if path.suffix == ".gz" else raw)


@pytest.fixture
def mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds data in MNIST's form, 20 + 10 images."""
    monkeypatch.setattr(idx, "COUNTS", {"train": 20, "test": 10})
    folder = tmp_path / "mnist"
    folder.mkdir()
    for name, n in zip(MNIST_FILES, (20, 20, 10, 10), strict=True):
        values = np.arange(n * 784).reshape(n, 28, 28) % 251 if "images" in name else np.arange(n) % 10
        write_idx(folder / name, values)
    return folder


def test_digits_are_embedded_stratified_and_always_the_same() -> None:
    digits = load("digits")
    assert (len(digits.train), len(digits.test), digits.train.x.shape[1:]) == (1297, 500, (1, 8, 8))
    assert digits.train.x.dtype == np.uint8
    assert set(np.unique(digits.train.x)) == set(range(0, 241, 15))
    shares = [np.bincount(split.y) / len(split) for split in (digits.train, digits.test)]
    np.testing.assert_allclose(*shares, atol=0.002)
    assert load("digits").hash == digits.hash
    together = np.concatenate([digits.train.x, digits.test.x]).reshape(1797, 64)
    from sklearn.datasets import load_digits

    np.testing.assert_array_equal(np.unique(together, axis=0), np.unique(load_digits().data * 15, axis=0))


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist"])
def test_idx_files_are_read_compressed_or_not(name: str, mnist: Path) -> None:
    folder = mnist.rename(mnist.parent / name)
    (folder / MNIST_FILES[0].removesuffix(".gz")).write_bytes(gzip.decompress((folder / MNIST_FILES[0]).read_bytes()))
    (folder / MNIST_FILES[0]).unlink()
    read = load(name, data_dir=folder.parent)
    np.testing.assert_array_equal(read.train.x.ravel(), np.arange(20 * 784) % 251)
    assert read.train.x.shape == (20, 1, 28, 28)
    assert read.test.y.tolist() == list(range(10))
    assert read.classes == DATA_SETS[name].classes
    assert read.preprocessing == Preprocessing(scale="whiten")


def test_preprocessing_can_be_chosen_in_part(mnist: Path) -> None:
    assert load("mnist", data_dir=mnist.parent, crop=20).preprocessing == Preprocessing(20, "whiten")
    assert load("mnist", data_dir=mnist.parent, scale="unit").preprocessing == Preprocessing(None, "unit")


def test_the_folder_is_found_through_the_environment(mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENGAP_DATA", str(mnist.parent))
    assert len(load("mnist").train) == 20
    with pytest.raises(InputError, match="elsewhere"):
        load("mnist", data_dir=mnist.parent / "elsewhere")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


DAMAGE = {
    "empty": (lambda path: path.write_bytes(b""), "is not an idx file: it begins with nothing"),
    "truncated": (truncate, "is empty, truncated or not gzip"),
    "not gzip": (lambda path: path.write_bytes(b"<html>not found</html>"), "not gzip"),
    "not idx": (lambda path: path.write_bytes(gzip.compress(b"hello")), "is not an idx file: it begins with 68656c6c"),
    "short": (
        lambda path: path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1])),
        "holds only 15,679 values",
    ),
    "other counts": (lambda path: write_idx(path, np.zeros((19, 28, 28))), "declares 19x28x28"),
    "gone": (lambda path: path.unlink(), "there is no train-images-idx3-ubyte"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_named_with_what_is_wrong_and_how_to_get_it_again(damage, message: str, mnist: Path) -> None:
    damage(mnist / MNIST_FILES[0])
    with pytest.raises(InputError, match=message) as raised:
        load("mnist", data_dir=mnist.parent)
    text = str(raised.value)
    assert str(mnist) in text
    assert "gengap data fetch mnist" in text
    assert len(text.splitlines()) <= 3


def test_a_label_out_of_range_is_refused(mnist: Path) -> None:
    write_idx(mnist / MNIST_FILES[3], np.full(10, 11))
    with pytest.raises(InputError, match="a test label is 11"):
        load("mnist", data_dir=mnist.parent)


def test_data_that_are_not_there_say_how_to_get_them(tmp_path: Path) -> None:
    for name, entry in DATA_SETS.items():
        if entry.files:
            with pytest.raises(InputError, match=f"gengap data fetch {name}") as raised:
                load(name, data_dir=tmp_path)
            assert "--data-dir" in str(raised.value)


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(InputError, match=r"did you mean 'mnist' or 'kmnist'|did you mean 'kmnist' or 'mnist'"):
        load("mnits")


def test_every_data_set_has_distinct_class_names_and_whole_checksums() -> None:
    assert [len(entry.classes) for entry in DATA_SETS.values()] == [10, 10, 10, 10, 10, 100]
    for entry in DATA_SETS.values():
        assert len(set(entry.classes)) == len(entry.classes)
        assert all(len(bytes.fromhex(file.md5)) == 16 for file in entry.files)
    assert list(DATA_SETS["cifar100"].classes) == sorted(DATA_SETS["cifar100"].classes)


def test_importing_the_layer_is_light() -> None:
    code = "import gengap.data, sys; print({'torch', 'pandas', 'sklearn', 'PIL'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def real(name: str) -> Path:
    folder = Path(os.environ.get("GENGAP_DATA", "")) / name
    if not os.environ.get("GENGAP_DATA") or not folder.is_dir():
        pytest.skip(f"GENGAP_DATA names no folder with {name}")
    return folder


@pytest.mark.realdata
def test_the_real_mnist() -> None:
    real("mnist")
    mnist = load("mnist")
    assert np.bincount(mnist.train.y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert mnist.train.x.mean() / 255 == pytest.approx(0.1307, abs=5e-5)  # the mean that everybody normalises by


@pytest.mark.realdata
def test_the_real_cifar10() -> None:
    real("cifar10")
    cifar = load("cifar10")
    assert np.bincount(cifar.train.y).tolist() == [5000] * 10
    assert np.bincount(cifar.test.y).tolist() == [1000] * 10
    means = cifar.train.x.mean(axis=(0, 2, 3)) / 255
    np.testing.assert_allclose(means, [0.4914, 0.4822, 0.4465], atol=5e-5)  # red, green, blue
    assert cifar.input_shape == (3, 28, 28)
    assert [cifar.classes[i] for i in cifar.train.y[:3]] == ["frog", "truck", "truck"]


@pytest.mark.realdata
def test_a_real_cifar10_file_cut_short_is_named(tmp_path: Path) -> None:
    folder = real("cifar10") / "cifar-10-batches-bin"
    if not folder.is_dir():
        pytest.skip("CIFAR-10 is not there in the binary version's folder")
    copy = tmp_path / "cifar10" / folder.name
    copy.mkdir(parents=True)
    for file in folder.iterdir():
        os.symlink(file, copy / file.name)
    cut = copy / "data_batch_3.bin"
    cut.unlink()
    shutil.copy(folder / cut.name, cut)
    os.truncate(cut, cut.stat().st_size - 3073)
    with pytest.raises(InputError, match=r"data_batch_3.bin holds 9999 images") as raised:
        load("cifar10", data_dir=tmp_path)
    assert "gengap data fetch cifar10" in str(raised.value)
