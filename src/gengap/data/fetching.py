"""``fetch`` and ``verify``: named data sets on this machine."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gengap.data.loading import load
from gengap.data.location import data_root
from gengap.data.registry import NamedDataSet, PublishedFile, named_data_set
from gengap.errors import InputError

if TYPE_CHECKING:
    from gengap.data.download import Progress


def fetch(
    name: str,
    *,
    data_dir: str | Path | None = None,
    progress: "Callable[[str], Progress]" = lambda file: lambda done, total: None,
) -> Path:
    """Downloads what is missing of a named data set and returns its folder.

    A file that is there with the published checksum is left alone. Files come from where they are published, or, where
    the environment's ``GENGAP_MIRROR`` is set, from ``GENGAP_MIRROR/NAME/FILE``, e.g.
    ``https://mirror.example/gengap/mnist/train-images-idx3-ubyte.gz``.

    Args:
        name: The data set.
        data_dir: The folder of folders; by default ``GENGAP_DATA``, else the cache.
        progress: Given a file's name, returns a function that is called with the progress of its download.

    Raises:
        InputError: An unknown name, or what ``download`` refuses.
    """
    from gengap.data.download import download, md5_of

    entry = named_data_set(name)
    folder = data_root(data_dir) / entry.name
    for file in entry.files:
        target = folder / file.name
        if not (target.is_file() and md5_of(target) == file.md5):
            download(_address(entry, file), target, file.md5, progress(file.name))
    return folder


def verify(name: str, *, data_dir: str | Path | None = None) -> dict[str, Any]:
    """Whether a named data set is there and sound: its format and counts are checked by reading it.

    Returns:
        ``{"name", "folder", "status", "reason", "published"}``: status ``"ok"``, ``"missing"`` or ``"broken"``; the
        reason in words, or None; and for each downloadable file that is there, whether its checksum is the published
        one (a file that was packed again has another, and is still sound).

    Raises:
        InputError: An unknown name.
    """
    from gengap.data.download import md5_of

    entry = named_data_set(name)
    folder = data_root(data_dir) / entry.name
    status, reason = "ok", None
    try:
        load(name, data_dir=data_dir)
    except InputError as error:
        status = "missing" if isinstance(error.__cause__, FileNotFoundError) else "broken"
        reason = str(error)
    there = [file for file in entry.files if (folder / file.name).is_file()]
    published = {file.name: md5_of(folder / file.name) == file.md5 for file in there}
    return {"name": name, "folder": str(folder), "status": status, "reason": reason, "published": published}


def _address(entry: NamedDataSet, file: PublishedFile) -> str:
    mirror = os.environ.get("GENGAP_MIRROR")
    return f"{mirror.rstrip('/')}/{entry.name}/{file.name}" if mirror else entry.url + file.name
