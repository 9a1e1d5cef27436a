"""Rows of margins, losses and gradients, against plain loops."""

import copy
import math

import pandas as pd
import pytest
import torch
from measured_networks import fitted, network, problem
from torch import nn
from torch.nn.functional import cross_entropy

from gengap.measures import Subject, measure

MARGINS = ["inverse_margin", "margin_10th_percentile", "margin_5th_percentile", "margin_mean", "margin_median"]
LOSSES = ["cross_entropy", "negative_entropy"]
GRADIENTS = ["gradient_noise_final", "normalised_margins_by_layer"]


def values(model: nn.Module, names: list[str], n: int = 48, **options: object) -> pd.DataFrame:
    return measure(model, problem(n), measures=names, **options).set_index("name")


def scores(model: nn.Module, n: int = 48) -> list[list[float]]:
    x = torch.from_numpy(problem(n).train.x.copy())
    return model.eval()(x).double().tolist()


def test_margins_and_losses_are_those_of_a_loop() -> None:
    model = fitted(network("resnet"))
    found = values(model, MARGINS + LOSSES).value
    margins, losses, entropies = [], [], []
    for row, label in zip(scores(model), problem().train.y.tolist(), strict=True):
        p = [math.exp(v) / sum(map(math.exp, row)) for v in row]
        margins.append(row[label] - max(v for j, v in enumerate(row) if j != label))
        losses.append(-math.log(p[label]))
        entropies.append(sum(q * math.log(q) for q in p))
    margins.sort()
    expected = {
        "inverse_margin": margins[3] ** -2,  # 48 // 10 = 4 from below
        "margin_10th_percentile": margins[3],
        "margin_5th_percentile": margins[1],
        "margin_mean": sum(margins) / 48,
        "margin_median": (margins[23] + margins[24]) / 2,
        "cross_entropy": sum(losses) / 48,
        "negative_entropy": sum(entropies) / 48,
    }
    assert found.to_dict() == pytest.approx(expected, rel=1e-5)


def test_a_margin_that_is_not_above_zero_keeps_its_sign_and_has_no_inverse() -> None:
    model = fitted(network("mlp"))
    with torch.no_grad():
        for parameter in list(model.parameters())[-2:]:
            parameter.neg_()  # what was right is wrong
    found = values(model, MARGINS)
    assert found.value["margin_10th_percentile"] < 0
    assert found.value["margin_5th_percentile"] <= found.value["margin_10th_percentile"] <= found.value["margin_median"]
    assert found.status["inverse_margin"] == "skipped"
    assert "10th percentile" in found.reason["inverse_margin"]
    assert math.isnan(found.value["inverse_margin"])


def test_gradient_noise_is_the_variance_over_minibatches_of_stacked_gradients() -> None:
    model = fitted(network("resnet"))
    subject = Subject(model, problem(200))
    stacked = []
    for x, y in list(subject.batches(size=64, shuffled=True))[:3]:
        model.zero_grad()
        cross_entropy(model(x), y).backward()
        stacked.append(torch.cat([p.grad.flatten() for p in model.parameters()]).double())
    row = values(model, ["gradient_noise_final"], n=200).loc["gradient_noise_final"]
    assert row.value == pytest.approx(float(torch.stack(stacked).var(0).sum()), rel=1e-4)
    assert (row.details["minibatches"], row.details["minibatch_size"]) == (3, 64)


def test_one_minibatch_has_no_variance() -> None:
    row = values(network("mlp"), ["gradient_noise_final"]).loc["gradient_noise_final"]
    assert row.status == "skipped"
    assert "two minibatches" in row.reason


def test_normalised_margins_of_a_linear_classifier_are_distances_over_the_data_s_spread() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 4)).eval()
    x, y = torch.from_numpy(problem().train.x.copy()).flatten(1).double(), problem().train.y
    w = model[1].weight.detach().double()
    distances = []
    for label, row in zip(y.tolist(), scores(model), strict=True):
        rival = max((j for j in range(4) if j != label), key=row.__getitem__)
        distances.append((row[label] - row[rival]) / float((w[label] - w[rival]).norm()))
    spread = math.sqrt(((x - x.mean(0)) ** 2).sum() / 48)
    row = values(model, ["normalised_margins_by_layer"]).loc["normalised_margins_by_layer"]
    assert row.value == pytest.approx(sorted(distances)[23] / spread, rel=1e-5)
    assert row.details["layers"]["1"]["10"] == pytest.approx(sorted(distances)[3] / spread, rel=1e-5)


def test_layers_without_an_input_of_their_own_or_gradients_are_named() -> None:
    row = values(fitted(network("transformer")), ["normalised_margins_by_layer"]).loc["normalised_margins_by_layer"]
    assert row.status == "partial"
    assert row.not_covered == ["words", "attention.out_proj"]  # attention reads its last weight itself
    assert "head" in row.details["layers"]


class UsesWeightsByHand(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.head = nn.Linear(64, 6), nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(x.flatten(1) @ self.hidden.weight.T))


def test_layers_whose_input_no_hook_sees_and_layers_without_rule_are_named() -> None:
    for model, name in [(UsesWeightsByHand(), "hidden"), (network("lstm"), "lstm")]:
        row = values(model, ["normalised_margins_by_layer"]).loc["normalised_margins_by_layer"]
        assert (row.status, row.not_covered) == ("partial", [name])


def test_moving_scale_between_relu_layers_changes_what_it_should() -> None:
    names = [*MARGINS, *LOSSES, *GRADIENTS]
    model = fitted(network("mlp"))
    moved = copy.deepcopy(model)
    with torch.no_grad():
        moved[1].weight.mul_(8)
        moved[1].bias.mul_(8)
        moved[3].weight.div_(8)
    before, after = values(model, names, n=200), values(moved, names, n=200)
    for name in names:
        same = after.value[name] == pytest.approx(before.value[name], rel=1e-5)
        assert same == before.rescaling_invariant[name], name


class SequenceFirst(nn.Module):
    """Each of 64 pixels a word, as many as a minibatch has examples: the layers inside see ``[64 words, 64, 8]``."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.inner, self.head = nn.Linear(64, 64), nn.Linear(8, 8), nn.Linear(8, 4)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        words = self.first(x.flatten(1)).T.unsqueeze(2).expand(-1, -1, 8)
        words = torch.relu(self.inner(words))
        words = words + self.attention(words, words, words, need_weights=False)[0]
        return self.head(words.mean(0))


def test_a_sequence_as_long_as_the_minibatch_is_not_taken_for_the_batch() -> None:
    torch.manual_seed(0)
    model = SequenceFirst()
    found = values(model, ["normalised_margins_by_layer"], n=128).loc["normalised_margins_by_layer"]
    assert found.status == "partial"
    assert set(found.details["layers"]) == {"first", "head"}
    assert {"inner", "attention"} <= set(found.not_covered)
    assert "no margins in the input of inner, attention" in found.reason
