"""Subgroups and selective prediction from the command line."""

import json

import numpy as np
import pandas as pd
import pytest

from gengap import bounds
from gengap.cli import main


@pytest.fixture
def command(capsys):
    def call(*arguments, status: int = 0):
        with pytest.raises(SystemExit) as stopped:
            main(["certify", *map(str, arguments)])
        captured = capsys.readouterr()
        assert stopped.value.code == status, captured.err
        return (json.loads(captured.out) if "--json" in arguments else captured.out) if status == 0 else captured.err

    return call


@pytest.fixture
def file(tmp_path):
    rng = np.random.default_rng(0)
    site = np.repeat(["a", "b", "c"], [300, 99, 1])
    labels = rng.integers(0, 2, 400)
    confidence = rng.uniform(0.5, 1, 400)
    wrong = rng.random(400) < np.where(site == "b", 0.3, 0.4 * (1 - confidence))
    table = {
        "y_true": labels,
        "y_pred": labels ^ wrong,
        "site": site,
        "doc": np.arange(400) // 4,
        "confidence": confidence,
    }
    pd.DataFrame(table).to_csv(tmp_path / "a.csv", index=False)
    return tmp_path / "a.csv"


def test_every_subgroup_has_a_bound_and_the_worst_is_first(command, file) -> None:
    made = command("--predictions", file, "--by", "site", "--json")
    assert [row["value"] for row in made["rows"]] == ["c", "b", "a"]
    for row in made["rows"]:
        assert row["upper"] == float(bounds.clopper_pearson(row["errors"], row["n"], 1, 0.05 / 3))
    assert made["upper"] == made["rows"][0]["upper"]
    assert "single unit" in made["rows"][0]["remarks"]
    shown = " ".join(command("--predictions", file, "--by", "site").split())
    assert "for every value of site, 3 at once; site = c has the weakest bound" in shown


def test_subgroups_of_clusters_are_certified_by_betting(command, file) -> None:
    made = command("--predictions", file, "--by", "site", "--clusters", "doc", "--json")
    assert {row["headline"] for row in made["rows"]} == {"betting"}
    assert made["unit"] == "group"
    again = command(
        "--predictions", file, "--by", "site", "--clusters", "doc", "--order-seed", made["order_seed"], "--json"
    )
    assert again == made


def test_a_threshold_controls_the_risk_of_what_is_accepted(command, file) -> None:
    made = command("--predictions", file, "--control", 0.25, "--grid", "0.5,0.7,0.9", "--json")
    table = pd.read_csv(file)
    wrong = (table["y_true"] != table["y_pred"]).astype(float)
    twin = bounds.risk_control(table["confidence"], wrong, 0.25, [0.5, 0.7, 0.9])
    assert [row["upper"] for row in made["rows"]] == twin.upper.tolist()
    assert made["threshold"] == twin.grid[np.flatnonzero(twin.controlled)[0]]
    assert "Accept answers with a confidence of at least" in command("--predictions", file, "--control", 0.25)
    folder = file.parent / "page"
    command("--predictions", file, "--control", 0.25, "--out", folder)
    assert (folder / "coverage-risk.png").stat().st_size > 0
    assert "holds for all thresholds at once" in " ".join((folder / "report.html").read_text().split())
    assert command("--predictions", file, "--control", 0.001, "--json")["threshold"] is None
    assert len(command("--predictions", file, "--control", 0.2, "--json")["rows"]) == 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--by", "town"], "Unknown column"),
        (["--control", 0.1, "--grid", "0.5,1.5"], "outside [0, 1]"),
        (["--control", 0.1, "--grid", "high"], "holds no numbers"),
        (["--control", 0.1, "--clusters", "doc"], "--control cannot go with --clusters"),
        (["--control", 2], "risk = 2"),
        (["--grid", "0.5"], "--grid needs --control"),
    ],
)
def test_refuses(command, file, arguments, message: str) -> None:
    assert message in command("--predictions", file, *arguments, status=2)


def test_a_subgroup_without_a_name_is_refused(command, file) -> None:
    table = pd.read_csv(file)
    table.loc[3, "site"] = None
    table.to_csv(file, index=False)
    assert "site is missing (NaN or empty) for 1 of 400" in command("--predictions", file, "--by", "site", status=2)


def test_a_file_without_confidence_has_no_threshold(command, file) -> None:
    pd.read_csv(file).drop(columns="confidence").to_csv(file, index=False)
    assert "no class probabilities" in command("--predictions", file, "--control", 0.1, status=2)
