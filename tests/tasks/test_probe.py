"""``gengap probe``: from files to JSON and a page, and the same numbers as the library's."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from gengap import load, probes
from gengap.cli import main
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
    assert "helps about" in " ".join(capsys.readouterr().out.split())


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
