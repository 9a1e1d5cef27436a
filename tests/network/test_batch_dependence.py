"""Scores that depend on the batch are seen, and said in every row that they spoil."""

import math

import pytest
import torch
from measured_networks import CLASSES, NETWORKS, mlp, network, problem
from torch import Tensor, nn

from gengap import measure
from gengap.measures.normalisation import NotHomogeneousError, normalised_loss
from gengap.network import plain_copy
from gengap.network.batch_dependence import BatchDependence, batch_dependence

X = torch.from_numpy(problem().train.x.copy())


class OverTheBatch(nn.Module):
    """Something that normalises over the batch, before a linear layer."""

    def __init__(self, kind: str):
        super().__init__()
        self.first, self.kind, self.head = nn.Linear(64, 6), kind, nn.Linear(6, CLASSES)
        self.norm = nn.BatchNorm1d(6, track_running_stats=False)
        self.lstm = nn.LSTM(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.first(x.flatten(1)))
        if self.kind == "batch norm":
            h = self.norm(h)
        elif self.kind == "centred":
            h = h - h.mean(0)
        elif self.kind == "functional":
            h = nn.functional.batch_norm(h, None, None, training=True)
        elif self.kind == "softmax":
            h = h.softmax(0)
        elif self.kind == "sequence":  # a batch that an LSTM takes for a sequence
            h = self.lstm(h[:, None])[0][:, 0]
        return self.head(h)


KINDS = ["batch norm", "centred", "functional", "softmax", "sequence"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_mixes_examples_is_seen(kind: str) -> None:
    torch.manual_seed(0)
    found = batch_dependence(plain_copy(OverTheBatch(kind)), X)
    assert found.share > 0.001
    assert "batch" in found.reason
    if kind == "batch norm":
        assert "norm: BatchNorm1d" in found.reason


@pytest.mark.parametrize("name", NETWORKS)
def test_usual_networks_treat_each_example_by_itself(name: str) -> None:
    assert batch_dependence(plain_copy(network(name)), X) == BatchDependence()
    assert batch_dependence(plain_copy(OverTheBatch("none")), X) == BatchDependence()


def test_float64_is_asked_only_where_the_networks_own_type_is_not_enough() -> None:
    seen: list[torch.dtype] = []

    class Watched(OverTheBatch):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x.dtype)
            return super().forward(x)

    torch.manual_seed(0)
    batch_dependence(plain_copy(Watched("none")), X)
    assert seen == [torch.float32] * 3
    found = batch_dependence(plain_copy(Watched("centred")), X)
    assert found.share > 0.001
    assert torch.float64 in seen


def test_one_example_has_no_companions() -> None:
    assert batch_dependence(plain_copy(mlp()), X[:1]) == BatchDependence()
    assert math.isinf(batch_dependence(plain_copy(OverTheBatch("batch norm")), X[:2]).share)


OF_SCORES = ["cross_entropy", "margin_median", "negative_entropy", "fisher_rao", "gradient_noise_final"]
OF_WEIGHTS = ["param_norm", "all_params"]


@pytest.mark.parametrize("kind", ["batch norm", "centred"])
def test_every_row_that_is_spoiled_says_so_and_no_other(kind: str) -> None:
    torch.manual_seed(0)
    rows = measure(OverTheBatch(kind), problem(), measures=OF_SCORES + OF_WEIGHTS).set_index("name")
    for name in OF_SCORES:
        assert rows.status[name] == "skipped", name
        assert "batch" in rows.reason[name]
    for name in OF_WEIGHTS:
        assert rows.value[name] > 0
        assert "other examples" not in rows.reason[name]


@pytest.mark.parametrize("kind", ["batch norm", "centred"])
def test_such_a_network_has_no_normalised_loss(kind: str) -> None:
    torch.manual_seed(0)
    with pytest.raises(NotHomogeneousError):
        normalised_loss(OverTheBatch(kind), problem())


def test_the_network_stays_as_it_is() -> None:
    class Counting(nn.Linear):
        passes = 0

        def forward(self, x: Tensor) -> Tensor:
            self.passes += 1
            return super().forward(x)

    model = Counting(X[0].numel(), CLASSES).eval()
    assert batch_dependence(model, X.flatten(1)) == BatchDependence()
    assert model.passes == 0
