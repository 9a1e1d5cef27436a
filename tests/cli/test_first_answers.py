"""What a command imports before its first answer: nothing that takes longer to import than the answer to compute."""

import json
import subprocess
import sys

import pytest

HEAVY = ["torch", "pandas", "pyarrow", "scipy", "sklearn", "altair", "jinja2"]
CODE = """
import json, sys
from gengap.cli import main
try:
    main(sys.argv[1:])
except SystemExit as stop:
    print(json.dumps([stop.code, sorted(sys.modules)]), file=open({file!r}, "w"))
"""


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("--version", 0),
        ("--help", 0),
        ("certify --help", 0),
        ("certify --errors 30 --n 10000 --json", 0),
        ("certify --errors 0 --n 200 --tried 300 --delta 0.6", 0),
        ("data list", 0),
        ("study list", 0),
        ("study show zhang2017/table1", 0),
        ("runs list", 0),
        ("audit --help", 0),
        ("cretify", 2),
        ("certify --erors 30", 2),
        ("certify --errors 30", 2),
        ("certify --log missing.json", 2),
        ("study run zhang2017/missing", 2),
        ("data verify missing", 2),
        ("audit made.up:network --data missing.npz", 2),
        ("measure made.up:network --data missing.npz", 2),
        ("probe coherence made.up:network --data missing.npz", 2),
        ("randomize --data missing.npz", 2),
        ("interpolate --data missing.npz", 2),
    ],
)
def test_a_first_answer_imports_nothing_large(tmp_path, monkeypatch, line: str, status: int) -> None:
    monkeypatch.setenv("GENGAP_HOME", str(tmp_path / "home"))
    file = tmp_path / "modules.json"
    command = [sys.executable, "-c", CODE.format(file=str(file)), *line.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    found, modules = json.loads(file.read_text())
    assert (found, "Traceback" in done.stderr) == (status, False)
    assert sorted(set(HEAVY) & set(modules)) == []
