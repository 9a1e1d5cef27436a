"""What a file declares is compared with what it holds, what its format promises, and the memory there is."""

import pickle
import tarfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import bombs
import numpy as np
import pytest

import gengap
from gengap.data import idx, read_frame
from gengap.data.archive import read_files
from gengap.data.limits import Bounded, free_memory, memory_limit, size_text, unpacked_limit
from gengap.data.restricted_pickle import load_plain_pickle
from gengap.errors import InputError

LIMIT = 16 * bombs.MEBI  # of memory for one file; bombs unfold to more


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Memory for one file is small, reading it takes no more than three times that, and no more than seconds."""
    monkeypatch.setenv("GENGAP_MEMORY_LIMIT", "16M")
    tracemalloc.start()
    started = time.perf_counter()
    yield
    seconds, (_, peak) = time.perf_counter() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * LIMIT
    assert seconds < 20


TABLE = ["--label-column", "a", "--split-column", "b"]
FILES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "sparse tar": ("x.tar", lambda path: bombs.sparse_tar(path, 10**10), "is sparse"),
    "sparse tar, later format": ("x.tar", lambda path: bombs.pax_sparse_tar(path, 10**10), "is sparse"),
    "tar bomb": ("x.tar.gz", lambda path: bombs.tar_bomb(path, 100), r"would take 100\.0 MiB of memory"),
    "tar bomb in a file that is not wanted": (
        "x.tar.gz",
        lambda path: bombs.tar_bomb(path, 100, "other"),
        r"decompressed, is larger than the limit of 16\.0 MiB",
    ),
    "lying tar": ("x.tar", lambda path: bombs.lying_tar(path, 2**40), r"would take 1\.0 TiB"),
    "lying tar, small": ("x.tar", lambda path: bombs.lying_tar(path, 10_000), "truncated or no archive"),
    "lying header of a tar": (
        "x.tar",
        lambda path: bombs.lying_tar(path, 2**33, tarfile.XHDTYPE),
        "header in the archive",
    ),
    "npz bomb": ("x.npz", lambda path: bombs.npz_bomb(path, 30), r"would take 6\d\.\d MiB"),
    "npz of small numbers that grow": ("x.npz", lambda path: bombs.npz_bomb(path, 4, "i1"), "would take 4"),
    "lying npz": ("x.npz", lambda path: bombs.lying_npz(path, (2**40,)), "declares 1,099,511,627,776 values"),
    "npz of texts without length": ("x.npz", lambda path: bombs.lying_npz(path, (10**12,), "<U0"), "of memory"),
    "npz of negative length": ("x.npz", lambda path: bombs.lying_npz(path, (-1,)), "shape"),
    "pipe for an npz": ("x.npz", bombs.pipe, "is a pipe"),
    "pipe for an archive": ("x.tar.gz", bombs.pipe, "is a pipe"),
    "pipe for a table": ("x.csv", bombs.pipe, "is a pipe"),
}


@pytest.mark.parametrize(("name", "make", "message"), FILES.values(), ids=FILES.keys())
@pytest.mark.usefixtures("limited")
def test_a_file_that_declares_too_much_is_refused(
    name: str, make: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    make(tmp_path / name)
    with pytest.raises(InputError, match=message) as raised:
        gengap.load(tmp_path / name, label_column="a", split_column="b") if "csv" in name else gengap.load(
            tmp_path / name
        )
    assert len(str(raised.value).splitlines()) <= 3


def test_an_archive_of_a_million_members_is_left_early(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="more than 100,000 members"):
        read_files(bombs.tar_of_many(tmp_path / "x.tar.gz", 10**6), lambda name: False)


def test_an_endless_idx_file_is_read_no_further_than_its_header_declares(tmp_path: Path) -> None:
    path = bombs.idx_bomb(tmp_path / "x.gz", (2, 28, 28), 1000)
    with pytest.raises(InputError, match="holds more values"):
        idx.read_idx(path)


@pytest.mark.usefixtures("limited")
def test_an_idx_file_of_another_shape_is_not_unpacked(tmp_path: Path) -> None:
    path = bombs.idx_bomb(tmp_path / "x.gz", (60_000, 280, 280), 100)
    with pytest.raises(InputError, match="declares 60000x280x280"):
        idx.read_idx(path, (60_000, 28, 28))
    with pytest.raises(InputError, match="of memory"):
        idx.read_idx(path)


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": bombs.shared_list(60)}), "no label for each"),
        (pickle.dumps(bombs.shared_list(60)), "holds a list"),
        (bombs.shared_key(40), "a tuple as a key"),
        (b"\x80\x02]r\xff\xff\xff\x7f.", "holds a list"),  # a memo with room for two milliards
        (b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f" + b"x.", "no readable pickle"),  # bytes of 2^63
        (b"(" * 10_000, "no readable pickle"),
        (b"\x80\x02" + b"]" * 20_000 + b"a" * 19_999 + b".", "nested too deeply"),
        (b"\x80\x02]q\x00h\x00a.", "holds itself"),
    ],
    ids=["shared lists", "shared list", "shared key", "memo", "length", "marks", "deep", "cycle"],
)
@pytest.mark.usefixtures("limited")
def test_a_pickle_takes_time_and_memory_of_its_size(pickled: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        gengap.load(bombs.cifar_pickles(tmp_path / "x", pickled))


@pytest.mark.usefixtures("limited")
def test_arrays_of_the_same_bytes_share_them() -> None:
    arrays = load_plain_pickle(bombs.many_copies(bombs.MEBI, 1000), "f")
    assert len(arrays) == 1000
    assert all(array.shape == (bombs.MEBI,) for array in arrays)


def test_names_of_classes_are_texts_and_nothing_that_becomes_one(tmp_path: Path) -> None:
    train = {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 1]}
    folder = bombs.cifar_pickles(tmp_path / "x", pickle.dumps(train))
    (folder / "batches.meta").write_bytes(pickle.dumps({b"label_names": [bombs.shared_list(60)] * 2}))
    assert gengap.load(folder).classes == ("0", "1")


def test_a_huge_image_is_refused_by_its_header(tmp_path: Path) -> None:
    folder = bombs.image_folder(tmp_path / "x")
    bombs.png(folder / "train" / "a" / "1.png", 13_000, 13_000)
    with pytest.raises(InputError, match=r"has 13,000 x 13,000 pixels.\nExpected: at most 25,000,000"):
        gengap.load(folder)


@pytest.mark.usefixtures("limited")
def test_images_that_do_not_fit_together_are_not_decoded(tmp_path: Path) -> None:
    folder = bombs.image_folder(tmp_path / "x")
    for split in ("train", "test"):
        for kind in ("a", "b"):
            for number in range(5):
                bombs.png(folder / split / kind / f"{number}.png", 2000, 2000)
    with pytest.raises(InputError, match=r"20 images of 2000 x 2000 pixels would take 76\.3 MiB once decoded"):
        gengap.load(folder)


def test_a_pipe_among_images_is_named(tmp_path: Path) -> None:
    folder = bombs.image_folder(tmp_path / "x")
    bombs.pipe(folder / "test" / "b" / "1.png")
    with pytest.raises(InputError, match=r"1\.png is a pipe"):
        gengap.load(folder)


def test_a_program_named_as_an_image_starts_no_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow hands Encapsulated PostScript to Ghostscript, whatever the file's name."""
    folder = bombs.image_folder(tmp_path / "x")
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\n(x) = \nshowpage\n"
    (folder / "train" / "a" / "0.png").write_bytes(script)
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_: pytest.fail("an interpreter was started"))
    with pytest.raises(InputError, match="no readable image"):
        gengap.load(folder)


