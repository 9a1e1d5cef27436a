import hashlib

import pytest

from gengap.keys import job_key, unit_key


def test_a_key_is_the_hash_of_its_parts_as_json() -> None:
    text = '["measured", 1, "a/b", {"x": 1.0, "y": null}]'
    assert (
        job_key("measured", 1, "a/b", {"y": None, "x": 1.0})
        == hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    )


def test_parts_that_differ_give_other_keys() -> None:
    keys = [job_key(1), job_key(1.0), job_key("1"), job_key([1]), job_key(1, None), job_key(True)]
    assert len(set(keys)) == 6


def test_what_json_cannot_hold_is_no_part() -> None:
    with pytest.raises(TypeError):
        job_key({1, 2})


def test_a_unit_is_its_keys_in_order() -> None:
    assert unit_key(["a", "b"]) == hashlib.blake2b(b"a\nb", digest_size=16).hexdigest()
    assert unit_key(["a", "b"]) != unit_key(["b", "a"])
