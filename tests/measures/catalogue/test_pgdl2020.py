"""Clusters and mixup, against plain loops, scikit-learn, laws and cases known by hand."""

import math
import statistics
from collections.abc import Callable

import numpy as np
import pytest
import torch
from measured_networks import fitted, network, problem
from sklearn.metrics import davies_bouldin_score
from torch import Tensor, nn

from gengap.data import Problem, Split
from gengap.measures import Subject, measure
from gengap.measures.catalogue.pgdl2020 import EXAMPLES, mixup_response
from gengap.measures.values import Finding

NAMES = [
    "davies_bouldin",
    "davies_bouldin_mixup",
    "label_mixup_accuracy",
    "mixup_response",
    "mixup_response_same_label",
]


def values(model: nn.Module, data: Problem, seed: int = 0) -> dict[str, float]:
    rows = measure(model, data, measures=NAMES, seed=seed).set_index("name")
    assert set(rows["status"]) == {"ok"}, rows["reason"]
    return {name: float(value) for name, value in rows["value"].items()}


def twin_pairs(y: list[int], accept: Callable[[int, int], bool]) -> list[tuple[int, int]]:
    """Each example with the next one that is accepted, going around."""
    n = len(y)
    steps = [(i, (i + step) % n) for i in range(n) for step in range(1, n)]
    first: dict[int, int] = {}
    for i, j in steps:
        if accept(y[i], y[j]):
            first.setdefault(i, j)
    return list(first.items())


def twin_accuracy(model: nn.Module, x: Tensor, y: list[int], pairs: list[tuple[int, int]], share: float) -> float:
    right = 0
    for i, j in pairs:
        mixed = (1 - share) * x[i] + share * x[j]
        right += int(model(mixed[None]).argmax()) == y[i]
    return right / len(pairs)


def twin_response(model: nn.Module, x: Tensor, y: list[int], pairs: list[tuple[int, int]]) -> float:
    """Twice the area between the running integrals, by the trapezoidal rule."""
    levels = np.linspace(0, 1, 11)
    accuracy = [twin_accuracy(model, x, y, pairs, t / 2) for t in levels]
    area = 0.0
    for k in range(10):
        left, right = ((1 - levels[i]) * (1 - accuracy[i]) for i in (k, k + 1))
        area += 0.1 * (left + right) / 2
    return 2 * area


@pytest.mark.parametrize("name", ["mlp", "resnet"])
def test_values_are_those_of_plain_loops(name: str) -> None:
    model, data = fitted(network(name), 8).eval(), problem(36)
    found = values(model, data)
    subject = Subject(model, data)
    x, labels = subject.drawn("mixup", EXAMPLES)
    y = labels.tolist()
    with torch.no_grad():
        same, other = twin_pairs(y, lambda a, b: a == b), twin_pairs(y, lambda a, b: a != b)
        assert found["label_mixup_accuracy"] == pytest.approx(twin_accuracy(model, x, y, same, 0.5))
        assert found["mixup_response"] == pytest.approx(twin_response(model, x, y, other))
        assert found["mixup_response_same_label"] == pytest.approx(twin_response(model, x, y, same))
        points, classes = subject.drawn("davies_bouldin", EXAMPLES)
        first = model[1](points.flatten(1)) if name == "mlp" else model[0](points)
        features = first.double().flatten(1).numpy()
    assert found["davies_bouldin"] == pytest.approx(davies_bouldin_score(features, classes.numpy()))
    assert found["davies_bouldin_mixup"] == found["davies_bouldin"] * (1 - found["label_mixup_accuracy"])


@pytest.mark.parametrize("step", [1, 3, 100])
def test_pairs_that_take_levels_in_turn_have_the_mean_and_the_error_of_plain_loops(step: int) -> None:
    model, data = fitted(network("mlp"), 8).eval(), problem(36)
    subject = Subject(model, data)
    subject.level_step = step
    found = mixup_response(subject)
    x, labels = subject.drawn("mixup", EXAMPLES)
    y = labels.tolist()
    pairs = twin_pairs(y, lambda a, b: a != b)
    turns = min(step, len(pairs))
    lost = dict.fromkeys(range(len(pairs)), 0.0)
    with torch.no_grad():
        for k in range(10):
            weight = 0.1 if k == 0 else 0.2 * (1 - k / 10)
            for number in range(k % turns, len(pairs), turns):
                lost[number] += weight * (1 - twin_accuracy(model, x, y, [pairs[number]], k / 20))
    groups = [[lost[number] for number in range(first, len(pairs), turns)] for first in range(turns)]
    assert found.value == pytest.approx(sum(map(statistics.fmean, groups)))
    assert found.details["pairs_at_a_level"] == len(pairs) // turns
    if step > len(pairs):  # one pair at each level: nothing shows how pairs differ
        assert found.details["standard_error"] is None
    else:
        expected = math.sqrt(sum(statistics.variance(group) / len(group) for group in groups))
        assert found.details["standard_error"] == pytest.approx(expected)


