"""Where data sets are looked for."""

import os
from pathlib import Path

import platformdirs


def data_root(data_dir: str | Path | None = None) -> Path:
    """The folder that holds one folder for each data set.

    It is ``data_dir`` if given, else the environment's ``GENGAP_DATA``, else ``gengap/data`` in the platform's cache.
    """
    chosen = data_dir or os.environ.get("GENGAP_DATA")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("gengap", appauthor=False) / "data"
