"""A hash of the source of a user's network, which enters the keys of its stored results."""

import hashlib
import sys
from importlib.util import find_spec
from pathlib import Path


def fingerprint(name: str) -> str | None:
    """A hash of the source file that a ``module.path:factory`` is defined in; None for a named network.

    Only that file counts, not what it imports. None too where there is no such file.
    """
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
