"""Where gengap keeps what it computes."""

import os
from pathlib import Path

from platformdirs import user_data_dir


def home() -> Path:
    """The folder of the store and its checkpoints: ``GENGAP_HOME``, else the platform's user data folder."""
    return Path(os.environ.get("GENGAP_HOME") or user_data_dir("gengap", appauthor=False)).expanduser()
