"""Files that declare or unfold to far more than they hold, small to make and to keep."""

import io
import os
import pickle
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

MEBI = 2**20


def zeros_gz(start: bytes, mebibytes: int) -> bytes:
    """A gzip stream of ``start`` and so many MiB of zeros, from copies of one compressed block."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [compressor.compress(start) + compressor.flush(zlib.Z_FULL_FLUSH)]
    block = compressor.compress(bytes(MEBI)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return b"".join([*parts, *[block] * mebibytes])  # without an end: nobody comes that far


def member(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """The header of a member of an archive."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def sparse_tar(path: Path, size: int) -> Path:
    """An archive in GNU's sparse format: a member of ``size`` bytes, all of them a hole."""
    header = bytearray(member("data_batch_1.bin", 0, tarfile.GNUTYPE_SPARSE))
    header[386 : 386 + 24] = f"{size:011o}\0{0:011o}\0".encode()
    header[483:495] = f"{size:011o}\0".encode()
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    path.write_bytes(bytes(header) + bytes(1024))
    return path


def pax_sparse_tar(path: Path, size: int) -> Path:
    """The same in the later format, whose map stands before the data."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("data_batch_1.bin")
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(size)}
        content = b"1\n0\n0\n".ljust(512, b"\0")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return path


def tar_bomb(path: Path, mebibytes: int, name: str = "data_batch_1.bin") -> Path:
    """A compressed archive whose member holds so many MiB of zeros."""
    path.write_bytes(zeros_gz(member(name, mebibytes * MEBI), mebibytes))
    return path


def lying_tar(path: Path, size: int, kind: bytes = tarfile.REGTYPE) -> Path:
    """An archive whose member declares ``size`` bytes and has none."""
    path.write_bytes(member("data_batch_1.bin", size, kind))
    return path


def tar_of_many(path: Path, members: int) -> Path:
    """A compressed archive of so many empty members."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = compressor.compress(member("x", 0) * 1000) + compressor.flush(zlib.Z_FULL_FLUSH)
    rest = compressor.compress(member("x", 0) * 1000) + compressor.flush(zlib.Z_FULL_FLUSH)
    path.write_bytes(block + rest * (members // 1000))
    return path


def npz_bomb(path: Path, mebibytes: int, dtype: str = "u1") -> Path:
    """Arrays of zeros, compressed."""
    n = 1000
    shape = (n, mebibytes * MEBI // n // np.dtype(dtype).itemsize)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("x_train", "x_test"):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                for _ in range(n):
                    file.write(bytes(shape[1] * np.dtype(dtype).itemsize))
        for name in ("y_train", "y_test"):
            with archive.open(f"{name}.npy", "w") as file:
                np.save(file, np.arange(n) % 2)
    return path


def lying_npz(path: Path, shape: tuple[int, ...], dtype: str = "<f8") -> Path:
    """Arrays whose headers declare a shape and that have no values."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("x_train", "y_train", "x_test", "y_test"):
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return path


def shared_list(depth: int) -> Any:
    """A list whose two items are one list whose two items are one list, and so on."""
    value: Any = []
    for _ in range(depth):
        value = [value, value]
    return value


def shared_key(depth: int) -> bytes:
    """A pickle of a dictionary whose one key is a tuple of twice one tuple of twice one tuple, and so on."""
    key: Any = ()
    for _ in range(depth):
        key = (key, key)
    return b"\x80\x02}" + pickle.dumps(key, protocol=2)[2:-1] + b"K\x01s."


def many_copies(size: int, copies: int) -> bytes:
    """A pickle of a list of so many arrays, which all refer to the same bytes."""
    made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
    kind = b"cnumpy\ndtype\nU\x02u1\x85Rq\x01"
    raw = b"T" + struct.pack("<I", size) + bytes(size) + b"q\x02"
    shape = b"J" + struct.pack("<i", size) + b"\x85"
    first = made + b"(K\x01" + shape + kind + b"I00\n" + raw + b"tb"
    other = made + b"(K\x01" + shape + b"h\x01I00\nh\x02tb"
    return b"\x80\x02](" + first + other * (copies - 1) + b"e."


def cifar_pickles(folder: Path, train: bytes) -> Path:
    """CIFAR's python layout with this training file."""
    folder.mkdir()
    test = {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 1]}
    (folder / "data_batch_1").write_bytes(train)
    (folder / "test_batch").write_bytes(pickle.dumps(test, protocol=2))
    return folder


def idx_bomb(path: Path, shape: tuple[int, ...], mebibytes: int) -> Path:
    """An idx file that declares a shape and unfolds to so many MiB."""
    start = bytes([0, 0, 8, len(shape)]) + b"".join(struct.pack(">I", length) for length in shape)
    path.write_bytes(zeros_gz(start, mebibytes))
    return path


def png(path: Path, width: int, height: int) -> Path:
    """A grey image of zeros, whose pixels take a thousandth of their number in bytes."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    compressor = zlib.compressobj(9)
    pixels = b"".join(compressor.compress(bytes(width + 1)) for _ in range(height)) + compressor.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
    return path


def image_folder(folder: Path) -> Path:
    """A folder of four small images, to put another beside."""
    for split in ("train", "test"):
        for kind in ("a", "b"):
            (folder / split / kind).mkdir(parents=True)
            png(folder / split / kind / "0.png", 4, 4)
    return folder


def pipe(path: Path) -> Path:
    """A pipe that nobody writes to."""
    os.mkfifo(path)
    return path


def log_bomb(path: Path, mebibytes: int) -> Path:
    """A log of inspect_ai by its names, whose one sample unfolds to so many MiB of zeros."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", b"{}")
        with archive.open("samples/1_epoch_1.json", "w", force_zip64=True) as file:
            for _ in range(mebibytes):
                file.write(bytes(MEBI))
    return path


def lying_log(path: Path, mebibytes: int) -> Path:
    """The same, which declares that its sample is 100 bytes long."""
    content, size = log_bomb(path, mebibytes).read_bytes(), mebibytes * MEBI
    start = content.index(b"PK\x01\x02", content.index(b"samples/"))  # the directory
    declared = content.index(struct.pack("<L", size), start)
    path.write_bytes(content[:declared] + struct.pack("<L", 100) + content[declared + 4 :])
    return path


def wide_csv(path: Path, columns: int) -> Path:
    """A table of two rows and very many columns."""
    header = ",".join(f"c{i}" for i in range(columns))
    row = ",".join("1" for _ in range(columns))
    path.write_text(f"{header}\n{row}\n{row}\n")
    return path


def parquet_bomb(path: Path, rows: int, length: int = 0) -> Path:
    """A table of so many rows in few bytes: one number, or one text of ``length``, in all of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    value = pa.array(["x" * length]) if length else pa.array([1.5])
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(min(rows, MEBI), np.int32)), value)
    table = pa.table({"a": column.cast(value.type) if not length else column, "b": pa.array(np.zeros(len(column)))})
    with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
        for _ in range(max(1, rows // MEBI)):
            writer.write_table(table)
    return path
