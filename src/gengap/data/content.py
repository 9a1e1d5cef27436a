"""The content of one file or of standard input, decompressed, up to a limit, and what kind of content it is."""

import bz2
import gzip
import io
import lzma
import sys
import zlib
from pathlib import Path
from typing import Any, BinaryIO, cast

from gengap.data.limits import Bounded, check_file, memory_limit, out_of_memory_refused, unpacked_limit
from gengap.errors import InputError

STANDARD_INPUT = "-"
PACKED = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7zXZ"}
_READERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
# What files begin with that people have and that are no table, and how to make one of them.
_FOREIGN = {
    b"PK\x03\x04": ("a zip archive or an Excel workbook (.xlsx)", "save the sheet as CSV UTF-8, or unpack the archive"),
    b"\xd0\xcf\x11\xe0": ("an Excel 97 workbook (.xls)", "save the sheet as CSV UTF-8"),
    b"SQLite format 3": ("an SQLite database", "export the table as CSV"),
    b"\x93NUMPY": ("a NumPy array (.npy)", "write it as CSV: numpy.savetxt(path, array, delimiter=',')"),
    b"ARROW1": ("an Arrow (Feather) file", "save it with pandas.DataFrame.to_parquet"),
    b"\x89HDF": ("an HDF5 file", "save the table with pandas.DataFrame.to_parquet"),
    b"\x89PNG": ("an image, no table", "read images from a folder: train/CLASS/*.png and test/CLASS/*.png"),
    b"\xff\xd8\xff": ("an image, no table", "read images from a folder: train/CLASS/*.jpg and test/CLASS/*.jpg"),
    b"%PDF": ("a PDF document", "save the table as CSV"),
    b"<!DOCTYPE": ("a web page", "download the file itself"),
    b"<html": ("a web page", "download the file itself"),
    b"version https://git-lfs": ("a pointer of Git LFS, not the file", "fetch the file with git lfs pull"),
    b"\x80\x02": ("a pickle", "save the table as CSV or Parquet; gengap unpickles nothing"),
    b"\x80\x03": ("a pickle", "save the table as CSV or Parquet; gengap unpickles nothing"),
    b"\x80\x04": ("a pickle", "save the table as CSV or Parquet; gengap unpickles nothing"),
    b"\x80\x05": ("a pickle", "save the table as CSV or Parquet; gengap unpickles nothing"),
}
COST = 12  # bytes of memory for each byte of text, while a table or a document is made of it


def read_content(path: str | Path, expected: str) -> bytes:
    """The bytes of a file, of standard input for ``-``; decompressed where they are gzip, bzip2 or xz.

    Args:
        path: The file.
        expected: What it should be, for errors.

    Raises:
        InputError: There is no such regular file, it is damaged, or larger than a twelfth of ``memory_limit()``.
    """
    limit = memory_limit() // COST
    if str(path) == STANDARD_INPUT:
        what = "Standard input"
        content = Bounded(sys.stdin.buffer, limit, what).read()
        packed = min(limit, unpacked_limit(len(content)))
        return _decompressed(io.BytesIO(content), limit, packed, what, expected)
    file = Path(path)
    check_file(file, expected)
    try:
        with file.open("rb") as stream:
            packed = min(limit, unpacked_limit(file.stat().st_size))
            return _decompressed(stream, limit, packed, str(file), expected)
    except OSError as error:
        raise InputError(f"Cannot read {file}: {error.strerror or error}.", expected=expected) from error


def _decompressed(stream: BinaryIO, limit: int, packed: int, what: str, expected: str) -> bytes:
    """All of a stream up to a limit, decompressed up to another where it is compressed."""
    start = stream.read(6)
    stream.seek(0)
    reader: Any = next((reader for magic, reader in _READERS.items() if start.startswith(magic)), None)
    try:
        with out_of_memory_refused(what):
            if reader is None:
                return Bounded(stream, limit, what).read()
            return Bounded(cast(BinaryIO, reader(stream)), packed, f"{what}, decompressed,").read()
    except (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError) as error:
        raise InputError(f"Cannot read {what}: {error}.", expected=expected) from error


def refuse_foreign(content: bytes, what: str, expected: str) -> None:
    """Sees that content does not begin as that of a kind of file that is no table.

    Raises:
        InputError: It does; the message says what it is and how to save it.
    """
    start = content[:64].lstrip()
    for magic, (kind, next_step) in _FOREIGN.items():
        if start.lower().startswith(magic.lower()):
            raise InputError(f"{what} is {kind}.", expected=expected, next_step=next_step)


def decoded(content: bytes, what: str) -> tuple[str, str]:
    """The text of some bytes, and the encoding that they are in.

    UTF-8, UTF-16 and UTF-32 are recognised by their byte order marks, UTF-16 without one by its zero bytes; what is
    no UTF-8 is read as Windows-1252, the superset of Latin-1.

    Raises:
        InputError: They are no text.
    """
    encoding = _encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            raise InputError(
                f"{what} is no text that can be read: no {encoding}.", next_step="save it as UTF-8"
            ) from None
        encoding = "cp1252"
        text = content.decode(encoding, "replace")
    if "\0" in text:
        raise InputError(
            f"{what} is no text: it holds zero bytes.", expected="a text file", next_step="save it as UTF-8 text"
        )
    return text, encoding


def _encoding(content: bytes) -> str:
    if content.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "utf-32"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if content.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    start = content[:1000]
    odd, even = start[1::2].count(0), start[::2].count(0)
    if max(odd, even) > len(start) // 4:
        return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8"
