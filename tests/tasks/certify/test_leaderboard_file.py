"""The leaderboard as a file and a command."""

import json
import os

import numpy as np
import pandas as pd
import pytest

from gengap.bounds import Leaderboard
from gengap.cli import main


@pytest.fixture
def board(tmp_path, capsys):
    labels = np.arange(100) % 2
    pd.DataFrame({"id": range(100), "y_true": labels}).to_csv(tmp_path / "labels.csv", index=False)

    def call(errors: int, *options, status: int = 0, shuffled: bool = False):
        table = pd.DataFrame({"id": range(100), "y_pred": labels ^ (np.arange(100) < errors)})
        table = table.sample(frac=1, random_state=0) if shuffled else table
        table.to_csv(tmp_path / "s.csv", index=False)
        files = ["--leaderboard", tmp_path / "b.json", "--labels", tmp_path / "labels.csv"]
        arguments = map(str, [*files, "--submit", tmp_path / "s.csv", "--json", *options])
        with pytest.raises(SystemExit) as stopped:
            main(["certify", *arguments])
        captured = capsys.readouterr()
        assert stopped.value.code == status, captured.err
        return json.loads(captured.out) if status == 0 else captured.err

    return call, tmp_path


def test_submissions_are_answered_one_by_one(board) -> None:
    call, folder = board
    first = call(33, "--step", 0.05, "--planned", 20)
    assert (first["improved"], first["score"], first["looks"]) == (True, 0.35, 1)
    assert call(33, shuffled=True)["improved"] is False
    third = call(12)
    assert (third["improved"], third["score"]) == (True, 0.15)
    twin = Leaderboard(100, 0.05, 20).look(33).look(33).look(12)
    assert third["upper"] == twin.upper
    assert "errors" not in third
    assert "12" not in (folder / "b.json").read_text().split('"seal"')[0]


def test_what_the_leaderboard_began_with_is_fixed(board) -> None:
    call, folder = board
    call(33)
    assert "began with step = 0.01, not 0.1" in call(33, "--step", 0.1, status=2)
    document = json.loads((folder / "b.json").read_text())
    assert (document["planned"], document["answers"]) == (100, [33])


@pytest.mark.parametrize("change", [{"answers": [10]}, {"planned": 1000}, {"seal": "0"}, {"seal": None}])
def test_a_file_edited_by_hand_is_refused(board, change) -> None:
    call, folder = board
    call(33)
    document = json.loads((folder / "b.json").read_text())
    (folder / "b.json").write_text(json.dumps(document | change))
    assert "edited by hand" in call(20, status=2)


def test_other_labels_other_files_and_used_looks_are_refused(board) -> None:
    call, folder = board
    call(33, "--planned", 1)
    assert "All 1 looks" in call(20, status=2)
    (folder / "b.json").write_text("{}")
    assert "is no leaderboard" in call(20, status=2)
    (folder / "b.json").write_text("not JSON")
    assert "is no leaderboard" in call(20, status=2)
    (folder / "b.json").unlink()
    call(33)
    table = pd.read_csv(folder / "labels.csv")
    table.assign(y_true=1 - table["y_true"]).to_csv(folder / "labels.csv", index=False)
    assert "of other labels" in call(20, status=2)
    table.head(50).to_csv(folder / "labels.csv", index=False)
    assert "different ids" in call(20, status=2)


def test_all_three_files_are_needed(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["certify", "--leaderboard", "b.json"])
    assert "--leaderboard needs --labels and --submit" in capsys.readouterr().err


def test_a_pipe_is_no_leaderboard(board) -> None:
    call, folder = board
    call(33, "--step", 0.05, "--planned", 20)
    (folder / "b.json").unlink()
    os.mkfifo(folder / "b.json")
    assert "a pipe" in call(12, status=2)
