"""Options of sweeps on a cluster, refused before anything is loaded."""

import sys

import pytest

from gengap import cli
from gengap.cli.running import RunnerName, ray_share
from gengap.sweep import Share

RANDOMIZE, STUDY = ["randomize", "--set", "epochs=1"], ["study", "run", "zhang2017/theorem1"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ([*STUDY, "--cpus-per-cell", "2"], "--cpus-per-cell needs --runner ray"),
        ([*RANDOMIZE, "--gpus-per-cell", "0.5"], "--gpus-per-cell needs --runner ray"),
        ([*STUDY, "--runner", "ray", "--gpus-per-cell", "1.5"], "1.5 GPUs for each cell"),
        ([*RANDOMIZE, "--runner", "ray", "--cpus-per-cell", "0"], "Invalid value for '--cpus-per-cell'"),
        ([*STUDY, "--runner", "slurm"], "Invalid value for '--runner'"),
        ([*STUDY, "--runner", "ray"], "--runner ray needs Ray"),
    ],
)
def test_bad_options_exit_with_2(command: list[str], words: str, capsys, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("GENGAP_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SystemExit) as end:
        cli.main(command)
    assert end.value.code == 2
    err = " ".join(capsys.readouterr().err.split())
    assert words in err
    assert "Traceback" not in err


def test_shares_by_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gengap.sweep.runners.cluster.check_reachable", lambda: None)
    ray = RunnerName.ray
    assert ray_share(RunnerName.local, None, None, device="cuda", workers=3) is None
    assert ray_share(ray, None, None, device="auto", workers=None) == Share(1, 0.0)
    assert ray_share(ray, 2, None, device="cuda", workers=3) == Share(2, 1.0, 3)
    assert ray_share(ray, None, 0.25, device="auto", workers=None) == Share(1, 0.25)
