"""The store: deleted, moved, replaced, locked, damaged, full, read-only."""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

from cases_sweep import _stored, _wait_until, checked, prepare, rows, sweep
from frame import Case, Command, Outcome, run

COUNT = 20


def _disturbed(disturb, wanted: str):
    """A sweep whose store is disturbed after a few rows."""

    def case(number: int, folder: Path) -> Outcome:
        prepare(folder)
        os.environ["WORK_S"] = "0.05"
        try:
            command = Command(sweep(folder, COUNT, 1 + number % 2), folder)
            _wait_until(lambda: _stored(folder) > 3)
            disturb(folder / "home" / "gengap.db")
            finished = command.wait()
        finally:
            del os.environ["WORK_S"]
        missing, wrong = checked(folder, COUNT)
        fine = finished.status == 0 and missing == wrong == 0
        what = wanted if fine else f"status {finished.status}, {missing} rows missing"
        return Outcome(what, fine, missing if finished.status == 0 else 0, 0, wrong, peak_mib=finished.peak_mib)

    return case


def _delete(path: Path) -> None:
    path.unlink()


def _delete_all(path: Path) -> None:
    shutil.rmtree(path.parent)


def _move(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def _replace(path: Path) -> None:
    other = path.with_name("other")
    subprocess.run(
        ["python", "-c", "from gengap.store import Store; Store('other').close()"], cwd=path.parent, check=True
    )
    os.replace(other, path)


def _lock(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    time.sleep(3)
    connection.close()


def _whole_store(folder: Path) -> dict[str, dict]:
    prepare(folder)
    run(sweep(folder, COUNT, 1), folder)
    return rows(folder)


def flipped_bits(number: int, folder: Path) -> Outcome:
    """Four bits of a store are flipped; then it is listed, and the sweep is started again."""
    before = _whole_store(folder)
    path = folder / "home" / "gengap.db"
    data, chance = bytearray(path.read_bytes()), random.Random(number)
    for _ in range(4):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    listed = run(["gengap", "runs", "list", "--json"], folder)
    again = run(sweep(folder, COUNT, 1), folder)
    clear = "Traceback" not in listed.err and listed.status in (0, 2)
    if again.status == 0:
        code = "import json; from gengap.store import Store; print(json.dumps({r['key']: r['value'] for r in Store()}))"
        found = run(["python", "-c", code], folder)
        values = json.loads(found.out) if found.status == 0 else {}
        wrong = sum(values[key] != before[key]["value"] for key in values if key in before)
        fine = clear and wrong == 0 and len(values) == COUNT
        what = "damaged rows are named, left out and run again" if fine else f"{len(values)} rows; {found.err[-150:]}"
        return Outcome(what, fine, 0, 0, wrong)
    fine = (clear and listed.status in (0, 2) and "damaged" in again.err) or "not a SQLite database" in again.err
    return Outcome("one message that the file is damaged" if fine else again.err[-200:], fine)


def one_damaged_row(number: int, folder: Path) -> Outcome:
    """One row's text is changed behind gengap's back."""
    _whole_store(folder)
    edits = ["'{'", "replace(row, '\"value\": 9', '\"value\": 8')", "NULL || x'ff'", "row"]
    with sqlite3.connect(folder / "home" / "gengap.db") as connection:
        edit = edits[number % 4]
        column = "history" if edit == "row" else "row"
        connection.execute(f"UPDATE cells SET {column} = coalesce({edit}, '') WHERE key = '0003'")
    listed = run(["gengap", "runs", "list"], folder)
    exported = run(["gengap", "runs", "export", "--format", "csv"], folder)
    again = run(sweep(folder, COUNT, 1), folder)
    missing, wrong = checked(folder, COUNT)
    named = "0003" in listed.err + exported.err
    fine = (listed.status, exported.status, again.status) == (0, 0, 0) and missing == 0
    if column == "row":
        fine = fine and named and wrong == 0
    return Outcome("named, left out and run again" if fine else f"{listed.err[-200:]}", fine, missing, 0, wrong)


def full_disk(number: int, folder: Path) -> Outcome:
    """The disk is full after some rows: a tmpfs of a few hundred KiB as the home."""
    prepare(folder)
    home = folder / "home"
    home.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(home)], check=False)
    if mounted.returncode:
        return Outcome("not tried: mounting a tmpfs needs root", True)
    try:
        finished = run(sweep(folder, 400, 1), folder)
        before = rows(folder)
        subprocess.run(["mount", "-o", "remount,size=40m", str(home)], check=True)
        again = run(sweep(folder, 400, 1), folder)
        missing, wrong = checked(folder, 400)
        lost = sum(rows(folder).get(key) != row for key, row in before.items())
    finally:
        subprocess.run(["umount", str(home)], check=False)
    stopped = finished.ended_as(2, "no room is left") or (finished.status == 1 and "no room is left" in finished.err)
    fine = stopped and 0 < len(before) < 400 and again.status == 0 and missing == wrong == lost == 0
    what = "one message; with room again the sweep completes" if fine else f"{finished.status}: {finished.err[-200:]}"
    return Outcome(what, fine, lost, 0, wrong)


CASES = [
    Case("store", "the file is deleted while a sweep runs", _disturbed(_delete, "followed: all rows at the path"), 2),
    Case("store", "its whole folder is deleted", _disturbed(_delete_all, "followed: all rows at the path"), 2),
    Case("store", "the file is moved away", _disturbed(_move, "followed: all rows at the path"), 2),
    Case("store", "the file is replaced by another store", _disturbed(_replace, "followed: all rows at the path"), 2),
    Case("store", "another process locks it for three seconds", _disturbed(_lock, "waited for"), 2),
    Case("store", "four bits are flipped", flipped_bits, 6),
    Case("store", "one row is damaged", one_damaged_row, 3),
    Case("store", "the disk is full", full_disk),
]
