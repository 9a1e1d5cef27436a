"""Bits flipped in the file: rows that cannot be trusted are left out or one clear message comes, never a wrong row."""

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

from gengap.errors import InputError
from gengap.store import Store

COUNT = 120


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict[str, dict]]:
    path = tmp_path_factory.mktemp("whole") / "rows.db"
    with Store(path) as store:
        store._connection.execute("PRAGMA synchronous = OFF")
        for i in range(COUNT):
            history = [{"epoch": epoch, "loss": i / epoch} for epoch in range(1, 12)]
            store.put(
                {"key": f"{i:032x}", "status": "done", "kind": "a/b", "model": "m", "loss": i / 7, "history": history}
            )
        rows = {row["key"]: row for row in store}
    return path.read_bytes(), rows


@pytest.mark.parametrize("seed", range(25))
def test_no_flipped_bit_gives_a_wrong_or_doubled_row(tmp_path: Path, whole, seed: int) -> None:
    content, rows = whole
    data, chance = bytearray(content), random.Random(seed)
    for _ in range(4):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    (tmp_path / "rows.db").write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Store(tmp_path / "rows.db") as store:
                found = list(store)
                by_key = store.get_all(rows)
                for key in list(rows)[::20]:
                    store.put(rows[key])
                after = [row["key"] for row in store]
        except InputError:
            return
    assert all(row == rows[row["key"]] for row in [*found, *by_key.values()])
    assert len(after) == len(set(after))


def test_a_damaged_page_is_one_clear_message(tmp_path: Path, whole) -> None:
    content, _ = whole
    (tmp_path / "rows.db").write_bytes(content[:8192] + os.urandom(len(content) - 8192))
    with (
        pytest.raises(InputError, match=r"rows\.db: the file is damaged.*\nNext: restore"),
        Store(tmp_path / "rows.db") as store,
    ):
        list(store)


def test_a_broken_schema_is_named_as_damage(tmp_path: Path, whole) -> None:
    content, _ = whole
    (tmp_path / "rows.db").write_bytes(content.replace(b"history_crc INTEGER", b"history_cXc INTEGER"))
    with sqlite3.connect(tmp_path / "rows.db") as connection:
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)  # SQLite sees nothing wrong with it
    with pytest.raises(InputError, match="the file is damaged"), Store(tmp_path / "rows.db") as store:
        list(store)


READ = """
import contextlib, io, os, sys
from gengap import cli
for command in ([*sys.argv[2:-1], sys.argv[1]], sys.argv[2:]):
    # The first time as root, with another store, as what Python imports may be readable by root only.
    first = command[-1] == sys.argv[1]
    with contextlib.redirect_stdout(io.StringIO()) if first else contextlib.nullcontext():
        try:
            cli.main(command)
        except SystemExit as end:
            if not first:
                raise
    os.setuid(65534)
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("version", [1, 2])
def test_a_store_that_may_not_be_written_is_listed_and_exported(version: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "home"
        folder.mkdir()
        path = folder / "gengap.db"
        if version == 1:
            before = Path(__file__).with_name("stored_before.db")
            path.write_bytes(before.read_bytes())
        else:
            with Store(path) as store:
                store.put({"key": "a" * 32, "status": "done", "problem": "digits", "history": []})
        other = Path(name) / "other.db"
        with Store(other) as store:
            store.put({"key": "b", "status": "done"})
        for place, mode in ((path, 0o444), (folder, 0o555), (folder.parent, 0o755)):
            place.chmod(mode)
        for command in (["list", "--json"], ["export", "--format", "csv"]):
            done = subprocess.run(
                [sys.executable, "-c", READ, str(other), "runs", *command, "--store", str(path)],
                capture_output=True, text=True, check=False, env={**os.environ, "HOME": name},
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            assert "digits" in done.stdout
        removed = subprocess.run(
            [sys.executable, "-c", READ, str(other), "runs", "rm", "--all", "--yes", "--store", str(path)],
            capture_output=True, text=True, check=False, env={**os.environ, "HOME": name},
        )  # fmt: skip
        assert removed.returncode == 2
        assert "cannot be written" in removed.stderr
