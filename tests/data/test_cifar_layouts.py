import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from gengap.data import Preprocessing, load
from gengap.data.cifar import read_cifar, read_published_cifar
from gengap.errors import InputError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 3072), np.uint8)
LABELS = np.array([0, 1, 2, 2, 1, 0])
COARSE = np.array([1, 1, 0, 0, 1, 1])


def records(part: slice, *labels: np.ndarray) -> bytes:
    return np.concatenate([*(y[part, None].astype(np.uint8) for y in labels), PIXELS[part]], axis=1).tobytes()


def batch(part: slice, key: str, protocol: int) -> bytes:
    return pickle.dumps({b"data": PIXELS[part], key.encode(): LABELS[part].tolist()}, protocol=protocol)


def versions(protocol: int = 2) -> dict[str, dict[str, bytes]]:
    """The same four training and two test images in each version."""
    first, second, test = slice(0, 2), slice(2, 4), slice(4, 6)
    names = ["ant", "bee", "cat"]
    return {
        "cifar-10-batches-bin": {
            "data_batch_1.bin": records(first, LABELS),
            "data_batch_2.bin": records(second, LABELS),
            "test_batch.bin": records(test, LABELS),
            "batches.meta.txt": b"ant\nbee\ncat\n\n",
        },
        "cifar-100-binary": {
            "train.bin": records(slice(0, 4), COARSE, LABELS),
            "test.bin": records(test, COARSE, LABELS),
            "fine_label_names.txt": b"ant\nbee\ncat\n",
        },
        "cifar-10-batches-py": {
            "data_batch_1": batch(first, "labels", protocol),
            "data_batch_2": batch(second, "labels", protocol),
            "test_batch": batch(test, "labels", protocol),
            "batches.meta": pickle.dumps({b"label_names": [n.encode() for n in names]}, protocol=protocol),
        },
        "cifar-100-python": {
            "train": batch(slice(0, 4), "fine_labels", protocol),
            "test": batch(test, "fine_labels", protocol),
            "meta": pickle.dumps({"fine_label_names": names}, protocol=protocol),
        },
    }


def write_folder(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def write_archive(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"folder/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("form", [write_folder, write_archive])
@pytest.mark.parametrize("protocol", [2, 4])
def test_every_version_gives_the_same_problem(version: str, form, protocol: int, tmp_path: Path) -> None:
    path = form(tmp_path / ("c.tar.gz" if form is write_archive else "c"), versions(protocol)[version])
    read = load(path)
    np.testing.assert_array_equal(read.train.x, PIXELS[:4].reshape(4, 3, 32, 32))
    np.testing.assert_array_equal(read.test.x, PIXELS[4:].reshape(2, 3, 32, 32))
    assert read.train.y.tolist() == [0, 1, 2, 2]
    assert read.test.y.tolist() == [1, 0]
    assert read.classes == ("ant", "bee", "cat")
    assert read.preprocessing == Preprocessing(28, "whiten")
    assert load(path, crop=None).preprocessing == Preprocessing(None, "whiten")


def test_classes_are_numbers_where_no_file_names_them(tmp_path: Path) -> None:
    files = versions()["cifar-100-binary"]
    del files["fine_label_names.txt"]
    assert load(write_folder(tmp_path / "c", files)).classes == ("0", "1", "2")


def test_a_batch_that_is_a_program_is_refused_and_not_run(tmp_path: Path) -> None:
    class Program:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.mkdir, (tmp_path / "made",))

    files = {**versions()["cifar-10-batches-py"], "data_batch_2": pickle.dumps(Program())}
    with pytest.raises(InputError, match=r"data_batch_2.*which is refused"):
        load(write_folder(tmp_path / "c", files))
    assert not (tmp_path / "made").exists()


def test_nothing_is_written_by_an_archive_whose_members_point_outside(tmp_path: Path) -> None:
    inside, evil = tmp_path / "inside", tmp_path / "inside" / "evil.tar.gz"
    inside.mkdir()
    secret = tmp_path / "test_batch.bin"
    secret.write_bytes(versions()["cifar-10-batches-bin"]["test_batch.bin"])
    with tarfile.open(evil, "w:gz") as archive:
        for name in ("../evil", f"{tmp_path}/evil"):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"evil"))
        member = tarfile.TarInfo("data_batch_1.bin")
        content = versions()["cifar-10-batches-bin"]["data_batch_1.bin"]
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            link = tarfile.TarInfo("test_batch.bin")
            link.type, link.linkname = kind, str(secret)
            archive.addfile(link)
    with pytest.raises(InputError, match="holds no training and test files"):
        load(evil)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["evil.tar.gz", "inside", "test_batch.bin"]


