"""Reads named files from a folder or a tar archive; an archive is never extracted."""

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from gengap.data.limits import Bounded, check_file, check_memory, memory_limit, out_of_memory_refused, unpacked_limit
from gengap.errors import InputError

MOST_MEMBERS = 100_000  # of which each costs memory
LARGEST_HEADER = 2**20  # bytes of a long name or of extended headers, which are read whole
_READERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


def read_files(source: Path, wanted: Callable[[str], bool], largest: int | None = None) -> dict[str, bytes]:
    """The contents of the files whose names are ``wanted``: file name without folders -> bytes.

    Of an archive the members are read into memory and nothing is written anywhere, so a member called ``../x`` or a
    link to somewhere else can do no harm; only regular members count. Of a folder only its files are read, none below.
    All of an archive, decompressed, must be within ``gengap.data.limits.unpacked_limit``.

    Args:
        source: A folder, or a tar archive that may be compressed with gzip, bzip2 or xz.
        wanted: Whether a file of that name is read.
        largest: Bytes that one file may have; None leaves it at the limit of memory.

    Raises:
        InputError: The archive is truncated, empty or none, or a file is larger than allowed.
    """
    if source.is_dir():
        return _of_folder(source, wanted, largest)
    if not source.exists():
        raise FileNotFoundError(2, "no such file", str(source))
    check_file(source, "a complete .tar.gz")
    try:
        with out_of_memory_refused(str(source)), _opened(source) as archive:
            return dict(_members(archive, source, wanted, largest))
    except InputError:
        raise
    except Exception as error:  # a damaged archive raises whatever its bytes happen to mean
        raise InputError(
            f"{source} is empty, truncated or no archive: {error}.", expected="a complete .tar.gz"
        ) from error


def _of_folder(source: Path, wanted: Callable[[str], bool], largest: int | None) -> dict[str, bytes]:
    files = [file for file in sorted(source.iterdir()) if wanted(file.name) and file.is_file()]
    limit = memory_limit()
    for file in files:
        check_memory(str(file), file.stat().st_size, limit if largest is None else min(largest, limit))
    check_memory(str(source), sum(file.stat().st_size for file in files), limit)
    return {file.name: file.read_bytes() for file in files}


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    """The archive as a stream, read from front to back."""
    with source.open("rb") as file:
        start = file.read(6)
        file.seek(0)
        reader: Any = next((reader for magic, reader in _READERS.items() if start.startswith(magic)), None)
        stream = cast(BinaryIO, file if reader is None else reader(file))
        bounded = Bounded(stream, _limit(source), f"{source}, decompressed,")
        with tarfile.open(fileobj=bounded, mode="r|", tarinfo=_Member) as archive:
            yield archive


def _limit(source: Path) -> int:
    return unpacked_limit(source.stat().st_size)


def _members(
    archive: tarfile.TarFile, source: Path, wanted: Callable[[str], bool], largest: int | None
) -> Iterator[tuple[str, bytes]]:
    limit = _limit(source)
    for count, member in enumerate(archive, start=1):
        if count > MOST_MEMBERS:
            raise InputError(f"{source} has more than {MOST_MEMBERS:,} members.", expected="an archive of a data set")
        archive.members.clear()  # type: ignore[attr-defined]  # which would grow with every member
        name = Path(member.name).name
        if not (member.isreg() and wanted(name)):
            continue
        if member.issparse():
            raise _sparse(member.name)
        check_memory(f"{name} in {source}", member.size, limit if largest is None else min(largest, limit))
        yield name, _content(archive, member)


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    content = file.read() if file is not None else b""
    if len(content) != member.size:
        raise EOFError(f"{member.name} ends after {len(content)} of {member.size} bytes")
    return content


class _Member(tarfile.TarInfo):
    """A member of which no header is large and no content is sparse: both cost more memory than the file has bytes."""

    @classmethod
    def frombuf(cls, buf: Any, encoding: str, errors: str) -> "_Member":
        """The member that a header of 512 bytes describes."""
        member = super().frombuf(buf, encoding, errors)
        if member.type == tarfile.GNUTYPE_SPARSE:
            raise _sparse(member.name)
        if member.size < 0 or (member.type in _HEADERS and member.size > LARGEST_HEADER):
            raise InputError(
                f"A header in the archive declares {member.size:,} bytes.", expected=f"at most {LARGEST_HEADER:,}"
            )
        return member

    def _proc_gnusparse_00(self, *_: Any) -> None:
        raise _sparse(self.name)

    _proc_gnusparse_01 = _proc_gnusparse_10 = _proc_gnusparse_00


def _sparse(name: str) -> InputError:
    return InputError(
        f"{name} in the archive is sparse: its holes would be read as zeros.",
        expected="members whose bytes are in the archive",
        next_step="pack it again without --sparse",
    )
