"""The ratios of gradients are counted rightly, and the sides compute the same."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).parents[2]))
from benchmarks import gradients
from gengap.probes import gradient_norms


def test_lines_say_what_was_reached() -> None:
    each = {"median": 1.0, "min": 1.0, "max": 1.0, "all": [1.0]}
    twice = {**each, "median": 2.0}
    found = {
        "norms": [{"network": "mlp", "batch": 2, "ratios": {"gengap": each, "vmap": twice}}],
        "winsorized": {"what": "w", "ratio": {**each, "median": 6.0}},
        "coherence": {"what": "c", "ratio": each},
        "twins": [
            {"what": "t", "chosen": True, "in_turn_over_replicas": twice},
            {"what": "u", "chosen": False, "in_turn_over_replicas": {**each, "median": 0.5}},
        ],
    }
    drawn = gradients.lines(found)
    assert [line.wanted for line in drawn] == [
        *("<= 1.2 x: reached", "<= 5 x: missed", "<= 1.5 x: reached", ">= 1 x: reached"),
        "no slower than in turn: taken in turn",
    ]
    assert drawn[0].ratio == "2.00 x"


def test_ratios_leave_out_the_first_round(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([9.0, 1.0, 6.0, 2.0])
    monkeypatch.setattr(gradients, "_seconds", lambda work: next(seconds))
    assert gradients._ratios(lambda: None, lambda: None, 1)["all"] == [3.0]


def test_the_opponent_computes_the_same_norms() -> None:
    model, x, y = gradients._network("cnn")
    torch.testing.assert_close(
        gradients._by_vmap(model, x[:6], y[:6]).double(), gradient_norms(model, x[:6], y[:6]), rtol=1e-4, atol=0
    )
