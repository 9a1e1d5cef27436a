"""Faults and attacks as cases: what is tried, how often, and what came of it."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

LIMIT_S = 300.0


@dataclass
class Outcome:
    """What came of one try, or of several together.

    Attributes:
        what: In a few words, e.g. ``"status 2, the message names the file"``.
        as_wanted: Whether that is what is wanted.
        lost, doubled: Rows that were stored and are gone, or are there twice.
        wrong: Results that were stored and differ from those of an undisturbed run.
        code_run: Whether code ran that a file chose.
        peak_mib: Largest memory of a process of gengap; None where it was not measured.
    """

    what: str
    as_wanted: bool
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    code_run: bool = False
    peak_mib: float | None = None


@dataclass(frozen=True)
class Case:
    """One fault or attack.

    Attributes:
        group: What it is aimed at, e.g. ``"checkpoints"``.
        what: What is done.
        run: ``run(try, folder)`` does it once in an empty folder; ``try`` counts from 0 and seeds what is drawn.
        tries: How often.
    """

    group: str
    what: str
    run: Callable[[int, Path], Outcome]
    tries: int = 1


@dataclass
class Finished:
    """A command that has ended.

    Attributes:
        status: Exit status; negative: the signal that ended it; None: it took longer than it may and was stopped.
        out, err: What it printed.
        peak_mib: Its largest memory.
    """

    status: int | None
    out: str
    err: str
    seconds: float
    peak_mib: float

    def ended_as(self, status: int, *words: str) -> bool:
        """Whether it ended with a status and a message that holds the words, and without a traceback."""
        text = self.out + self.err
        return self.status == status and "Traceback" not in text and all(word in text for word in words)


@dataclass
class Command:
    """A command that runs, with a home of its own under ``folder``.

    Args:
        arguments: ``["gengap", …]`` or ``["python", …]``, run by this interpreter.
        folder: Where it runs, and where its output and its store are.
    """

    arguments: list[str]
    folder: Path
    limit_s: float = LIMIT_S
    memory_mib: int | None = None
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        program, *rest = self.arguments
        command = [sys.executable, *(["-m", "gengap"] if program == "gengap" else []), *rest]
        home = {"GENGAP_HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp")}
        home |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(self.folder), *sys.path])}
        for name in ("home", "tmp"):
            (self.folder / name).mkdir(exist_ok=True)
        self._began = time.monotonic()
        with (self.folder / "out").open("wb") as out, (self.folder / "err").open("wb") as err:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=os.environ | home,
                start_new_session=True,
                preexec_fn=self._begin,
            )

    def _begin(self) -> None:
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)  # whatever this program was started with, e.g. nohup
        if self.memory_mib is not None:
            resource.setrlimit(resource.RLIMIT_AS, (self.memory_mib << 20, self.memory_mib << 20))

    def wait(self) -> Finished:
        """Waits for its end, at most ``limit_s``."""
        status: int | None = None
        peak = 0.0
        while time.monotonic() - self._began < self.limit_s:
            pid, code, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                status, peak = os.waitstatus_to_exitcode(code), usage.ru_maxrss / 1024
                break
            time.sleep(0.02)
        else:
            self.process.kill()
            _, _, usage = os.wait4(self.process.pid, 0)
            peak = usage.ru_maxrss / 1024
        self.process.returncode = 0 if status is None else status
        seconds = time.monotonic() - self._began
        texts = [(self.folder / name).read_text(encoding="utf-8", errors="replace") for name in ("out", "err")]
        return Finished(status, texts[0], texts[1], seconds, peak)


def run(arguments: list[str], folder: Path, *, limit_s: float = LIMIT_S, memory_mib: int | None = None) -> Finished:
    """Runs a command to its end."""
    return Command(arguments, folder, limit_s, memory_mib).wait()


def together(outcomes: list[Outcome]) -> Outcome:
    """The outcomes of all tries of a case as one."""
    texts = [outcome.what for outcome in outcomes]
    counts = {text: texts.count(text) for text in dict.fromkeys(texts)}
    peaks = [outcome.peak_mib for outcome in outcomes if outcome.peak_mib is not None]
    return Outcome(
        what="; ".join(text if len(counts) == 1 else f"{count} x {text}" for text, count in counts.items()),
        as_wanted=all(outcome.as_wanted for outcome in outcomes),
        lost=sum(outcome.lost for outcome in outcomes),
        doubled=sum(outcome.doubled for outcome in outcomes),
        wrong=sum(outcome.wrong for outcome in outcomes),
        code_run=any(outcome.code_run for outcome in outcomes),
        peak_mib=max(peaks, default=None),
    )
