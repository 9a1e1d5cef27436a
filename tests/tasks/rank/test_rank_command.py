"""``gengap rank`` from a table and from a store, and what it refuses."""

import json
import re
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
    assert "norm has the largest granulated tau" in printed
    assert "1 row without a value left out, pair by pair" in printed
    assert re.search(r"\d% \(of [1-9]\d*\)", printed)  # the worst sign-error, and of how many environments
    assert "--n-test discounts differences" in printed


def test_the_sentence_names_the_measure_with_information_where_the_first_has_none() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(product((2, 4, 8), (16, 32, 64), range(4)), columns=["depth", "width", "s"])
    frame["gap"] = rng.random(len(frame))
    frame["noise"] = rng.random(len(frame))
    frame["against"] = -frame["gap"]
    found = gengap.rank(frame, hyperparameters=["depth", "width"], measures=["noise", "against"])
    assert "noise has the largest granulated tau" in found.sentence
    assert "noise does not. against has granulated tau -1.00" in found.sentence
    assert found.sentence.count("in reverse") == 1


def test_what_a_measure_knows_of_one_hyperparameter_counts_for_its_share() -> None:
    frame = pd.DataFrame(product((2, 4, 8), (16, 32, 64)), columns=["depth", "width"])
    frame["gap"] = frame["depth"] + frame["width"]
    frame["knows_depth"] = frame["depth"]
    found = gengap.rank(frame, hyperparameters=["depth", "width"], measures=["knows_depth"])
    assert found.table["granulated_tau"].item() == pytest.approx(0.5)
    page = found._repr_html_()
    assert "counts for that one" in page


def test_the_page_has_table_heat_map_and_scatter(table: Path, tmp_path: Path) -> None:
    assert run(table, *WHAT, "--n-test", 500, "--out", tmp_path / "report") == 0
    page = (tmp_path / "report" / "report.html").read_text()
    for part in (
        "granulated-tau-by-hyperparameter",
        "sign-errors",
        "measure-against-gap",
        "A mean over hyperparameters",
        "of environments",
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
    with pytest.raises(InputError, match=r"(?s)no finished row of other/study.*jiang2020/grid"):
        gengap.rank(tmp_path / "runs.db", hyperparameters=["depth"], study="other/study")
    (tmp_path / "runs.db").rename(tmp_path / "gengap.db")
    of_folder = gengap.rank(tmp_path, hyperparameters=["depth", "lr", "opt"], measures=["norm"])
    assert of_folder.table["kendall_tau"].equals(ranking.table["kendall_tau"])


def test_columns_that_are_taken_and_left_out_are_named(table: Path) -> None:
    frame = pd.read_csv(table).drop(columns="s")
    frame["sharpness"] = frame["norm"].astype(object)
    frame.loc[5, "sharpness"] = "oops"
    frame["same"] = 3.0
    frame["run"] = [f"r{i}" for i in range(len(frame))]
    frame["comma"] = [f"{value:.3f}".replace(".", ",") for value in frame["gap"]]
    frame["percent"] = [f"{100 * value:.1f}%" for value in frame["gap"]]
    frame["mostly"] = ["none"] * 20 + ["1.5"] * 4
    frame["flag"] = frame["gap"] > frame["gap"].median()
    ranking = gengap.rank(frame, hyperparameters=["depth", "lr", "opt"])
    cautions = " ".join(ranking.cautions)
    assert set(ranking.table["measure"]) == {"norm", "against"}
    for words in ("sharpness is left out: row 6 holds 'oops'", "same is left out: it is constant", "norm, against"):
        assert words in cautions
    for name in ("comma", "percent", "mostly"):
        assert f"{name} is left out: row 1 holds '{frame[name][0]}'" in cautions
    assert "flag is left out: it holds truth values" in cautions
    assert "run is left out" not in cautions  # a column of names
    assert "against orders the gaps in reverse" in cautions
    assert "in reverse" not in " ".join(gengap.rank(frame, hyperparameters=["depth"], measures=["norm"]).cautions)
    constant = gengap.rank(frame, hyperparameters=["depth", "lr", "opt"], measures=["same"])
    assert constant.table["reason"][0] == "the measure is constant"
    with pytest.raises(InputError, match="no measure to rank; same: it is constant"):
        gengap.rank(frame[["gap", "depth", "same"]], hyperparameters=["depth"])


def test_sampled_sign_errors_are_said_to_be_so(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame, names = pd.read_csv(table), ["depth", "lr", "opt"]
    assert "of a sample" not in " ".join(gengap.rank(frame, hyperparameters=names, measures=["norm"]).cautions)
    monkeypatch.setattr("gengap.ranking.grid.MOST_ALONG", 30)
    monkeypatch.setattr("gengap.ranking.grid.MOST_COUNTED", 30)
    cautions = " ".join(gengap.rank(frame, hyperparameters=names, measures=["norm"]).cautions)
    assert "Sign-errors along depth are of a sample" in cautions  # lr and opt have 24 pairs each, depth 48


def test_percentages_beside_test_examples_are_refused(table: Path) -> None:
    frame = pd.read_csv(table).assign(gap=lambda rows: 100 * rows["gap"])
    with pytest.raises(InputError, match=r"(?s)fractions.*divide"):
        gengap.rank(frame, hyperparameters=["depth"], measures=["norm"], n_test=500)


def test_a_measure_of_noise_is_no_winner() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(product(range(4), range(4), range(4)), columns=["depth", "lr", "width"])
    frame["gap"] = rng.permutation(len(frame)) / len(frame)
    frame["noise"], frame["other"] = rng.normal(size=(2, len(frame)))
    ranking = gengap.rank(frame, hyperparameters=["depth", "lr", "width"], measures=["noise", "other"])
    assert (ranking.table["cmi"] <= ranking.table["cmi_null_high"]).all()
    assert "best" not in ranking.sentence
    assert "None carries more information" in ranking.sentence
    frame["copy"] = frame["gap"]
    alone = gengap.rank(frame, hyperparameters=["depth", "lr", "width"], measures=["copy"]).sentence
    assert "copy orders the gaps with granulated tau 1.00" in alone
    assert "It carries more information" in alone
    assert "the worst of 18 environments" in alone


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
