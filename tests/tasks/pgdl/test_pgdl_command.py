"""``gengap pgdl``: a small zoo is made and scored, and what is wrong with a zoo is named."""

import html
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gengap.cli import main
from gengap.errors import InputError
from gengap.measures import measure, registry
from gengap.ranking import conditional_information, grid_from_frame
from gengap.tasks.files import saved_network
from gengap.tasks.pgdl import making, read_zoo, score_zoo


def status(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    return int(exit_.value.code or 0)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zoo") / "small"
    with pytest.MonkeyPatch.context() as patch:
        grid = {"width": (16, 32), "depth": (1, 2), "dropout": (0.0, 0.3), "learning_rate": (0.01,)}
        patch.setattr(making, "GRID", grid | {"weight_decay": (0.0,)})
        patch.setattr(making, "EXAMPLES", 80)
        patch.setattr(making, "RECIPE", making.RECIPE | {"target_loss": 0.5, "epochs": 400})
        assert status(["pgdl", "make", str(folder)]) == 0
    return folder


def changed(zoo: Path, tmp_path: Path, change: Any) -> Path:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in zoo.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    document = json.loads((copy / "zoo.json").read_text())
    change(document)
    (copy / "zoo.json").write_text(json.dumps(document))
    return copy


def test_scores_are_the_information_of_measures_of_the_stored_networks(zoo: Path) -> None:
    found = score_zoo(zoo, measures=["param_norm", "margin_mean"], subset=20)
    assert len(found.networks) == 8
    assert found.left_out == {}  # nor those of dropout, whose layers shift the names of weights
    assert sorted(found.networks["dropout"]) == [0.0] * 4 + [0.3] * 4
    entry = read_zoo(zoo).entries[3]
    data = read_zoo(zoo).problem
    model = saved_network(entry.model, zoo / entry.weights, data, dropout=entry.dropout)
    x = torch.from_numpy(data.test.x.copy()).float() / 255
    wrong = float((model.eval()(x).argmax(1).numpy() != data.test.y).mean())
    row = found.networks.set_index("name").loc[entry.name]
    assert row["test_error"] == pytest.approx(wrong)
    assert row["gap"] == pytest.approx(row["test_error"] - row["train_error"])
    value = measure(model, data, measures=["margin_mean"])["value"][0]
    assert row["margin_mean"] == pytest.approx(-value)  # by its sign
    grid = grid_from_frame(found.networks, "gap", ["width", "depth", "dropout"], ["param_norm"])
    information = conditional_information(grid, grid.measures["param_norm"], grid.pairs(most=1000)).value
    scores = found.scores.set_index("measure")
    assert scores.loc["param_norm", "score"] == pytest.approx(100 * information)
    assert "fewer than ten" in " ".join(found.cautions) or "settings there are no intervals" in " ".join(found.cautions)


def test_the_command_prints_and_writes(zoo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["pgdl", "score", str(zoo), "--measures", "param_norm,steps_to_ce_0_1,fro_dist", "--out"]
    assert status([*arguments, str(tmp_path / "report"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {row["measure"] for row in document["scores"]} == {"param_norm", "steps_to_ce_0_1", "fro_dist"}
    assert len(document["networks"]) == 8
    assert (tmp_path / "report" / "report.html").is_file()
    assert status([*arguments[:3], "--measures", "param_norm"]) == 0
    assert "PGDL score" in capsys.readouterr().out


def test_a_measure_that_fails_has_no_score_and_the_reason(zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(subject: Any) -> float:
        raise ValueError("no luck")

    registry.all_measures()  # the catalogue registers when it is first asked for
    monkeypatch.setattr(registry, "_MEASURES", dict(registry._MEASURES))
    about = {"formula": "none", "source": "none", "needs": frozenset({"weights"}), "rescaling_invariant": False}
    registry.register(name="faulty", sign=-1, **about)(faulty)
    scores = score_zoo(zoo, measures=["faulty", "param_norm"]).scores.set_index("measure")
    assert np.isnan(scores.loc["faulty", "score"])
    assert "no luck" in scores.loc["faulty", "reason"]
    assert scores.loc["param_norm", "reason"] is None
    assert "No measure has a score" in score_zoo(zoo, measures=["faulty"]).sentence


def test_the_page_leads_with_the_score_and_names_what_is_left_out(zoo: Path, tmp_path: Path) -> None:
    copy = changed(zoo, tmp_path, lambda document: document["networks"][0].update(weights="missing.pt"))
    scores = score_zoo(copy, measures=["param_norm", "fro_dist"], out=tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    assert html.escape(scores.sentence) in page
    for part in ("PGDL score", "largest permuted score", "n00", "missing.pt"):
        assert part in page
    assert f"{scores.scores['score'][0]:.2f}" in page


def test_networks_that_cannot_be_built_are_named_and_left_out(
    zoo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(document: dict[str, Any]) -> None:
        document["networks"][0]["weights"] = "missing.pt"
        document["networks"][1]["model"] = "os:abort"
        document["networks"][2]["model"] = "mlp-1x5"

    copy = changed(zoo, tmp_path, change)
    found = score_zoo(copy, measures=["param_norm"])
    assert set(found.left_out) == {"n00", "n01", "n02"}
    assert "missing.pt" in found.left_out["n00"]
    assert "factories" in found.left_out["n01"]
    assert "n01" in found.sentence
    (copy / "n03.pt").unlink()
    for name in ("n04", "n05", "n06"):
        (copy / f"{name}.pt").write_text("no weights")
    assert status(["pgdl", "score", str(copy), "--measures", "param_norm"]) == 2
    assert "1 of 8 networks can be built" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(format=9), "format 9"),
        (lambda d: d["networks"][1].pop("weights"), "networks.1.weights"),
        (lambda d: d["networks"][1]["hyperparameters"].pop("width"), "other hyperparameters"),
        (lambda d: d["data"].update(path="x.npz"), "either a name or a path"),
        (lambda d: d.update(data={"path": "../x.npz"}), "outside"),
        (lambda d: d["data"].update(name="digit"), "did you mean 'digits'"),
        (lambda d: [n.update(hyperparameters={"width": 1}) for n in d["networks"]], "No hyperparameter"),
        (lambda d: d["networks"].clear(), "at least 2"),
    ],
    ids=["format", "field", "hyperparameters", "sources", "outside", "data", "constant", "empty"],
)
def test_zoos_that_say_something_else(zoo: Path, tmp_path: Path, change: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_zoo(changed(zoo, tmp_path, change))


def test_no_zoo_and_a_full_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["pgdl", "score", str(tmp_path)]) == 2
    assert "gengap pgdl make" in capsys.readouterr().err
    (tmp_path / "file").write_text("x")
    assert status(["pgdl", "make", str(tmp_path)]) == 2
    assert "not empty" in capsys.readouterr().err
