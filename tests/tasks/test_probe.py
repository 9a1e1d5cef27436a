"""``gengap probe``: from files to JSON and a page, and the same numbers as the library's."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from gengap import load, probes
from gengap.cli import main
from gengap.cli.probe import _text
from gengap.models import build


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "w.pt"
    torch.save(build("mlp-1x512", (1, 8, 8), 10).state_dict(), path)
    return path


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as status:
        main(["probe", *map(str, arguments)])
    return int(status.value.code or 0)


def document(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert run(*arguments, "--json") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert {"probe", "values", "status", "reason", "not_covered", "seconds", "rows", "model", "n"} <= set(found)
    return found


def test_coherence_agrees_with_the_library_and_has_a_page(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    found = document(capsys, "coherence", "mlp-1x512", "--weights", weights, "--out", out)
    model = build("mlp-1x512", (1, 8, 8), 10)
    model.load_state_dict(torch.load(weights, weights_only=True))
    ours = probes.coherence(model.eval(), load("digits"))
    assert found["values"]["m_coherence"] == pytest.approx(ours.m_coherence, rel=1e-9)
    assert found["values"]["alpha_error"] == pytest.approx(ours.whole.alpha_error, rel=1e-9)
    assert found["status"] == "ok"
    assert len(found["rows"]) == 2
    assert {"report.html", "rows.csv", "report.json", "coherence.png"} <= {path.name for path in out.iterdir()}
    assert "hundreds on random labels" in (out / "report.html").read_text()


def test_contributions_stand_beside_their_null_where_labels_are_corrupt(
    weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("coherence", "mlp-1x512", "--weights", weights, "--corruption", "labels", "--level", 0.5)
    values = document(capsys, *arguments, "--examples", 300)["values"]
    assert values["contribution_pristine"] + values["contribution_corrupt"] == pytest.approx(1)
    assert values["contribution_null_low"] < values["contribution_null_high"]


def test_people_read_a_table(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("coherence", "mlp-1x512", "--weights", weights, "--examples", 50) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert re.search(r"helps about [\d.]+ ± [\d.]+ of 50 examples", printed)


def test_unusable_input_has_no_traceback(tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("coherence", "mlp-1x512", "--weights", tmp_path / "none.pt") == 2
    assert run("coherence", "mlp-1x512", "--weights", weights, "--examples", 1) == 2
    assert "at least two" in capsys.readouterr().err


def test_curvature_says_whether_it_converged(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("curvlinops", reason="the extra 'curvature' is not installed")
    arguments = ("curvature", "mlp-1x512", "--weights", weights, "--examples", 40, "--eigenvalues", 2, "--probes", 3)
    found = document(capsys, *arguments, "--out", tmp_path / "report")
    assert found["status"] in ("ok", "partial", "not converged")
    assert len(found["values"]["largest_eigenvalues"]) == 2
    assert found["values"]["trace_error"] > 0
    assert found["rows"][0]["layer"] == "(whole network)"
    assert (tmp_path / "report" / "spectral-density.png").exists()


def test_paths_split_the_gap_and_have_a_page(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report"
    arguments = ("paths", "mlp-1x512", "--weights", weights, "--examples", 40, "--held-out", 30, "--out", out)
    found = document(capsys, *arguments)
    values = found["values"]
    assert values["gap"] == pytest.approx(values["labels_value"] + values["concentration_value"], rel=1e-6)
    assert values["paths"] == 10 * (64 * 512 + 512 + 1)
    assert (found["n"], found["population"], len(found["rows"])) == (40, 30, 10)
    assert "worst angle" in (out / "report.html").read_text()
    assert "loss of one-hot labels" in found["legend"]


SQUASHED = """from torch import nn


def make():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, 10))
"""


ONE_OUTPUT = """from torch import nn


def make():
    return nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(5, 1))
