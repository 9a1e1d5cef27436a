"""What all tests share: a store of their own, and one thread each, since several run side by side."""

import os
import sys
from importlib import import_module
from pathlib import Path

import pytest

# Read when OpenMP and MKL are loaded, here and in every process that a test starts.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees or touches the user's store."""
    monkeypatch.setenv("GENGAP_HOME", str(tmp_path / "gengap-home"))


@pytest.fixture(autouse=True)
def _same_draws() -> None:
    """Networks that a test builds without a seed are the same in every run, whatever ran before."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training in this process uses one thread: small networks are slower on two threads that share a core."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0}, raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 1)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps run their work in this process, so that it sees what a test has replaced, and a test sees its calls."""
    import_module("gengap.sweep")
    monkeypatch.setattr(sys.modules["gengap.sweep.run"], "_reason_to_stay", lambda work: "a test replaces parts of it")
