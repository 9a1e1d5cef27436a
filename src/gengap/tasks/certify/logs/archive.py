"""What an ``.eval`` log declares and holds, checked before its reader unpacks it: it is a zip archive from anywhere."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from gengap.data.content import COST
from gengap.data.limits import (
    check_memory,
    memory_limit,
    out_of_memory_refused,
    size_text,
    too_large,
    unpacked_limit,
)
from gengap.errors import InputError

EXPECTED = "an .eval or .json log of inspect_ai"
_ZSTD = 93
_CHUNK = 2**16


def check_size(file: Path) -> None:
    """Sees that a file fits into memory as the objects that its text becomes.

    Raises:
        InputError: It is larger than a twelfth of ``memory_limit()``.
    """
    limit = memory_limit() // COST
    if file.stat().st_size > limit:
        raise too_large(f"{file.name} is larger", limit)


def is_archive(file: Path) -> bool:
    """Whether a file is read as a zip archive: by its suffix or its first bytes."""
    with file.open("rb") as stream:
        return file.suffix.lower() == ".eval" or stream.read(4) == b"PK\x03\x04"


def check_archive(file: Path) -> None:
    """Sees that the members of an archive fit into memory together, and hold no more than they declare.

    What is declared is checked first. Then each member is decompressed in pieces, which are counted and dropped: zstd
    writes a piece of any size from a few bytes, and the reader of logs asks for all of it at once.

    Raises:
        InputError: The archive is damaged, a member is compressed in another way, or it holds too much.
    """
    try:
        with out_of_memory_refused(file.name), zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise InputError(f"{file.name} is no log of inspect_ai: {error!s:.80}", expected=EXPECTED) from error
    packed = file.stat().st_size
    limit = min(memory_limit() // COST, unpacked_limit(packed))
    check_memory(f"{file.name}, unpacked,", sum(member.file_size for member in members), limit)
    with file.open("rb") as stream:
        for member in members:
            _check_member(file.name, stream, member)


def _check_member(source: str, stream: BinaryIO, member: zipfile.ZipInfo) -> None:
    what, held = f"{source}: {member.filename:.60}", 0
    try:
        for size in _pieces(stream, member):
            held += size
            if held > member.file_size:
                raise InputError(
                    f"{what} declares {size_text(member.file_size)} and holds more.", expected="as it declares"
                )
    except InputError:
        raise
    except (OSError, ValueError, EOFError, RuntimeError, zlib.error) as error:
        raise InputError(f"{what} is damaged: {error!s:.80}", expected=EXPECTED) from error
    except Exception as error:  # of zstandard, which need not be installed
        if not type(error).__module__.startswith("zstandard"):
            raise
        raise InputError(f"{what} is damaged: {error!s:.80}", expected=EXPECTED) from error


def _pieces(stream: BinaryIO, member: zipfile.ZipInfo) -> Iterator[int]:
    """The sizes of the pieces to which a member unpacks, none larger than a few MiB."""
    stream.seek(member.header_offset)
    header = stream.read(30)
    if header[:4] != b"PK\x03\x04" or len(header) < 30:
        raise ValueError("its header is not where the archive says")
    stream.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), io.SEEK_CUR)
    content = cast(BinaryIO, _Part(stream, member.compress_size))
    if member.compress_type == zipfile.ZIP_STORED:
        yield member.compress_size
    elif member.compress_type == zipfile.ZIP_DEFLATED:
        unpack = zlib.decompressobj(-15)
        while not unpack.eof and (data := unpack.unconsumed_tail or content.read(_CHUNK)):
            yield len(unpack.decompress(data, _CHUNK))
    elif member.compress_type == _ZSTD:
        yield from _zstd_pieces(content)
    else:
        raise ValueError(f"compression {member.compress_type}, which no log has")


def _zstd_pieces(content: BinaryIO) -> Iterator[int]:
    try:
        import zstandard
    except ImportError:  # then neither is inspect_ai, which needs it, and nothing will unpack this
        return
    reader: Any = zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True)
    while piece := reader.read(_CHUNK):
        yield len(piece)


class _Part:
    """The next so many bytes of a stream, as a stream that ends after them."""

    def __init__(self, stream: BinaryIO, size: int):
        self._stream, self._left = stream, size

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes, none after the part's end."""
        size = self._left if size < 0 else min(size, self._left)
        content = self._stream.read(size)
        self._left -= len(content)
        return content
