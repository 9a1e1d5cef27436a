"""``gengap interpolate`` from the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from gengap.cli import main

FIELDS = {"train_error", "test_error", "norm", "residual", "jitter", "seconds", "peak_memory_bytes", "solver"}


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["interpolate", *arguments])
    return int(end.value.code or 0)


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--method", "random-features", "--n", "100", "--bandwidth", "2", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document.keys() >= FIELDS
    assert document["train_error"] == 0
    assert document["bandwidth"] == 2
    assert document["n_features"] == 200
    assert document["jitter"] is None
    assert document["reasons"]["jitter"]


def test_people_get_a_table_and_a_report(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert _run("--method", "1-nn", "--n", "100", "--out", str(tmp_path / "out")) == 0
    printed = capsys.readouterr()
    assert "1-nn on digits: 100 + 500 examples" in printed.out
    assert "Training error 0.00%" in printed.out
    assert "report.html" in printed.err
    written = json.loads((tmp_path / "out" / "report.json").read_text())
    assert written.keys() >= FIELDS
    assert "1-nn on digits" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--method", "nearest"), "Unknown method"),
        (("--kernel", "gausian"), "gaussian"),
        (("--bandwidth", "0"), "bandwidth = 0"),
        (("--bandwidth", "-1", "--method", "random-features"), "bandwidth = -1"),
        (("--preprocess", "wavelets"), "Unknown preprocessing"),
        (("--n", "100000"), "1297 training examples"),
        (("--n", "0"), "--n"),
        (("--method", "random-features", "--n-features", "0"), "--n-features"),
        (("--method", "pert", "--trees", "0"), "--trees"),
        (("--bandwidth", "1e-50"), "bandwidth = 1e-50"),
        (("--data", "nothing-here"), "Unknown data set"),
    ],
)
def test_bad_input_exits_with_2(arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(*arguments) == 2
    printed = capsys.readouterr()
    assert told in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""


def test_nan_in_a_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.random.default_rng(0).standard_normal((10, 3))
    y = np.arange(10) % 2
    np.savez(tmp_path / "d.npz", x_train=np.where(x == x[4, 1], np.nan, x), y_train=y, x_test=x, y_test=y)
    assert _run("--data", str(tmp_path / "d.npz")) == 2
    assert "example 4 holds NaN" in capsys.readouterr().err


def test_a_table_with_an_ordinal_column_says_how_it_is_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        f"{size},{i},{i % 2},{'test' if i > 7 else 'train'}" for i, size in enumerate(["s", "m", "l", "m", "s"] * 2)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["size,number,kind,part", *rows]))
    columns = ["--label-column", "kind", "--split-column", "part", "--standardise", "--method", "1-nn"]
    assert _run("--data", str(tmp_path / "t.csv"), *columns, "--ordinal", "size=s,m,l") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Seen as: values as stored; categories numbered from 0 in the order given;")
    assert _run("--data", str(tmp_path / "t.csv"), *columns, "--ordinal", "size=") == 2
    assert "size=small,medium,large" in capsys.readouterr().err
