"""A command that refuses its input leaves no folder behind."""

from pathlib import Path

import pytest

from gengap.cli import main

COMMANDS = [
    "rank missing.csv --hyperparameters depth --out {out}",
    "trial missing.py --out {out}",
    "interpolate --data digits --method kernel --n 0 --out {out}",
    "measure mlp-1x512 --data digits --weights missing.pt --out {out}",
    "randomize --results missing.csv --out {out}",
    "audit mlp-1x512 --data digits --weights missing.pt --out {out}",
    "pgdl score missing --out {out}",
    "probe coherence mlp-1x512 --data digits --weights missing.pt --out {out}",
    "certify --predictions missing.csv --out {out}",
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.split()[0])
def test_bad_input_leaves_no_folder(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(command.format(out="reports/new").split())
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
