"""Downloads that resume, are checked before they are used, and land whole or not at all."""

import errno
import hashlib
import http.client
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from gengap.errors import InputError

CHUNK = 1 << 18
TIMEOUT_S = 30
Progress = Callable[[int, int | None], None]


def download(url: str, target: Path, md5: str, progress: Progress = lambda done, total: None) -> None:
    """Fetches ``url`` into the file ``target``, which is there afterwards with the checksum ``md5``, or as it was.

    Bytes go to ``target`` with ``.part`` appended. A download that broke off goes on from there the next time where
    the server can (HTTP Range), from the beginning where it cannot. The finished file is checked, then renamed.

    Args:
        url: http or https.
        target: The file to write; its folder is made.
        md5: Expected checksum, 32 hexadecimal digits.
        progress: Called with the bytes that are there and the bytes expected (None if the server does not tell).

    Raises:
        InputError: The server does not answer or answers an error, the download broke off, the checksum is wrong
            (the file is then removed), or the folder cannot be written.
    """
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _fetch(url, part, progress)
        found = md5_of(part)
        if found != md5:
            part.unlink()
            raise InputError(
                f"{url} has the wrong checksum and was removed: MD5 {found}.",
                expected=md5,
                next_step="run the command again, or choose another source with GENGAP_MIRROR",
            )
        os.replace(part, target)
    except OSError as error:
        raise _disk_error(error, target) from error


def md5_of(path: Path) -> str:
    """The MD5 checksum of a file, 32 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _fetch(url: str, part: Path, progress: Progress) -> None:
    """Completes ``part``."""
    have = part.stat().st_size if part.exists() else 0
    response = _open(url, have)
    if response is None:  # nothing after what is there: it is complete, or no part of this file; the checksum tells
        return
    with response:
        resumed = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if response.status == 206 and not resumed:
            raise InputError(
                f"{url}: the server sent another range than was asked for.", next_step=f"remove {part}, try again"
            )
        have = have if resumed else 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length is not None else None
        with part.open("ab" if resumed else "wb") as file:
            for chunk in _chunks(url, response):
                file.write(chunk)
                have += len(chunk)
                progress(have, total)
    if total is not None and have < total:
        raise _broke_off(url, f"{have:,} of {total:,} bytes are there")


def _open(url: str, have: int) -> Any:
    """The response, or None where the server has nothing from byte ``have`` on."""
    if not url.startswith(("http://", "https://")):
        raise InputError(
            f"{url} is no address to download from.", expected="http://… or https://…", next_step="check GENGAP_MIRROR"
        )
    headers = {"User-Agent": "gengap", **({"Range": f"bytes={have}-"} if have else {})}
    try:
        return urlopen(Request(url, headers=headers), timeout=TIMEOUT_S)
    except HTTPError as error:
        if error.code == 416 and have:
            return None
        raise InputError(
            f"{url}: the server answers {error.code} {error.reason}.",
            next_step="choose another source with GENGAP_MIRROR",
        ) from error
    except (URLError, http.client.HTTPException, OSError) as error:
        raise InputError(
            f"{url}: no answer ({getattr(error, 'reason', error)}).",
            next_step="check the network, or choose another source with GENGAP_MIRROR",
        ) from error


def _chunks(url: str, response: Any) -> Iterator[bytes]:
    while True:
        try:
            chunk = response.read(CHUNK)
        except (http.client.HTTPException, OSError) as error:
            raise _broke_off(url, str(error)) from error
        if not chunk:
            return
        yield chunk


def _broke_off(url: str, reason: str) -> InputError:
    return InputError(
        f"{url}: the download broke off: {reason}.", next_step="run the command again; it goes on from there"
    )


def _disk_error(error: OSError, target: Path) -> InputError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return InputError(
            f"No room on disk for {target}.",
            next_step="make room and run the command again, or name another --data-dir",
        )
    return InputError(
        f"Cannot write {target}: {error.strerror}.", next_step="name a folder that can be written with --data-dir"
    )
