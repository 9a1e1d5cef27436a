"""The identity of one's own training: equal for the same training in another process, different for any other."""

import functools
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gengap.cells.identity import NotHashable, identity

RATE = 0.1


def made(value: Any, *, default: Any = None) -> Any:
    def fit(problem: Any, seed: int, more: Any = default) -> Any:
        return value, RATE, more

    return fit


def uses_rate(problem: Any, seed: int) -> Any:
    return (lambda: helper(RATE))()


def helper(rate: float) -> float:
    return rate + 1


class Callable:
    factor = 2

    def __init__(self, state: Any) -> None:
        self.state = state

    def __call__(self, problem: Any, seed: int) -> Any:
        return self.state


PAIRS = [
    (made(1), made(2)),
    (made(1), made(1.0)),
    (made("a"), made("b")),
    (made([1, 2]), made([2, 1])),
    (made({"a": 1}), made({"a": 2})),
    (made(np.zeros(3)), made(np.ones(3))),
    (made(np.zeros(3)), made(np.zeros((3, 1)))),
    (made(torch.zeros(3)), made(torch.ones(3))),
    (made(np.random.default_rng(0)), made(np.random.default_rng(1))),
    (made(1, default=1), made(1, default=2)),
    (functools.partial(made(1), more=1), functools.partial(made(1), more=2)),
    (Callable(1), Callable(2)),
    (Callable(1).__call__, Callable(2).__call__),
    (torch.nn.Linear(2, 2), torch.nn.Linear(2, 3)),
    (lambda p, s: p, lambda p, s: s),
]


@pytest.mark.parametrize("place", range(len(PAIRS)))
def test_other_values_and_code_are_another_training(place: int) -> None:
    one, other = PAIRS[place]
    assert identity(one) != identity(other)
    assert identity(one) == identity(one)


@pytest.mark.parametrize("value", [1, (1, 2), {"b": 1, "a": [2]}, {3, 1, 2}, np.arange(3), torch.arange(3), Path("x")])
def test_equal_values_are_one_training(value: Any) -> None:
    import copy

    assert identity(made(value)) == identity(made(copy.deepcopy(value)))


def test_a_global_that_a_function_uses_counts_also_through_another_function(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity(uses_rate)
    monkeypatch.setitem(globals(), "RATE", 0.2)
    changed = identity(uses_rate)
    monkeypatch.undo()
    monkeypatch.setattr(helper, "__code__", (lambda rate: rate + 2).__code__)
    assert len({before, changed, identity(uses_rate)}) == 3


def test_a_method_or_constant_of_a_class_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity(Callable(1))
    monkeypatch.setattr(Callable, "factor", 3)
    assert identity(Callable(1)) != before


@pytest.mark.parametrize(
    ("value", "kind"),
    [(threading.Lock(), "lock"), ((x for x in ()), "generator"), (sys.stderr, "Wrapper|File|IO")],
    ids=["lock", "generator", "stream"],
)
def test_what_has_no_content_is_named(value: Any, kind: str) -> None:
    with pytest.raises(NotHashable, match=f"closure value 'value' of .*fit is a .*({kind})"):
        identity(made(value))


def test_an_object_that_holds_itself_is_hashed() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    assert identity(made(loop)) != identity(made([1, [1]]))


FILES = {
    "main_fit.py": "import pack.part\ndef fit(problem, seed):\n    from lazily import VALUE\n    return VALUE\n",
    "pack/__init__.py": "from . import other\n",
    "pack/part.py": "X = 1\n",
    "pack/other.py": "X = 1\n",
    "lazily.py": "VALUE = {1, 2, 3}\nimport numpy\n",
}
# Prints the identity of the files as they are written, and again after each change.
PRINT = """
import sys
sys.path[:0] = [{where!r}, *{path!r}]
from pathlib import Path
from gengap.cells.identity import identity
import main_fit

print(identity(main_fit.fit))
for name, text in {changes!r}:
    Path({where!r}, name).write_text(text)
    print(identity(main_fit.fit))
"""


def test_it_is_the_same_in_another_process_and_follows_every_file_that_is_imported_at_any_time(tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    changes = [("lazily.py", FILES["lazily.py"] + "# changed\n"), ("pack/other.py", "X = 2222\n")]
    code = PRINT.format(where=str(tmp_path), path=[path for path in sys.path if path], changes=changes)

    def of_a_new_process(hash_seed: str) -> list[str]:
        for name, text in FILES.items():
            (tmp_path / name).write_text(text)
        done = subprocess.run(
            [sys.executable, "-B", "-c", code], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        return done.stdout.split()

    first = of_a_new_process("1")
    assert of_a_new_process("2") == first
    assert len(set(first)) == 3
