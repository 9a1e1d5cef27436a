"""Numbers and names that are none: one clear message each."""

from typing import Any

import pytest

import gengap
from gengap.errors import InputError


@pytest.fixture(scope="module")
def digits() -> gengap.Problem:
    return gengap.load("digits").take(20, 10)


@pytest.mark.parametrize("value", ["3", 2.5, True, None, float("nan"), float("inf"), {}, 0, -1])
def test_what_is_no_number_is_refused_everywhere(value: Any, digits: gengap.Problem) -> None:
    calls = [
        lambda: digits.take(value, 1) if value is not None else digits.take(0, 1),
        lambda: digits.corrupt("labels", level=0.5, seed=value) if value != 0 else digits.take(0, 1),
        lambda: digits.corrupt("labels", level=value if value not in (0, True) else "1"),
        lambda: gengap.load("digits", crop=value) if value is not None else digits.take(0, 1),
        lambda: gengap.randomize(digits, levels=[value if value != 0 else -1]) if value is not True else digits.take(0),
        lambda: gengap.randomize(digits, seeds=[value if value != 0 else -1]),
        lambda: gengap.randomize(digits, seeds=value),
    ]
    for call in calls:
        with pytest.raises(InputError):
            call()


@pytest.mark.parametrize("name", [3, None, b"digits", ["digits"]])
def test_data_have_a_name_or_a_path(name: Any) -> None:
    with pytest.raises(InputError, match="The data are"):
        gengap.load(name)


def test_whole_floats_serve_as_counts(digits: gengap.Problem) -> None:
    assert len(digits.take(3.0, 2).train) == 3  # type: ignore[arg-type]
