"""``gengap rank`` from a table and from a store, and what it refuses."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gengap
from gengap.cli import main
from gengap.errors import InputError
from gengap.store import Store


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        product((2, 4, 8), (0.1, 0.01), ("sgd", "adam"), range(2)), columns=["depth", "lr", "opt", "s"]
    )
    frame["gap"] = 0.02 * frame["depth"] + 0.01 * rng.normal(size=len(frame))
    frame["norm"] = frame["depth"] ** 2 + rng.normal(size=len(frame))
    frame["against"] = -frame["gap"]
    frame.loc[0, "norm"] = np.nan
    frame.to_csv(tmp_path / "runs.csv", index=False)
    return tmp_path / "runs.csv"


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as status:
        main(["rank", *map(str, arguments)])
    return int(status.value.code or 0)


WHAT = ("--hyperparameters", "depth,lr,opt", "--measures", "norm,against")


def test_json_has_every_statistic(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(table, *WHAT, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    norm, against = document["measures"]
    assert (norm["measure"], against["measure"]) == ("norm", "against")
    assert against["granulated_tau"] == -1
    assert against["worst_sign_error"] == 1
    assert norm["n"] == 23
    assert norm["granulated_tau_low"] <= norm["granulated_tau"] <= norm["granulated_tau_high"]
    assert (document["networks"], document["settings"], document["rows_left_out"]) == (24, 12, 0)
    assert document["hyperparameters"]["opt"] == ["adam", "sgd"]


def test_people_get_a_table_a_sentence_and_cautions(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(table, *WHAT) == 0
    printed = capsys.readouterr().out
    assert "norm orders the gaps best" in printed
    assert "1 rows without a value are left out, pair by pair" in printed
    assert "--n-test discounts differences" in printed


def test_the_page_has_table_heat_map_and_scatter(table: Path, tmp_path: Path) -> None:
    assert run(table, *WHAT, "--n-test", 500, "--out", tmp_path / "report") == 0
    page = (tmp_path / "report" / "report.html").read_text()
    for part in (
        "granulated-tau-by-hyperparameter",
        "sign-errors",
        "measure-against-gap",
        "A mean over hyperparameters",
    ):
        assert part in page
    assert '"labels": ["norm", ' in page  # the menu of measures of the scatter
    assert "aria-sort" in page  # tables are sorted by a click on a heading
    assert len(pd.read_csv(next((tmp_path / "report").glob("*.csv")))) == 2


def test_rows_of_a_store(table: Path, tmp_path: Path) -> None:
    with Store(tmp_path / "runs.db") as store:
        for number, row in enumerate(pd.read_csv(table).to_dict("records")):
            status = "failed" if number == 5 else "done"
            store.put({"key": f"{number:032x}", "status": status, "kind": "jiang2020/grid", "history": [], **row})
    ranking = gengap.rank(tmp_path / "runs.db", hyperparameters=["depth", "lr", "opt"], measures=["norm"])
    assert len(ranking.grid) == 23
    chosen = gengap.rank(
        tmp_path / "runs.db", hyperparameters=["depth", "lr", "opt"], measures=["norm"], study="jiang2020/grid"
    )
    assert chosen.table["kendall_tau"].equals(ranking.table["kendall_tau"])
    with pytest.raises(InputError, match="no finished row of other/study"):
        gengap.rank(tmp_path / "runs.db", hyperparameters=["depth"], study="other/study")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--hyperparameters", "depht"), "did you mean 'depth'"),
        (("--hyperparameters", "depth", "--gap", "test_gap"), "Unknown column 'test_gap'"),
        (("--hyperparameters", "depth", "--measures", "opt"), "holds 'sgd'"),
        (("--hyperparameters", ","), "No hyperparameter is named"),
        (("--hyperparameters", "depth", "--study", "x/y"), "is no gengap store"),
    ],
)
def test_bad_input(table: Path, arguments: tuple, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(table, *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_few_settings_say_how_little_can_be_concluded(table: Path) -> None:
    ranking = gengap.rank(table, hyperparameters=["depth", "opt"], measures=["norm"])
    assert any("6 settings" in caution and "little can be concluded" in caution for caution in ranking.cautions)