"""


def test_paths_take_one_output_for_two_classes_and_other_probes_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one_output.py").write_text(ONE_OUTPUT)
    monkeypatch.syspath_prepend(tmp_path)
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 5), torch.nn.ReLU(), torch.nn.Linear(5, 1)).state_dict(), "w.pt")
    rows = [f"{i % 7},{i % 5},{i % 2},{'train' if i < 30 else 'test'}" for i in range(50)]
    Path("t.csv").write_text("\n".join(["a,b,label,split", *rows]))
    arguments = ("one_output:make", "--weights", "w.pt", "--data", "t.csv", "--label-column", "label")
    found = document(capsys, "paths", *arguments, "--split-column", "split")
    assert found["values"]["paths"] == 5 * 3 + 1
    assert len(found["rows"]) == 1
    assert run("coherence", *arguments, "--split-column", "split") == 2
    assert "one score for each class" in " ".join(capsys.readouterr().err.split())


def test_paths_refuse_an_operation_by_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "squashed_net.py").write_text(SQUASHED)
    monkeypatch.syspath_prepend(tmp_path)
    layers = [torch.nn.Flatten(), torch.nn.Linear(64, 8), torch.nn.Tanh(), torch.nn.Linear(8, 10)]
    torch.save(torch.nn.Sequential(*layers).state_dict(), tmp_path / "w.pt")
    assert run("paths", "squashed_net:make", "--weights", tmp_path / "w.pt", "--examples", 20) == 2
    assert "Layer '2' (Tanh) computes 'tanh'" in " ".join(capsys.readouterr().err.split())


def test_sensitivity_agrees_with_the_library(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("sensitivity", "mlp-1x512", "--weights", weights, "--examples", 40, "--steps", 3, "--batch-size", 20)
    found = document(capsys, *arguments)
    assert 0 < found["values"]["loss_sensitivity_gini"] < 1
    assert len(found["rows"]) == 40
    assert found["values"]["examples_used"] == 40
    assert {"loss_sensitivity", "input_gradient"} <= set(found["rows"][0])


def test_sensitivity_answers_what_it_can_of_a_network_too_confident_for_float64(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    model = build("mlp-1x512", (1, 8, 8), 10)
    with torch.no_grad():
        list(model.parameters())[-2].mul_(1e5)  # margins in the thousands
    torch.save(model.state_dict(), tmp_path / "w.pt")
    arguments = ("sensitivity", "mlp-1x512", "--weights", tmp_path / "w.pt", "--examples", 40, "--lr", 1e-9)
    found = document(capsys, *arguments, "--steps", 2, "--batch-size", 20, "--out", tmp_path / "report")
    values = found["values"]
    assert found["status"] == "partial"
    assert "below the least number of float64" in found["reason"]
    assert 0 < values["input_gradient_gini"] < 1
    assert values["input_gradient_mean"] > 0
    assert {row["input_gradient"] is None for row in found["rows"]} == {True, False}
    assert (tmp_path / "report" / "lorenz.png").exists()


@pytest.mark.parametrize("scale", ["none", "unit", "signed", "whiten"])
def test_critical_samples_are_searched_in_the_units_of_the_stored_pixels(scale: str) -> None:
    from gengap.network.inputs import network_inputs
    from gengap.tasks.probe.critical_samples import _scaling

    pixels = torch.randint(256, (3, 1, 4, 4), dtype=torch.uint8)
    preprocessing = load("digits").preprocess(scale=scale).preprocessing
    expected = network_inputs(pixels.numpy(), preprocessing, torch.zeros(1, dtype=torch.float64))
    torch.testing.assert_close(_scaling(preprocessing, True)(pixels.double()), expected, rtol=1e-12, atol=1e-12)


def test_critical_samples_have_a_ratio_with_its_interval(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("critical-samples", "mlp-1x512", "--weights", weights, "--steps", 10, "--radius", 20)
    found = document(capsys, *arguments, "--out", tmp_path / "report")
    values = found["values"]
    assert values["ratio_low"] <= values["ratio"] <= values["ratio_high"]
    assert values["ratio"] == pytest.approx(sum(row["critical"] for row in found["rows"]) / values["examples"])
    assert (tmp_path / "report" / "critical-samples.png").exists()
    assert (found["steps"], found["steps_of_search"]) == ([], 10)  # the former made the data
    assert "grey levels from 0 to 255" in found["unit_of_radius"]
    assert found["unit_of_radius"] in (tmp_path / "report" / "report.html").read_text()
    assert run(*arguments[:-1], "inf") == 2
    assert "radius = inf" in capsys.readouterr().err


@pytest.mark.parametrize("split", ["train", "test"])
def test_critical_samples_are_searched_among_as_many_examples_as_asked_for(
    split: str, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("critical-samples", "mlp-1x512", "--weights", weights, "--steps", 3, "--radius", 20, "--split", split)
    found = document(capsys, *arguments, "--examples", 25)
    assert found["values"]["examples"] == len(found["rows"]) == 25
    indices = [row["index"] for row in found["rows"]]
    assert indices == sorted(set(indices))
    problem = load("digits")
    assert 25 <= max(indices) < len(problem.train if split == "train" else problem.test)


def test_stability_starts_from_the_weights(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("stability", "mlp-1x512", "--weights", weights, "--examples", 65, "--epochs", 2, "--twins", 1)
    found = document(capsys, *arguments, "--out", tmp_path / "report")
    assert [row["steps"] for row in found["rows"]] == [0, 1, 2]  # an epoch is one minibatch
    assert found["as_replicas"] in (True, False)
    sparse = document(capsys, *arguments, "--batch-size", 16, "--every", 3)
    assert [(row["steps"], row["epoch"]) for row in sparse["rows"]] == [(0, 0), (3, 0.75), (6, 1.5), (8, 2)]
    assert found["rows"][0]["distance"] == 0
    assert found["values"]["distance"] == found["rows"][-1]["distance"] > 0
    assert found["values"]["lipschitz_seen"] > 0
    assert (tmp_path / "report" / "twin-distance.png").exists()


def test_memorisation_scores_each_example(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("memorisation", "mlp-1x512", "--weights", weights, "--examples", 40, "--corruption", "labels")
    found = document(capsys, *arguments, "--level", 0.5, "--trainings", 4, "--epochs", 2, "--out", tmp_path / "report")
    assert len(found["rows"]) == 40
    cheap = {"loss", "margin", "gradient_norm", "self_influence"}
    assert cheap | {"memorisation", "memorisation_error", "corrupt"} <= set(found["rows"][0])
    assert 0 <= found["values"]["auroc_loss"] <= 1
    assert found["status"] in ("ok", "partial")
    errors = [row["memorisation_error"] for row in found["rows"] if row["memorisation_error"] is not None]
    assert found["values"]["rms_memorisation_error"] == pytest.approx((sum(e * e for e in errors) / len(errors)) ** 0.5)
    assert (tmp_path / "report" / "memorisation.png").exists()
    plain = document(capsys, "memorisation", "mlp-1x512", "--weights", weights, "--examples", 30)
    losses = [row["loss"] for row in plain["rows"]]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize(("probe", "options"), [("memorisation", ()), ("sensitivity", ("--steps", 2))])
def test_the_index_counts_in_the_whole_training_split(
    probe: str, options: tuple[object, ...], weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = document(capsys, probe, "mlp-1x512", "--weights", weights, "--examples", 30, *options)
    labels = load("digits").train.y
    assert [row["label"] for row in found["rows"]] == [labels[row["index"]] for row in found["rows"]]
    assert max(row["index"] for row in found["rows"]) >= 30


def test_people_read_that_a_score_of_margin_is_higher_for_the_more_suspicious(
    weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("memorisation", "mlp-1x512", "--weights", weights, "--examples", 20) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "higher for the more suspicious example: margin is minus the margin" in printed


def test_numbers_in_a_list_are_printed_to_a_few_digits() -> None:
    assert _text([1.252673210515041, 0.5512131624463211]) == "1.253, 0.5512"
    assert (_text(None), _text(3)) == ("–", "3")


NETWORKS = """
import torch
from torch import nn


