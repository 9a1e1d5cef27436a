"""Messages tell what is wrong, what was expected and what to do, and survive the way between processes."""

import pickle

from gengap.errors import InputError, unknown


def test_the_three_lines() -> None:
    error = InputError("It is wrong.", expected="right", next_step="mend it")
    assert str(error) == "It is wrong.\nExpected: right\nNext: mend it"


def test_an_error_survives_pickling() -> None:
    error = InputError("It is wrong.", expected="right", next_step="mend it")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.next_step) == (InputError, str(error), "mend it")


def test_unknown_names_suggest_the_nearest() -> None:
    error = unknown("model", "mpl-1x512", ["mlp-1x512", "mlp-3x512", "alexnet-small"])
    assert "mlp-1x512" in error.next_step
    assert unknown("model", "zzz", ["a"]).next_step == ""
    assert "none is available" in unknown("key", "x", []).expected
