"""Clusters and mixup, against plain loops, scikit-learn, laws and cases known by hand."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from measured_networks import fitted, network, problem
from sklearn.metrics import davies_bouldin_score
from torch import Tensor, nn

from gengap.data import Problem, Split
from gengap.measures import Subject, measure
from gengap.measures.catalogue.pgdl2020 import EXAMPLES

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
