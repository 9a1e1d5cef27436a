import json
import math
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gengap.errors import InputError
from gengap.store import FAILURES, RESULTS, DamagedRowWarning, Store, home, schema
from gengap.store.columns import condition

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
COLUMNS = st.dictionaries(st.text().filter(lambda name: name not in {"key", "status", "history"}), VALUES, max_size=5)


@pytest.fixture
def store(tmp_path: Path):
    with Store(tmp_path / "rows.db") as opened:
        yield opened


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory):
    with Store(tmp_path_factory.mktemp("shared") / "rows.db") as opened:
        opened._connection.execute("PRAGMA synchronous = OFF")
        yield opened


def row(key: str, status: str = "done", **columns):
    return {"key": key, "status": status, **columns}


@given(columns=COLUMNS, history=st.lists(COLUMNS, max_size=3))
@settings(deadline=None)
def test_rows_come_back_as_they_went_in(shared: Store, columns, history) -> None:
    shared.put(row("a", **columns, history=history))
    # repr tells what == does not: NaN equals itself, -0.0 differs from 0.0, True from 1, 1 from 1.0
    assert repr(shared.get("a")) == repr(row("a", **columns, history=history))


def test_numpy_scalars_come_back_as_pythons(store: Store) -> None:
    store.put(row("a", loss=np.float32(0.5), epochs=np.int64(3), fits=np.bool_(True)))
    assert repr(store.get("a")) == repr(row("a", loss=0.5, epochs=3, fits=True, history=[]))


def test_what_json_cannot_hold_is_refused(store: Store) -> None:
    with pytest.raises(TypeError, match="A row cannot hold set"):
        store.put(row("a", labels={1}))
    assert store.get("a") is None


@pytest.mark.parametrize("bad", [row(""), row("a", "finished"), {"key": 3, "status": "done"}])
def test_a_row_needs_key_and_status(store: Store, bad) -> None:
    with pytest.raises(ValueError, match="needs a key and a status"):
        store.put(bad)


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("result", RESULTS)
def test_failures_are_no_results(store: Store, failure: str, result: str) -> None:
    assert store.put(row("a", failure, reason="why"))
    assert store.finished(["a", "b"]) == set()
    assert store.put(row("a", failure, reason="again"))
    assert store.get("a")["reason"] == "again"
    assert store.put(row("a", result))
    assert store.finished(["a", "b"]) == {"a"}
    assert not store.put(row("a", failure, reason="late"))
    assert store.get("a") == row("a", result, history=[])


def test_rows_are_filtered_and_ordered(store: Store) -> None:
    for key, model, level in (("c", "mlp", 0.0), ("a", "mlp", 0.5), ("b", "cnn", 0.5)):
        store.put(row(key, model=model, level=level, history=[{"epoch": 1}]))
    store.put(row("d", "failed"))
    assert [r["key"] for r in store] == ["c", "a", "b", "d"]
    assert [r["key"] for r in store.records(level=0.5)] == ["a", "b"]
    assert [r["key"] for r in store.records(model=("mlp", "rnn"), level=0.5)] == ["a"]
    frame = store.rows(model={"mlp", "cnn"})
    assert list(frame["key"]) == ["c", "a", "b"]
    assert list(frame["history"]) == [[{"epoch": 1}]] * 3
    assert list(store.rows(history=False, status="failed").columns) == ["key", "status"]
    assert store.rows(model="none").empty


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)


@given(
    columns=st.lists(st.dictionaries(st.sampled_from(["model", "level", "kind", "other"]), SCALARS), max_size=6),
    name=st.sampled_from(["model", "level", "study", "other"]),
    wanted=st.lists(SCALARS, max_size=2),
)
@settings(deadline=None)  # each row is on disk when put returns, which takes as long as the disk takes
def test_filters_are_pythons_equality(shared: Store, columns, name, wanted) -> None:
    rows = [row(f"{index}", **some) for index, some in enumerate(columns)]
    wanted += [some[name] for some in columns[:1] if name in some]
    shared.remove([r["key"] for r in shared])
    for each in rows:
        shared.put(each)
    found = [r["key"] for r in shared.records(**{name: wanted})]
    if name == "study":
        rows = [r | {"study": r["kind"]} for r in rows if isinstance(r.get("kind"), str) and "/" in r["kind"]]
    assert found == [r["key"] for r in rows if name in r and any(r[name] == value for value in wanted)]