def cut_archive(path: Path, files: dict[str, bytes]) -> Path:
    write_archive(path, files)
    path.write_bytes(path.read_bytes()[:-200])
    return path


def test_a_truncated_empty_or_wrong_archive_is_named(tmp_path: Path) -> None:
    cut = cut_archive(tmp_path / "cut.tar.gz", versions()["cifar-10-batches-bin"])
    empty, wrong = tmp_path / "empty.tar.gz", tmp_path / "wrong.tar.gz"
    empty.write_bytes(b"")
    wrong.write_bytes(b"<html>")
    for path in (cut, empty, wrong):
        with pytest.raises(InputError, match=rf"{path.name} is empty, truncated or no archive"):
            load(path)


def damaged(name: str, content: bytes) -> dict[str, bytes]:
    version = next(files for files in versions().values() if name in files)
    return {**version, name: content}


DAMAGE = {
    "half a record": (
        damaged("test_batch.bin", b"\0" * 3000),
        "test_batch.bin is truncated or of another format: 3000 bytes",
    ),
    "empty": (damaged("data_batch_2.bin", b""), "data_batch_2.bin holds 0 images"),
    "no pixels": (damaged("train", pickle.dumps({"fine_labels": [1]})), "train holds no pixels under 'data'"),
    "no labels": (damaged("train", pickle.dumps({"data": PIXELS})), "train holds no label for each of 6 images"),
    "a list": (damaged("train", pickle.dumps([1])), "train holds a list"),
    "no names": (damaged("meta", b"x"), "meta in .* is no readable pickle"),
}


@pytest.mark.parametrize(("files", "message"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_named(files: dict[str, bytes], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as raised:
        load(write_folder(tmp_path / "c", files))
    assert len(str(raised.value).splitlines()) <= 3


def test_published_data_must_have_the_published_counts(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "cifar10" / "cifar-10-batches-bin", versions()["cifar-10-batches-bin"])
    with pytest.raises(InputError, match="cifar-10-batches-bin holds 2 training files") as raised:
        load("cifar10", data_dir=tmp_path)
    assert "gengap data fetch cifar10" in str(raised.value)
    for i in range(3, 6):
        (folder / f"data_batch_{i}.bin").write_bytes(records(slice(0, 2), LABELS))
    with pytest.raises(InputError, match=r"data_batch_1.bin holds 2 images"):
        load("cifar10", data_dir=tmp_path)


def test_published_data_may_lie_in_any_of_their_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gengap.data.cifar.read_cifar", lambda source, published: read_cifar(source))
    files = versions()
    write_archive(tmp_path / "b.tar.gz", files["cifar-100-python"])
    sources = ("a", "b.tar.gz")
    assert len(read_published_cifar(tmp_path, sources=sources, n_classes=3)[0]) == 4
    with pytest.raises(InputError, match=r"b.tar.gz holds a label 2"):
        read_published_cifar(tmp_path, sources=sources, n_classes=2)
    own = write_folder(tmp_path / "own", files["cifar-10-batches-bin"])
    assert len(read_published_cifar(own, sources=sources, n_classes=3)[0]) == 4
