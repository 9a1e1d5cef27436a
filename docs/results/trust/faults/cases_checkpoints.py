"""Checkpoints: flipped bits, files of other content, other shapes; the sweep that resumes from them."""

import io
import json
import random
import sqlite3
import tempfile
from functools import cache
from pathlib import Path

from frame import Case, Outcome, run

PREPARE = """
import sys
from pathlib import Path
from gengap.cells import Cell, Options, run
from gengap.data import load
from gengap.store import Store
from gengap.train import Recipe, checkpoint
checkpoint.INTERVAL_S = 0.0
import gengap.sweep.runners.workers as workers

class Stopped(KeyboardInterrupt):
    pass

cell = Cell(load("digits").take(128, 64), Recipe(batch_size=32, epochs=4, precision="float32",
                                                 memory_format="contiguous"), 0, "labels", 0.5)
"""
# In this process, so that the checkpoint interval above holds and the training can be stopped after two epochs.
STOP = """
import gengap.cells.trained as trained
before = trained.train_replicas
def stopped(*arguments, report, **options):
    def told(done, total, text):
        if done == 2:
            raise Stopped
        report(done, total, text)
    return before(*arguments, report=told, **options)
trained.train_replicas = stopped
sys.modules["gengap.sweep.run"]._reason_to_stay = lambda work: "it is stopped"
try:
    with Store() as store:
        run([cell], store, Options(device="cpu", workers=1, progress=False))
except KeyboardInterrupt:
    pass
"""
RESUME = """
with Store() as store:
    run([cell], store, Options(device="cpu", workers=1, progress=False))
"""


def _row(folder: Path) -> dict:
    with sqlite3.connect(folder / "home" / "gengap.db") as connection:
        ((row,),) = connection.execute("SELECT row FROM cells").fetchall()
    return json.loads(row)


@cache
def _undisturbed() -> dict:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "script.py").write_text(PREPARE + RESUME)
        run(["python", "script.py"], Path(name))
        return _row(Path(name))


def _resumed(folder: Path, damage) -> Outcome:
    """Trains, stops after two of four epochs, damages the checkpoint, resumes, and compares with an undisturbed run."""
    stopped = folder / "stopped"
    expected = _undisturbed()
    stopped.mkdir()
    (stopped / "script.py").write_text(PREPARE + STOP)
    run(["python", "script.py"], stopped)
    (file,) = (stopped / "home" / "checkpoints").glob("*/checkpoint")
    damage(file)
    (stopped / "script.py").write_text(PREPARE + RESUME)
    finished = run(["python", "script.py"], stopped)
    row = _row(stopped)
    names = ("status", "train_loss", "test_loss", "train_accuracy", "epochs")
    wrong = int(any(row.get(name) != expected[name] for name in names))
    said = "cannot be used" in finished.err and "starts afresh" in finished.err
    fine = finished.status == 0 and wrong == 0 and said
    what = (
        "set aside with a message; the same row as undisturbed" if fine else f"status {finished.status}, said: {said}"
    )
    return Outcome(what, fine, wrong=wrong, peak_mib=finished.peak_mib)


def _flipped(number: int, folder: Path) -> Outcome:
    def damage(file: Path) -> None:
        data, chance = bytearray(file.read_bytes()), random.Random(number)
        for _ in range(4):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        file.write_bytes(data)

    return _resumed(folder, damage)


def _half(number: int, folder: Path) -> Outcome:
    return _resumed(folder, lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]))


def _other(number: int, folder: Path) -> Outcome:
    def damage(file: Path) -> None:
        import torch

        content = io.BytesIO()
        torch.save({"weights": torch.zeros(3)}, content)
        file.write_bytes(content.getvalue())

    return _resumed(folder, damage)


def _edited(edit):
    def case(number: int, folder: Path) -> Outcome:
        def damage(file: Path) -> None:
            import torch

            from gengap.train.checkpoint import FORMAT
            from gengap.train.sealed_file import read_sealed, write_sealed

            state = torch.load(io.BytesIO(read_sealed(file, FORMAT)), weights_only=True)
            edit(state)
            content = io.BytesIO()
            torch.save(state, content)
            write_sealed(file, content.getvalue(), FORMAT)

        return _resumed(folder, damage)

    return case


def _narrow(state: dict) -> None:
    state["parameters"] = {name: value[..., :1] for name, value in state["parameters"].items()}


def _another_run(state: dict) -> None:
    state["identity"] = "0" * 32


CASES = [
    Case("checkpoints", "four bits of the checkpoint are flipped", _flipped, 2),
    Case("checkpoints", "half of the checkpoint is missing", _half),
    Case("checkpoints", "a torch file of other content in its place", _other),
    Case("checkpoints", "whole, but tensors have shape [..., 1]", _edited(_narrow)),
    Case("checkpoints", "whole, but of another run", _edited(_another_run)),
]