def frozen(shape=(1, 8, 8), classes=10):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
    model[1].requires_grad_(False)
    return model


class Cut(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(64, 16), nn.Linear(16, 10)

    def forward(self, x):
        with torch.no_grad():
            z = self.a(x.flatten(1)).relu()
        return self.b(z)


def cut(shape=(1, 8, 8), classes=10):
    return Cut()
"""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """From a factory's name to its address and the path of its weights."""
    (tmp_path / "networks_of_probes.py").write_text(NETWORKS)
    monkeypatch.syspath_prepend(tmp_path)

    def named(name: str) -> tuple[str, Path]:
        import networks_of_probes

        path = tmp_path / f"{name}.pt"
        torch.save(getattr(networks_of_probes, name)().state_dict(), path)
        return f"networks_of_probes:{name}", path

    return named


def test_frozen_weights_are_named_and_do_not_count(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    model, path = made("frozen")
    arguments = (model, "--weights", path, "--examples", 60)
    sensitivity = document(capsys, "sensitivity", *arguments, "--steps", 3)
    stability = document(capsys, "stability", *arguments, "--epochs", 1, "--batch-size", 20)
    for found in (sensitivity, stability):
        assert found["not_covered"] == ["1.weight", "1.bias"]
        assert found["status"] == "partial"
        assert "frozen" in found["reason"]


def test_weights_under_no_grad_are_named(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("curvlinops", reason="the extra 'curvature' is not installed")
    model, path = made("cut")
    arguments = (model, "--weights", path, "--examples", 60)
    assert document(capsys, "curvature", *arguments, "--probes", 2)["not_covered"] == ["a.weight", "a.bias"]
    assert document(capsys, "coherence", *arguments)["not_covered"] == ["a.weight", "a.bias"]
    assert run("sensitivity", *arguments, "--steps", 3) == 2
    assert "nor by a.weight, a.bias" in capsys.readouterr().err


def test_one_example_has_curvature_and_no_noise(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("curvlinops", reason="the extra 'curvature' is not installed")
    arguments = ("curvature", "mlp-1x512", "--weights", weights, "--examples", 1, "--eigenvalues", 1, "--probes", 2)
    found = document(capsys, *arguments)
    assert found["values"]["gradient_noise_scale"] is None
    assert found["values"]["largest_eigenvalues"][0] > 0
    assert run(*arguments[:-4], "--eigenvalues", 100000) == 2
    assert "100000 eigenvalues of a Hessian" in capsys.readouterr().err
