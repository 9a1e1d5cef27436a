"""A store whose file is deleted, moved or replaced while it is open loses nothing that was put."""

import os
import shutil
from pathlib import Path

import pytest

from gengap.errors import InputError
from gengap.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "rows.db"


def row(key: str, **columns):
    return {"key": key, "status": "done", "history": [{"epoch": 1}], **columns}


def displaced_by(path: Path, how: str) -> None:
    if how == "deleted":
        path.unlink()
    elif how == "deleted with its log":
        for file in path.parent.glob("rows.db*"):
            file.unlink()
    elif how == "folder deleted":
        shutil.rmtree(path.parent)
    elif how == "moved":
        path.rename(path.with_name("moved.db"))
    elif how == "replaced":
        with Store(path.with_name("other.db")) as other:
            other.put(row("z"))
        os.replace(path.with_name("other.db"), path)


@pytest.mark.parametrize("how", ["deleted", "deleted with its log", "folder deleted", "moved", "replaced"])
def test_rows_are_put_where_the_path_leads_now(path: Path, how: str) -> None:
    with Store(path) as store:
        store.put(row("a", value=1))
        store.put(row("b", value=2))
        assert not store.is_displaced
        displaced_by(path, how)
        assert store.is_displaced
        store.put(row("c", value=3))
        assert store.reopen() == 3
        assert not store.is_displaced
        store.put(row("d", value=4))
    with Store(path) as fresh:
        assert {r["key"] for r in fresh} == {"a", "b", "c", "d"} | ({"z"} if how == "replaced" else set())
        assert fresh.get("c") == row("c", value=3)
        assert fresh._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert not list(path.parent.glob("*rescued*"))


def test_a_result_that_is_there_already_stays(path: Path) -> None:
    with Store(path) as store:
        store.put(row("z", value="old"))
        assert not store.is_displaced
        displaced_by(path, "replaced")
        assert store.reopen() == 0
        assert store.get("z") == row("z")


def test_what_cannot_be_opened_again_leaves_a_copy_and_its_name(path: Path) -> None:
    with Store(path) as store:
        store.put(row("a", value=1))
        displaced_by(path, "deleted with its log")
        path.write_text("something else, long enough to be looked at as a header of a database" * 3)
        with pytest.raises(InputError, match="was deleted or replaced while in use") as caught:
            store.reopen()
    copy = Path(caught.value.next_step.removeprefix("its rows are in "))
    with Store(copy) as rescued:
        assert rescued.get("a") == row("a", value=1)
