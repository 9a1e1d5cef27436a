"""Ctrl-C in a real command, as a terminal sends it: to the command and its workers at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gengap.store import Store
from gengap.sweep.process import Child, Ended

COMMAND = """
import signal, sys, types
import sweep_work
from gengap import cli
from gengap.store import Store
from gengap.sweep import run

def command() -> None:
    with Store() as store:
        run(sweep_work.jobs(0, 1, 2, 3, 4), sweep_work.slow_after_two, store, workers=WORKERS)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores Ctrl-C
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # as what nohup starts ignores this
    sys.modules["gengap.cli.models"] = types.SimpleNamespace(command=command)
    cli.main(["models"])
"""
INTERRUPTED = "Interrupted: run the same command again to go on; {} of 5 cells are stored.\n"
END_OF_LINE = "\n"  # of that with ^C, from older versions of Typer


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_keeps_rows_and_tells_how_to_resume(tmp_path: Path, workers: int) -> None:
    script = tmp_path / "command.py"
    script.write_text(COMMAND.replace("WORKERS", str(workers)))
    environment = os.environ | {"GENGAP_HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, script], stderr=subprocess.PIPE, env=environment, text=True, start_new_session=True
    ) as command:
        lines = [command.stderr.readline(), command.stderr.readline()]
        os.killpg(command.pid, signal.SIGINT)
        rest = command.stderr.read()  # returns once no process holds the pipe: no worker is left
        assert command.wait(timeout=30) == 130
    assert [line[:5] for line in lines] == ["[1/5]", "[2/5]"]
    assert rest.removeprefix(END_OF_LINE) == INTERRUPTED.format(2)
    with Store(tmp_path / "gengap.db") as store:
        assert {r["key"]: r["value"] for r in store} == {"0": 0, "1": 1}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_sigterm_and_sighup_end_like_ctrl_c(tmp_path: Path, number: int) -> None:
    script = tmp_path / "command.py"
    script.write_text(COMMAND.replace("WORKERS", "2").replace("slow_after_two", "never_listens"))
    environment = os.environ | {"GENGAP_HOME": str(tmp_path)}
    with subprocess.Popen([sys.executable, script], stderr=subprocess.PIPE, env=environment, text=True) as command:
        while len(list(tmp_path.glob("checkpoints/*/checkpoint"))) < 2:
            time.sleep(0.02)
        command.send_signal(number)
        rest = command.stderr.read()  # returns once no process holds the pipe: no worker is left
        assert command.wait(timeout=30) == 130
    assert rest.removeprefix(END_OF_LINE) == INTERRUPTED.format(0)


def test_workers_end_when_their_parent_is_killed_in_the_middle_of_a_computation(tmp_path: Path) -> None:
    script = tmp_path / "command.py"
    script.write_text(COMMAND.replace("WORKERS", "2").replace("slow_after_two", "never_listens"))
    environment = os.environ | {"GENGAP_HOME": str(tmp_path)}
    with subprocess.Popen([sys.executable, script], stderr=subprocess.PIPE, env=environment) as command:
        while len(list(tmp_path.glob("checkpoints/*/checkpoint"))) < 2:
            time.sleep(0.02)
        command.kill()
        command.communicate(timeout=60)  # the workers hold the pipe as long as they live


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "command.py"
    script.write_text(COMMAND.replace("WORKERS", "2").replace("slow_after_two", "report_for_ever"))
    environment = os.environ | {"GENGAP_HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, script], stderr=subprocess.PIPE, env=environment, start_new_session=True
    ) as command:
        while len(list(tmp_path.glob("checkpoints/*/checkpoint"))) < 2:
            time.sleep(0.02)
        command.kill()
        command.communicate(timeout=60)  # the workers hold the pipe as long as they live


def _begin_and_wait(connection) -> None:
    connection.send(os.getpid())
    connection.recv()


def test_a_child_never_sees_ctrl_c_not_even_while_it_starts(capfd: pytest.CaptureFixture[str]) -> None:
    child = Child(_begin_and_wait, threads=1)
    for _ in range(20):
        os.kill(child._process.pid, signal.SIGINT)
    assert child.receive() == child._process.pid
    os.kill(child._process.pid, signal.SIGINT)
    child.send("end")
    with pytest.raises(Ended, match="exit status 0"):
        child.receive()
    child.stop()
    assert capfd.readouterr().err == ""