def test_a_filter_asks_an_index(store: Store) -> None:
    for where in ({"study": "a/b"}, {"problem": "p", "level": 0.5}, {"model": ["a", "b"]}, {"status": "failed"}):
        clause, parameters = condition({k: v if isinstance(v, list) else [v] for k, v in where.items()})
        plan = store._select(f"EXPLAIN QUERY PLAN SELECT id FROM cells WHERE {clause}", *parameters)
        assert all("USING COVERING INDEX" in step for *_, step in plan if "cells" in step), plan


def test_keys_are_asked_for_in_any_number(store: Store) -> None:
    for index in range(1200):
        store._connection.execute("PRAGMA synchronous = OFF")
        store.put(row(str(index), "done" if index % 2 else "failed"))
    keys = [str(index) for index in range(1300)]
    assert store.finished(keys) == {str(index) for index in range(1, 1200, 2)}
    assert list(store.get_all(reversed(keys))) == [
        str(i) for some in (range(800, 1200), range(300, 800), range(300)) for i in some
    ]
    assert store.get_all(["7"], history=False) == {"7": row("7")}


@pytest.mark.parametrize(
    "damage",
    [
        "row = replace(row, '0.25', '0.75')",
        "history = replace(history, '1', '2')",
        "row = CAST(x'7b22ff' AS TEXT)",
        "row = replace(row, 'b', 'c')",
        "row_crc = row_crc + 1",
        "history = x'00'",
    ],
)
def test_a_damaged_row_is_named_and_left_out(store: Store, damage: str) -> None:
    for key in "abc":
        store.put(row(key, loss=0.25, history=[{"epoch": 1}]))
    store._connection.execute(f"UPDATE cells SET {damage} WHERE key = 'b'")
    with pytest.warns(DamagedRowWarning, match=r"rows\.db: the row of key b is damaged"):
        assert [r["key"] for r in store] == ["a", "c"]
    with pytest.warns(DamagedRowWarning):
        assert store.get("b") is None
    with pytest.warns(DamagedRowWarning):
        assert store.put(row("b", "failed"))  # nothing is lost by that
    assert store.get("b") == row("b", "failed", history=[])


def test_a_row_that_was_damaged_before_it_had_a_checksum(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "rows.db") as connection:
        schema.MIGRATIONS[0](connection)
        connection.execute("PRAGMA user_version = 1")
        for key, text in (("a", b'{"key": "a", "status": "done"}'), ("b", b'{"key": "\xff'), ("c", b"[]")):
            connection.execute("INSERT INTO cells VALUES (?, 'done', CAST(? AS TEXT), '[]')", (key, text))
    connection.close()
    with Store(tmp_path / "rows.db") as store, pytest.warns(DamagedRowWarning) as warned:
        assert [r["key"] for r in store] == ["a"]
    assert [str(w.message).split("key ")[1][0] for w in warned] == ["b", "c"]


def test_remove_and_find(store: Store) -> None:
    for key in ("abc1", "abc2", "xyz", "abc"):
        store.put(row(key))
    assert store.find("x") == "xyz"
    assert store.find("abc") == "abc"
    with pytest.raises(InputError, match="3 stored runs have a key that begins with 'ab'"):
        store.find("ab")
    with pytest.raises(InputError, match="did you mean 'xyz'"):
        store.find("xyy")
    with pytest.raises(InputError, match="gengap runs list"):
        store.find("")
    assert store.remove(["abc1", "xyz", "gone"]) == 2
    assert len(store) == 2