@pytest.mark.parametrize(
    ("columns", "message"), [(300_000, "has 300,000 columns"), (10**6, "its first line has more than")]
)
def test_a_million_columns_are_refused_at_once(columns: int, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_frame(bombs.wide_csv(tmp_path / "x.csv", columns))


@pytest.mark.parametrize(("rows", "length"), [(10**8, 0), (2**20, 1000)], ids=["rows", "text"])
@pytest.mark.usefixtures("limited")
def test_a_parquet_file_that_unfolds_is_refused(rows: int, length: int, tmp_path: Path) -> None:
    bombs.parquet_bomb(tmp_path / "x.parquet", rows, length)
    with pytest.raises(InputError, match=r"would take .* of memory"):
        read_frame(tmp_path / "x.parquet")


def test_parquet_is_read_as_pandas_reads_it(tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame({"a": ["x", None, "y"], "b": [1, 2, 3], "c": [0.5, float("nan"), 1]}, index=[5, 6, 7])
    frame.index.name = "id"
    frame.to_parquet(tmp_path / "x.parquet")
    pd.testing.assert_frame_equal(read_frame(tmp_path / "x.parquet"), pd.read_parquet(tmp_path / "x.parquet"))


@pytest.mark.parametrize("name", ["x.csv.gz", "x.json.gz"])
@pytest.mark.usefixtures("limited")
def test_a_compressed_table_is_read_up_to_the_limit(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(bombs.zeros_gz(b"a,b\n1,", 1000))
    with pytest.raises(InputError, match="decompressed, is larger than the limit"):
        read_frame(tmp_path / name)


def test_compressed_data_unfold_to_a_hundred_times_their_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GENGAP_MEMORY_LIMIT", raising=False)
    path = bombs.tar_bomb(tmp_path / "x.tar.gz", 200)
    assert path.stat().st_size < 300_000
    with pytest.raises(InputError, match=r"would take 200\.0 MiB of memory, more than the limit of 64\.0 MiB"):
        gengap.load(path)
    assert unpacked_limit(10**6) == 10**8
    assert unpacked_limit(1) == 64 * bombs.MEBI
    assert unpacked_limit(10**18) == pytest.approx(free_memory() / 2, rel=0.5)
    monkeypatch.setenv("GENGAP_MEMORY_LIMIT", "300M")  # whoever says so has thought of it
    with pytest.raises(InputError, match="truncated or no archive"):  # it is read to its end, which is missing
        gengap.load(path)


def test_a_pickle_of_very_many_containers_is_left_early(tmp_path: Path) -> None:
    folder = bombs.cifar_pickles(tmp_path / "x", b"\x80\x02" + b"]" * 3_000_000 + b".")
    with pytest.raises(InputError, match="more than 2,000,000 containers"):
        gengap.load(folder)


@pytest.mark.parametrize(
    ("text", "n_bytes"), [("1000", 1000), ("2k", 2048), ("16G", 2**34), ("1.5G", None), ("all", None)]
)
def test_the_limit_is_a_number_of_bytes_or_half_of_what_is_free(
    text: str, n_bytes: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GENGAP_MEMORY_LIMIT", raising=False)
    assert 0 < memory_limit() <= free_memory()
    monkeypatch.setenv("GENGAP_MEMORY_LIMIT", text)
    if n_bytes is None:
        with pytest.raises(InputError, match="GENGAP_MEMORY_LIMIT"):
            memory_limit()
    else:
        assert memory_limit() == n_bytes


def test_a_bounded_stream_gives_all_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(1000))
    with (tmp_path / "f").open("rb") as file:
        assert Bounded(file, 1000, "f").read() == bytes(1000)
        file.seek(0)
        with pytest.raises(InputError, match="f is larger than the limit of 999 bytes"):
            Bounded(file, 999, "f").read()
    assert size_text(999) == "999 bytes"
