"""Downloads that resume, are checked before they are used, and land whole or not at all."""

import errno
import hashlib
import http.client
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from gengap.errors import InputError

CHUNK = 1 << 18
SCHEMES = ("http://", "https://")
LARGEST = 2**28  # bytes: the largest published file, an archive of CIFAR, has 170 million
SLOWEST = 10 * 1024  # bytes a second
TIMEOUT_S, ANSWER_S, WINDOW_S = 30.0, 60.0, 30.0  # of one read; until an answer begins; over which speed is averaged
Progress = Callable[[int, int | None], None]


def download(
    url: str,
    target: Path,
    md5: str,
    progress: Progress = lambda done, total: None,
    *,
    limit: int = LARGEST,
    slowest: int = SLOWEST,
) -> None:
    """Fetches ``url`` into the file ``target``, which is there afterwards with the checksum ``md5``, or as it was.

    Bytes go to ``target`` with ``.part`` appended. A download that broke off goes on from there the next time where
    the server can (HTTP Range), from the beginning where it cannot. The finished file is checked, then renamed.
    Neither a server that never ends nor one that sends a byte now and then is waited for: the file has at most
    ``limit`` bytes, an answer begins within a minute, and in each half minute come ``slowest`` bytes a second.

    Args:
        url: http or https; a redirection leads nowhere else.
        target: The file to write; its folder is made.
        md5: Expected checksum, 32 hexadecimal digits.
        progress: Called with the bytes that are there and the bytes expected (None if the server does not say).
        limit: Largest number of bytes.
        slowest: Bytes a second, as a mean over half a minute, below which the download is given up for now.

    Raises:
        InputError: The server does not answer or answers an error, the download broke off or is too slow or too
            large, the checksum is wrong (in these two cases what came is removed), or the folder cannot be written.
    """
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _fetch(url, part, progress, limit, slowest)
        result = md5_of(part)
        if result != md5:
            part.unlink()
            raise InputError(
                f"{url} has the wrong checksum and was removed: MD5 {result}.",
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


def _fetch(url: str, part: Path, progress: Progress, limit: int, slowest: int) -> None:
    """Completes ``part``."""
    have = part.stat().st_size if part.exists() else 0
    response = _open(url, have)
    if response is None:  # nothing after what is there: it is complete, or no part of this file; the checksum decides
        return
    with response:
        resumed = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if response.status == 206 and not resumed:
            raise InputError(
                f"{url}: the server sent another range than was asked for.", next_step=f"remove {part}, try again"
            )
        have = have if resumed else 0
        total = _total(response.headers.get("Content-Length"), have)
        if total is not None and total > limit:
            raise _too_large(url, f"{total:,}", limit)
        with part.open("ab" if resumed else "wb") as file:
            for chunk in _chunks(url, response, slowest):
                have += len(chunk)
                if have > limit:
                    part.unlink()
                    raise _too_large(url, f"more than {limit:,}", limit)
                file.write(chunk)
                progress(have, total)
    if total is not None and have < total:
        raise _broke_off(url, f"{have:,} of {total:,} bytes are there")


def _total(length: str | None, have: int) -> int | None:
    """Bytes of the whole file; None where the server does not say, or says what is no number."""
    return have + int(length) if length is not None and length.isdecimal() and len(length) < 20 else None


def _open(url: str, have: int) -> Any:
    """The response, or None where the server has nothing from byte ``have`` on."""
    if not url.startswith(SCHEMES):
        raise InputError(
            f"{url} is no address to download from.", expected="http://… or https://…", next_step="check GENGAP_MIRROR"
        )
    headers = {"User-Agent": "gengap", **({"Range": f"bytes={have}-"} if have else {})}
    try:
        request = Request(url, headers=headers)
        return _within(ANSWER_S, lambda: build_opener(_Redirections).open(request, timeout=TIMEOUT_S))
    except HTTPError as error:
        if error.code == 416 and have:
            return None
        raise InputError(
            f"{url}: the server answers {error.code} {error.reason}.",
            next_step="choose another source with GENGAP_MIRROR",
        ) from error
    except InputError:
        raise
    except (URLError, http.client.HTTPException, OSError, ValueError) as error:
        raise InputError(
            f"{url}: no answer ({getattr(error, 'reason', error)}).",
            next_step="check the network, or choose another source with GENGAP_MIRROR",
        ) from error


class _Redirections(HTTPRedirectHandler):
    """Follows a redirection to http or https alone."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        """The request for the new address."""
        if not newurl.lower().startswith(SCHEMES):
            raise InputError(
                f"{req.full_url}: the server redirects to {newurl:.80}.", expected="an address of http or https"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _within(seconds: float, function: Callable[[], Any]) -> Any:
    """What a function returns or raises, if it does so in time: a server may send headers a byte at a time."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(function())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise TimeoutError(f"none within {seconds:g} s")
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def _chunks(url: str, response: Any, slowest: int) -> Iterator[bytes]:
    started, count = time.monotonic(), 0
    while True:
        try:
            chunk = response.read1(CHUNK)
        except (http.client.HTTPException, OSError, ValueError) as error:
            raise _broke_off(url, str(error)) from error
        if not chunk:
            return
        yield chunk
        count += len(chunk)
        elapsed = time.monotonic() - started
        if elapsed > WINDOW_S:
            if count < slowest * elapsed:
                raise _broke_off(url, f"{count / elapsed:,.0f} bytes a second came, fewer than {slowest:,}")
            started, count = time.monotonic(), 0


def _too_large(url: str, size: str, limit: int) -> InputError:
    return InputError(
        f"{url} has {size} bytes.",
        expected=f"at most {limit:,}, more than the published file has",
        next_step="choose another source with GENGAP_MIRROR",
    )


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