def test_home_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GENGAP_HOME", str(tmp_path / "new" / "folder"))
    with Store() as store:
        assert store.path == home() / "gengap.db" == tmp_path / "new" / "folder" / "gengap.db"
    monkeypatch.delenv("GENGAP_HOME")
    assert home().name == "gengap"


def _statements(*texts: str):
    def step(connection: sqlite3.Connection) -> None:
        for text in texts:
            connection.execute(text)

    return step


def test_an_older_store_is_migrated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Store(tmp_path / "rows.db") as store:
        store.put(row("a", loss=math.inf))
    step = _statements("ALTER TABLE cells ADD COLUMN note TEXT", "UPDATE cells SET note = 'old'")
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, step))
    with Store(tmp_path / "rows.db") as store:
        assert store.get("a") == row("a", loss=math.inf, history=[])
    with sqlite3.connect(tmp_path / "rows.db") as connection:
        assert connection.execute("SELECT note FROM cells").fetchall() == [("old",)]
        assert connection.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)


def test_a_migration_that_fails_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Store(tmp_path / "rows.db") as store:
        store.put(row("a"))
    step = _statements("ALTER TABLE cells ADD COLUMN note TEXT", "UPDATE nowhere SET note = 'old'")
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, step))
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            Store(tmp_path / "rows.db")
    with Store(tmp_path / "rows.db") as store:
        assert store.get("a") == row("a", history=[])


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    Store(tmp_path / "rows.db").close()
    with sqlite3.connect(tmp_path / "rows.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    before = (tmp_path / "rows.db").read_bytes()
    with pytest.raises(InputError, match="store format 99: a newer gengap wrote it"):
        Store(tmp_path / "rows.db")
    assert (tmp_path / "rows.db").read_bytes() == before


def test_another_programs_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("no database at all, but long enough to be read as a header of one" * 3)
    with pytest.raises(InputError, match="not a SQLite database"):
        Store(tmp_path / "notes.db")
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE cells (price REAL)")
    with pytest.raises(InputError, match="another program"):
        Store(tmp_path / "other.db")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="GENGAP_HOME"):
        Store(tmp_path / "file" / "rows.db")
    with pytest.raises(InputError, match="cannot be opened"):
        Store(tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be opened"):
        Store(tmp_path / "rows.db")


def test_a_store_that_cannot_be_written(store: Store) -> None:
    store._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(InputError, match="cannot be written"):
        store.put(row("a"))


def test_no_room_on_disk(store: Store) -> None:
    store.put(row("a"))
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(InputError, match="no room is left on the disk"):
        store.put(row("b", text="x" * 100_000))
    assert [r["key"] for r in store] == ["a"]


WRITER = """
import sys
from gengap.store import Store
with Store(sys.argv[1]) as store:
    for i in range(40):
        store.put({"key": f"{sys.argv[2]}-{i}", "status": "done", "history": [{"epoch": i}]})
        store.put({"key": f"both-{i}", "status": "done" if sys.argv[2] == "a" else "failed", "history": []})
"""


def test_processes_write_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "rows.db")]
    writers = [subprocess.Popen([*command, name]) for name in "abc"]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    with Store(tmp_path / "rows.db") as store:
        assert len(store) == 160
        assert store.get("c-7")["history"] == [{"epoch": 7}]
        assert len(list(store.records(status="done"))) == 160


def test_nothing_that_was_put_is_lost_by_a_kill(tmp_path: Path) -> None:
    code = WRITER.replace("range(40)", "range(10**9)").replace(
        "        store.put", "        print(i, flush=True)\n        store.put", 1
    )
    command = [sys.executable, "-c", code, str(tmp_path / "rows.db"), "a"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        while int(writer.stdout.readline()) < 20:
            pass
        writer.send_signal(signal.SIGKILL)
    with Store(tmp_path / "rows.db") as store:
        stored = [r["key"] for r in store]
        assert stored[:40] == [f"{name}-{i}" for i in range(20) for name in ("a", "both")]
        assert store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert json.dumps(store.get("a-19")["history"]) == '[{"epoch": 19}]'
