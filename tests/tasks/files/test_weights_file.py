"""Weights in the safetensors format, and the message where its package is not there."""

import sys
from pathlib import Path

import pytest
import torch

from gengap.errors import InputError
from gengap.tasks.files import read_weights

STATE = {"first.weight": torch.arange(6.0).reshape(2, 3), "first.bias": torch.zeros(2, dtype=torch.float16)}


def test_safetensors_are_read_back(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch", reason="the extra gengap[safetensors] is not installed")
    safetensors.save_file({f"module.{name}": value for name, value in STATE.items()}, tmp_path / "w.safetensors")
    read = read_weights(tmp_path / "w.safetensors")
    assert read.keys() == STATE.keys()
    assert all(read[name].dtype == value.dtype and torch.equal(read[name], value) for name, value in STATE.items())


@pytest.mark.parametrize(("content", "told"), [(None, "There is no"), (b"no header", "no safetensors file")])
def test_safetensors_that_cannot_be_used(content: bytes | None, told: str, tmp_path: Path) -> None:
    pytest.importorskip("safetensors.torch", reason="the extra gengap[safetensors] is not installed")
    if content is not None:
        (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=told):
        read_weights(tmp_path / "w.safetensors")


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(InputError, match=r"gengap\[safetensors\]"):
        read_weights(tmp_path / "w.safetensors")
