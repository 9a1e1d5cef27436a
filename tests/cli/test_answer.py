"""With ``--json`` standard output holds one JSON document and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gengap.cli.answer import only_json, print_answer

NETWORK = """
import os, torch
os.write(1, b"written on import")
class Net(torch.nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        os.write(1, b"written when made")
        print("printed when made")
        self.layer = torch.nn.Linear(64, classes)
    def forward(self, x):
        os.write(1, b"written when called")
        os.system("echo echoed")
        return self.layer(x.flatten(1))
"""


def test_what_else_is_written_goes_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    with only_json():
        print("printed")
        os.write(1, b"written\n")
        print_answer('{"a": 1}\n')
    print("afterwards")
    out, err = capfd.readouterr()
    assert out == '{"a": 1}\nafterwards\n'
    assert err == "printed\nwritten\n"


def test_an_answer_without_descriptors_is_captured(capsys: pytest.CaptureFixture[str]) -> None:
    with only_json():
        print("printed")
        print_answer("{}\n")
    assert capsys.readouterr() == ("{}\n", "printed\n")


def test_a_network_that_writes_to_descriptor_1_breaks_no_json(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(NETWORK)
    command = ["randomize", "--data", "digits", "--model", "loud:Net", "--levels", "0", "--device", "cpu", "--json"]
    command += ["--set", "epochs=1", "--set", "precision=float32", "--set", "memory_format=contiguous"]
    command += ["--workers", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "gengap", *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [row["status"] for row in json.loads(done.stdout)["rows"]] == ["done"]
    assert "written when called" in done.stderr
