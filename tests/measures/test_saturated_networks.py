"""Confident networks, whose softmax rounds to 0 and 1: two classes, where 1 - p is 1 / (1 + exp(margin))."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from gengap.data import Problem, Split
from gengap.measures import Subject, measure

NAMES = ["cross_entropy", "negative_entropy", "gradient_noise_final", "fisher_rao"]


def _problem(n: int = 192) -> Problem:
    rng = np.random.default_rng(1)
    y = np.arange(n) % 2
    x = rng.uniform(1, 1.1, size=(n, 3)).astype(np.float32)
    x[:, 0] *= 1 - 2 * y  # the sign of the first number is the label
    return Problem("two classes", Split(x, y), Split(x[:8], y[:8]), ("a", "b"))


def _network(margin: float) -> nn.Module:
    """Two classes whose scores differ by about ``margin``."""
    model = nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        model.weight.copy_(margin * torch.tensor([[0.5, 0.001, 0.002], [-0.5, 0.003, 0.001]]))
    return model


def _twins(subject: Subject) -> dict[str, float]:
    """By the formulas in float64, of the scores that the network gives in float32."""

    def gradients(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        scores = subject.model(x).detach().double()
        lead = (scores[:, 0] - scores[:, 1]) * (1 - 2 * y)
        wrong = 1 / (1 + lead.exp())
        signs = torch.stack([2 * y - 1, 1 - 2 * y], 1)
        return lead, (wrong[:, None] * signs)[:, :, None] * x.double()[:, None, :]

    lead, each = gradients(*subject.examples(torch.arange(subject.n)))
    means = [gradients(x, y)[1].mean(0) for x, y in subject.batches(size=64, shuffled=True)]
    noise = sum(float((g - sum(means) / 3).square().sum()) for g in means) / 2
    slopes = (each * subject.model.weight.detach().double()).sum((1, 2))
    wrong = 1 / (1 + lead.exp())
    entropies = wrong * wrong.log() - (1 - wrong) * torch.log1p((-lead).exp())
    return {
        "cross_entropy": float(torch.log1p((-lead).exp()).mean()),
        "negative_entropy": float(entropies.mean()),
        "gradient_noise_final": noise,
        "fisher_rao": float(slopes.square().mean()),
    }


def _rows(margin: float) -> pd.DataFrame:
    return measure(_network(margin), _problem(), measures=NAMES).set_index("name")


@pytest.mark.parametrize("margin", [2.0, 22.0, 44.0, 120.0, 320.0])
def test_values_are_those_of_float64(margin: float) -> None:
    rows, expected = _rows(margin), _twins(Subject(_network(margin), _problem()))
    assert set(rows.status) == {"ok"}
    for name in NAMES:
        # float32 scores of 300 in three additions and their backward pass: 1e-6 of each part
        assert rows.value[name] == pytest.approx(expected[name], rel=1e-5), name
        assert expected[name] != 0


def test_beyond_float64_there_is_a_logarithm_and_a_reason() -> None:
    near, far = _rows(320.0), _rows(1280.0)
    for name in ["cross_entropy", "gradient_noise_final", "fisher_rao"]:
        assert math.isnan(far.value[name])
        assert "beyond float64" in far.reason[name]
        power = 1 if name == "cross_entropy" else 2
        assert far.log_value[name] < -power * 1000
        assert math.log(near.value[name]) < -power * 250