def test_taking_levels_in_turn_is_right_on_average_and_its_error_is_the_spread() -> None:
    """Over draws of 500 from 20,000 examples, so that the draws hardly overlap."""
    model, _ = line()
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 20_000)
    split = Split((random.normal(size=20_000) + 4.0 * y - 2.0)[:, None].astype(np.float32), y)
    data = Problem("two normal distributions", split, split, ("left", "right"))
    found: dict[int, list[Finding]] = {1: [], 5: []}
    for step, findings in found.items():
        for seed in range(60):
            subject = Subject(model, data, seed=seed)
            subject.level_step = step
            findings.append(mixup_response(subject))
    values = {step: [finding.value for finding in findings] for step, findings in found.items()}
    spread = {step: statistics.stdev(each) for step, each in values.items()}
    error = 4 * math.hypot(*spread.values()) / math.sqrt(60)
    assert statistics.fmean(values[5]) == pytest.approx(statistics.fmean(values[1]), abs=error)
    for step, findings in found.items():  # a standard deviation of 60 values is known to a tenth
        errors = [finding.details["standard_error"] for finding in findings]
        assert statistics.fmean(errors) == pytest.approx(spread[step], rel=0.3)


def line(right: bool = True) -> tuple[nn.Module, Problem]:
    """Two classes on a line, at -1 - d and 1 + d for d of 0 and 0.5, and the network that decides by the sign."""
    y = np.array([0, 0, 1, 1] * 3)
    x = np.array([-1.0, -1.5, 1.0, 1.5] * 3)[:, None].astype(np.float32)
    model = nn.Sequential(nn.Linear(1, 2, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[-1.0], [1.0]]) * (1 if right else -1))
    return model, Problem("line", Split(x, y), Split(x, y), ("left", "right"))


def test_two_classes_on_a_line_by_hand() -> None:
    model, data = line()
    found = values(model, data)
    # In the output (-x, x) all distances are sqrt(2) times those on the line: each S is 0.25, the means are 2.5 apart.
    assert found["davies_bouldin"] == pytest.approx((0.25 + 0.25) / 2.5)
    assert (found["label_mixup_accuracy"], found["davies_bouldin_mixup"]) == (1.0, 0.0)
    assert found["mixup_response_same_label"] == 0.0
    # x and x' of different signs: at most halves of 1 and 1.5 cancel, from a share of 0.4 of the larger one on.
    assert 0 <= found["mixup_response"] < 0.1


def test_a_network_that_is_always_wrong_responds_at_once() -> None:
    model, data = line(right=False)
    found = values(model, data)
    assert found["label_mixup_accuracy"] == 0.0
    assert found["mixup_response_same_label"] == pytest.approx(1.0)
    assert found["davies_bouldin_mixup"] == found["davies_bouldin"]


def test_permuted_units_and_names_of_classes_change_nothing() -> None:
    model, data = fitted(network("mlp"), 8).eval(), problem(36)
    before = values(model, data)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        model[1].weight.copy_(model[1].weight[order])
        model[1].bias.copy_(model[1].bias[order])
        model[3].weight.copy_(model[3].weight[:, order])
    assert values(model, data) == pytest.approx(before, rel=1e-6)  # of float32 sums in another order


def test_what_cannot_be_mixed_or_separated_is_skipped_with_its_reason() -> None:
    model, data = line()
    lonely = Problem("two", Split(data.train.x[[0, 2]], data.train.y[[0, 2]]), data.test, data.classes)
    rows = measure(model, lonely, measures=NAMES).set_index("name")
    assert "one label" in rows.loc["label_mixup_accuracy", "reason"]
    assert rows.loc["davies_bouldin_mixup", "status"] == "skipped"
    equal = Problem("equal", Split(np.ones((4, 1), np.float32), np.array([0, 0, 1, 1])), data.test, data.classes)
    rows = measure(model, equal, measures=NAMES).set_index("name")
    assert "same mean" in rows.loc["davies_bouldin", "reason"]


def test_a_value_does_not_depend_on_the_measures_beside_it() -> None:
    class Nested(nn.Module):
        """Answers 0 inside another pass of itself, which it would be if a pass were given up half-way."""

        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.first, self.last, self.depth = nn.Linear(64, 32), nn.Linear(32, 4), 0

        def forward(self, x: Tensor) -> Tensor:
            self.depth += 1
            scores: Tensor = self.last(torch.relu(self.first(x.flatten(1)))) * (self.depth == 1)
            self.depth -= 1
            return scores

    data = problem()
    alone = measure(Nested().eval(), data, measures=["mixup_response"])["value"].tolist()
    beside = measure(Nested().eval(), data, measures=["davies_bouldin", "mixup_response"])["value"].tolist()
    assert beside[1:] == alone
