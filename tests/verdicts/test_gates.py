"""Conditions of a gate: the grammar, three-valued logic, and what is refused."""

import itertools
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gengap.errors import InputError
from gengap.verdicts.gates import judge, parse

REPORT = {
    "verdict": "memorised",
    "certificate": {"upper": 0.06, "errors": None},
    "accuracy": {"test": 0.9, "by_class": [{"class": "a", "low": 0.5}]},
    "calibration": None,
    "near": {"any-of": True},
}


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("certificate.upper > 0.05", "failed"),
        ("certificate.upper>.06", "passed"),
        ("certificate.upper >= 6e-2", "failed"),
        ("verdict == 'memorised'", "failed"),
        ('verdict != "learned"', "failed"),
        ("verdict == 'learned' or accuracy.test < 0.95", "failed"),
        ("verdict == 'learned' and accuracy.test < 0.95", "passed"),
        ("accuracy.by_class.0.low < 0.6", "failed"),
        ("near.any-of == true", "failed"),
        ("certificate.errors > 3", "cannot be judged"),
        ("calibration.ece > 0.1", "cannot be judged"),
        ("calibration.ece > 0.1 or verdict == 'memorised'", "failed"),
        ("calibration.ece > 0.1 and verdict == 'learned'", "passed"),
        ("calibration.ece > 0.1 and verdict == 'memorised'", "cannot be judged"),
        ("certificate.errors == null", "failed"),
        ("(accuracy.test < 0.5 or accuracy.test > 0.8) and verdict == 'memorised'", "failed"),
    ],
)
def test_conditions(text: str, state: str) -> None:
    assert judge(text, REPORT).state == state


@pytest.mark.parametrize("values", list(itertools.product([0, 1], repeat=3)))
def test_and_binds_closer_than_or(values: tuple[int, ...]) -> None:
    report = dict(zip("abc", values, strict=True))
    a, b, c = map(bool, values)
    assert (judge("a == 1 or b == 1 and c == 1", report).state == "failed") == (a or (b and c))
    assert (judge("(a == 1 or b == 1) and c == 1", report).state == "failed") == ((a or b) and c)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "certificate.upper",
        "certificate.upper >",
        "certificate.upper > x",
        "certificate.upper > 0.05 and",
        "certificate.upper > 0.05 0.06",
        "(certificate.upper > 0.05",
        "__import__('os').system('true') > 0",
        "certificate.upper > 0.05; verdict == 'x'",
        "0.05 < certificate.upper",
        "verdict > 'a'",
        "verdict > 3",
        "certificate.uper > 0.05",
        "certificate > 0.05",
        "accuracy.by_class.7.low > 0",
        "(" * 50 + "verdict == 'x'" + ")" * 50,
        "a" * 2_000,
    ],
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        judge(text, REPORT)


@given(st.text(max_size=60))
def test_any_text_is_a_condition_or_is_refused(text: str) -> None:
    with suppress(InputError):
        parse(text)
