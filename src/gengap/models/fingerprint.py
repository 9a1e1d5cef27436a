"""A hash of what defines a user's network, which enters the keys of its stored results."""

import hashlib
import sys
from importlib.util import find_spec
from pathlib import Path

from gengap.models.hugging_face import config_text, is_model_folder
from gengap.models.registry import NETWORKS


def fingerprint(name: str) -> str | None:
    """A hash of the source file of a ``module.path:factory``, or of a folder's config; None for a named network.

    Only that file counts, not what it imports. None too where there is no such file.
    """
    if name in NETWORKS:
        return None
    if is_model_folder(name):
        config = config_text(name)
        return None if config is None else hashlib.blake2b(config, digest_size=8).hexdigest()
    path, colon, _ = name.partition(":")
    here = str(Path.cwd())
    if not colon or not path:
        return None
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        spec = find_spec(path)
    except (Exception, SystemExit):  # whatever a parent package raises on import; building the network reports it
        return None
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return None
    return hashlib.blake2b(Path(spec.origin).read_bytes(), digest_size=8).hexdigest()
