"""Files that are whole or not there: a format version and a checksum before the content, and an atomic replacement."""

import os
import struct
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

_MAGIC = b"gengap\x00\x1a"
_HEAD = struct.Struct(f"<{len(_MAGIC)}sHQ32s")  # magic, version, bytes of content, blake2b of version and content


class UnsealedError(ValueError):
    """The file is not what was written; the message says in which way."""


def write_sealed(path: Path, content: bytes | memoryview, version: int) -> None:
    """Replaces the file by one with this content; after a crash at any moment the old or the new one is there, whole.

    Args:
        path: The file; its folder exists.
        content: Anything.
        version: Of the content's format, 0 to 65,535.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")  # two processes may write the same
    try:
        with partial.open("wb") as file:
            file.write(_HEAD.pack(_MAGIC, version, len(content), _digest(content, version)))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def read_sealed(path: Path, version: int) -> bytes:
    """The content of a file that ``write_sealed`` wrote.

    Raises:
        UnsealedError: Another program's file, another version, a part of a file, or one that was changed since.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size or not head.startswith(_MAGIC):
            raise UnsealedError("it has no checksum, or is another program's")
        _, result, size, digest = _HEAD.unpack(head)
        if size != os.fstat(file.fileno()).st_size - _HEAD.size:
            raise UnsealedError("a part of it is missing")
        content = file.read(size)
    if _digest(content, result) != digest:
        raise UnsealedError("its checksum does not fit its content")
    if result != version:
        raise UnsealedError(f"it has format {result}, expected {version}")
    return content


def _digest(content: bytes | memoryview, version: int) -> bytes:
    return blake2b(content, digest_size=32, salt=version.to_bytes(2, "little")).digest()


def _sync_folder(folder: Path) -> None:
    """The new name is on disk too; where folders cannot be opened, the system sees to it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
