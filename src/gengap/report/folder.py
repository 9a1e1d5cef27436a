"""Folder: where a report is written, each file whole or not at all."""

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from errno import EDQUOT, ENOSPC
from pathlib import Path

from gengap.errors import InputError


def check_folder(out_dir: str | Path) -> None:
    """Sees that the folder of a report can be made and written, and leaves none: to be called before long work.

    Raises:
        InputError: It cannot.
    """
    folder = Path(out_dir)
    new = [each for each in (folder, *folder.parents) if not each.exists()]
    make_folder(folder)
    with suppress(OSError):  # another process has put something there
        for each in new:
            each.rmdir()


def make_folder(out_dir: str | Path) -> None:
    """Makes the folder of a report and sees that it can be written.

    Raises:
        InputError: It cannot.
    """
    write_files({}, Path(out_dir))


def write_text(path: Path, text: str) -> None:
    """Writes a text beside a report, whole or not at all.

    Raises:
        InputError: It cannot be written.
    """
    write_files({path.name: text.encode(errors="backslashreplace")}, path.parent)


def write_files(contents: Mapping[str, bytes], out: Path) -> None:
    """Writes files, name -> bytes, into a folder that is made if missing, in this order and each whole or not at all.

    They are written to a folder inside ``out``, thus on the same disk, and renamed from there.

    Raises:
        InputError: The folder cannot be written, or the disk is full.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".report-", dir=out, ignore_cleanup_errors=True) as draft:
            for name, content in contents.items():
                (Path(draft) / name).write_bytes(content)
            for name in contents:
                os.replace(Path(draft) / name, out / name)
    except OSError as error:
        raise _not_written(out, error) from error


def _not_written(out: Path, error: OSError) -> InputError:
    if error.errno in (ENOSPC, EDQUOT):
        return InputError(
            f"No room on disk for the report in {out}.", next_step="free some space, or choose another folder"
        )
    return InputError(
        f"Cannot write the report to {out}: {error.strerror or error}.",
        expected="a folder that can be written, or made",
        next_step="choose another folder",
    )
