"""The identity of a job: the key under which its row is stored."""

import json
from collections.abc import Iterable
from hashlib import blake2b


def job_key(*parts: object) -> str:
    """The hash of what makes a job: 32 hexadecimal digits.

    Equal parts give equal keys in every process and on every machine; mappings are compared regardless of order.

    Args:
        parts: What JSON can hold: numbers, strings, booleans, None, and lists, tuples and dictionaries of them. A
            float and an integer of the same value differ (``1.0`` and ``1``), so the caller fixes the type.

    Raises:
        TypeError: A part that JSON cannot hold.

    >>> job_key("trial", 1)
    '2e0e72da9901a999c55a52b6ae8a0da1'
    >>> job_key({"a": 1, "b": 2}) == job_key({"b": 2, "a": 1})
    True
    """
    return _digest(json.dumps(parts, sort_keys=True))


def unit_key(keys: Iterable[str]) -> str:
    """The hash of the keys of jobs that run together, in their order: the name of their checkpoint folder."""
    return _digest("\n".join(keys))


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()
