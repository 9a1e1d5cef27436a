"""Reads named files from a folder or a tar archive; an archive is never extracted."""

import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

from gengap.errors import InputError


def read_files(source: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """The contents of the files whose names are ``wanted``: file name without folders -> bytes.

    Of an archive the members are read into memory and nothing is written anywhere, so a member called ``../x`` or a
    link to somewhere else can do no harm; only regular members count. Of a folder only its own files are read.

    Args:
        source: A folder, or a tar archive compressed in any way.
        wanted: Whether a file of that name is read.

    Raises:
        InputError: The archive is truncated, empty or none.
    """
    if source.is_dir():
        return {
            file.name: file.read_bytes() for file in sorted(source.iterdir()) if wanted(file.name) and file.is_file()
        }
    try:
        with tarfile.open(source) as archive:
            return {Path(m.name).name: _content(archive, m) for m in archive if m.isreg() and wanted(Path(m.name).name)}
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise InputError(
            f"{source} is empty, truncated or no archive: {error}.", expected="a complete .tar.gz"
        ) from error


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    content = file.read() if file is not None else b""
    if len(content) != member.size:
        raise EOFError(f"{member.name} ends after {len(content)} of {member.size} bytes")
    return content
