import io
import json
import math
from pathlib import Path

import pandas as pd
import pytest

from gengap.cli import main
from gengap.store import Store

ROWS = [
    {
        "key": f"{letter * 20}{seed}",
        "status": status,
        "reason": reason,
        "problem": "digits",
        "model": model,
        "corruption": "labels",
        "level": 0.5,
        "seed": seed,
        "epochs_to_fit": fit,
        "test_loss": loss,
        "recipe": {"lr": 0.1, "losses": [loss]},
        "history": [{"epoch": 1, "train_loss": loss}, {"epoch": 2, "train_loss": 0.5}],
    }
    for letter, seed, status, reason, model, fit, loss in (
        ("a", 0, "done", "", "mlp-1x512", 12, 0.25),
        ("a", 1, "diverged", "loss is inf", "mlp-1x512", None, math.inf),
        ("b", 0, "timed-out", "took [red]long", "mlp-3x512", None, math.nan),
        ("c", 0, "failed", "ValueError: no", "mlp-3x512", None, math.nan),
    )
]
KEYS = [row["key"] for row in ROWS]


@pytest.fixture(autouse=True)
def stored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("GENGAP_HOME", str(tmp_path))
    with Store() as store:
        for row in ROWS:
            store.put(row)
        yield store


@pytest.fixture
def gengap(capsys: pytest.CaptureFixture[str]):
    """Runs a command; gives its exit status, standard output and standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(["runs", *arguments])
        return (end.value.code, *capsys.readouterr())

    return call


def test_export_takes_the_form_from_the_name_of_the_file(gengap, tmp_path: Path) -> None:
    assert gengap("export", "--out", str(tmp_path / "x.parquet"))[0] == 0
    assert len(pd.read_parquet(tmp_path / "x.parquet")) == len(ROWS)
    assert gengap("export")[1] == gengap("export", "--format", "csv")[1]
    status, _, err = gengap("export", "--out", str(tmp_path / "x.xls"))
    assert status == 2
    assert ".csv, .parquet, .json, or --format" in err


def test_list_names_the_kind_of_a_row_without_a_problem(gengap, stored: Store) -> None:
    assert "kind" not in gengap("list")[1].splitlines()[0].split()
    stored.put({"key": "d" * 20, "status": "done", "kind": "zhang2017/theorem1", "history": []})
    lines = gengap("list")[1].splitlines()
    assert "kind" in lines[0].split()
    assert any("zhang2017/theorem1" in line for line in lines)


def test_list_shows_every_run_and_its_reason(gengap, tmp_path: Path) -> None:
    status, out, _ = gengap("list")
    assert status == 0
    lines = out.splitlines()
    assert [line[:12] for line in lines[1:5]] == [key[:12] for key in KEYS]
    assert "took [red]long" in lines[3]
    assert lines[5] == f"4 of 4 stored runs; {tmp_path / 'gengap.db'}"


def test_another_store_is_named_as_where_its_runs_were_made(gengap, tmp_path: Path) -> None:
    with Store(tmp_path / "other.db") as other:
        other.put({"key": "e" * 20, "status": "done"})
    where = ("--store", str(tmp_path / "other.db"))
    assert json.loads(gengap("list", "--json", *where)[1])["store"] == where[1]
    assert json.loads(gengap("export", "--format", "json", *where)[1])["rows"][0]["key"] == "e" * 20
    assert gengap("rm", "eeee", "--yes", *where)[0] == 0
    assert "0 of 0 stored runs" in gengap("list", *where)[1]
    status, _, told = gengap("list", "--store", str(tmp_path / "absent.db"))
    assert (status, (tmp_path / "absent.db").exists()) == (2, False)
    assert "There is no store" in told


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--status", "failed, timed-out"], KEYS[2:]),
        (["--model", "mlp-1x512", "--status", "done"], KEYS[:1]),
        (["--problem", "cifar10"], []),
        (["--corruption", "labels"], KEYS),
    ],
)
def test_list_filters(gengap, filters: list[str], expected: list[str]) -> None:
    status, out, _ = gengap("list", "--json", *filters)
    assert status == 0
    assert [row["key"] for row in json.loads(out)["rows"]] == expected


def test_json_is_strict(gengap) -> None:
    def refuse(constant: str):
        raise AssertionError(constant)

    _, listed, _ = gengap("list", "--json")
    _, exported, _ = gengap("export", "--format", "json")
    without_history = [{k: v for k, v in row.items() if k != "history"} for row in ROWS]
    expected = json.loads(json.dumps(ROWS).replace("NaN", "null").replace("Infinity", "null"))
    assert json.loads(exported, parse_constant=refuse) == {"rows": expected}
    assert [list(row) for row in json.loads(listed, parse_constant=refuse)["rows"]] == [
        list(r) for r in without_history
    ]


def test_export_as_csv(gengap) -> None:
    status, out, _ = gengap("export", "--format", "csv")
    assert status == 0
    frame = pd.read_csv(io.StringIO(out))
    assert list(frame["key"]) == KEYS
    assert "history" not in frame
    assert ",12,0.25," in out.splitlines()[1]  # an integer stays one beside missing values
    assert json.loads(frame["recipe"][1]) == {"lr": 0.1, "losses": [None]}
    assert frame["test_loss"][1] == math.inf


def test_export_of_history(gengap) -> None:
    _, out, _ = gengap("export", "--format", "csv", "--history", "--model", "mlp-1x512")
    assert out.splitlines() == [
        "key,epoch,train_loss",
        f"{KEYS[0]},1,0.25",
        f"{KEYS[0]},2,0.5",
        f"{KEYS[1]},1,inf",
        f"{KEYS[1]},2,0.5",
    ]


def test_export_as_parquet(gengap, tmp_path: Path) -> None:
    status, out, err = gengap("export", "--format", "parquet", "--out", str(tmp_path / "runs.parquet"))
    assert (status, out) == (0, "")
    assert "4 runs written" in err
    frame = pd.read_parquet(tmp_path / "runs.parquet")
    assert list(frame["key"]) == KEYS
    assert frame["epochs_to_fit"].dtype == "Int64"
    assert frame["test_loss"][1] == math.inf


def test_export_of_an_empty_store(gengap, stored: Store) -> None:
    stored.remove(KEYS)
    assert json.loads(gengap("export", "--format", "json")[1]) == {"rows": []}
    assert gengap("export", "--format", "csv")[0] == 0
    assert gengap("list")[0] == 0


def test_rm_by_the_beginning_of_a_key(gengap, stored: Store) -> None:
    assert gengap("rm", "b", KEYS[3], "--yes")[0] == 0
    assert [row["key"] for row in stored] == KEYS[:2]


def test_rm_by_status(gengap, stored: Store) -> None:
    status, _, err = gengap("rm", "--status", "failed,timed-out", "--yes")
    assert (status, err) == (0, "2 runs removed\n")
    assert [row["key"] for row in stored] == KEYS[:2]


def test_rm_of_all(gengap, stored: Store) -> None:
    assert gengap("rm", "--all", "--yes")[0] == 0
    assert len(stored) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rm", "a", "--yes"], "2 stored runs have a key that begins with 'a'"),
        (["rm", KEYS[2][:-1] + "7", "--yes"], f"did you mean '{KEYS[2]}'"),
        (["rm", "--yes"], "either keys, or --status, or --all"),
        (["rm", "a", "--all", "--yes"], "either keys, or --status, or --all"),
        (["rm", "--all"], "add --yes"),
        (["rm", "--status", "fialed", "--yes"], "did you mean 'failed'"),
        (["list", "--status", "finished"], "Unknown status 'finished'"),
        (["export", "--format", "parquet"], "--out"),
        (["export", "--format", "xml"], "xml"),
        (["export", "--format", "csv", "--out", "/no/such/folder/runs.csv"], "Cannot write /no/such/folder/runs.csv"),
    ],
)
def test_bad_input(gengap, stored: Store, monkeypatch, arguments: list[str], message: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    status, out, err = gengap(*arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert len(stored) == 4


def test_rows_that_no_parquet_column_can_hold(gengap, stored: Store, tmp_path: Path) -> None:
    stored.put({"key": "d", "status": "done", "seed": "three"})
    status, _, err = gengap("export", "--format", "parquet", "--out", str(tmp_path / "runs.parquet"))
    assert status == 2
    assert "one type in each column" in err
