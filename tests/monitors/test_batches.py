"""Batches and labels as people have them."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gengap.errors import InputError
from gengap.monitors import NormalisedLossMonitor
from gengap.monitors.batches import inputs_and_labels, with_labels

X, Y = torch.randn(20, 6, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 3
SCORES = torch.randn(20, 3, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    "batch",
    [(X, Y), [X, Y], (X, Y, torch.arange(20)), {"x": X, "y": Y}, {"index": Y, "pixel_values": X, "labels": Y}],
    ids=["pair", "list", "with an index", "mapping", "mapping with more"],
)
def test_inputs_and_labels_are_told_apart(batch: Any) -> None:
    x, y = inputs_and_labels(batch)
    assert x is X
    assert y is Y


def test_names_may_be_given() -> None:
    assert inputs_and_labels({"a": X, "b": Y}, "a", "b")[1] is Y
    with pytest.raises(InputError, match="has no 'c'"):
        inputs_and_labels({"a": X, "b": Y}, "c")


@pytest.mark.parametrize("batch", [X, {"x": X}, (X,), "text", {"x": X, "y": [1, 2]}, None])
def test_other_batches_are_refused(batch: Any) -> None:
    with pytest.raises(InputError):
        inputs_and_labels(batch)


@pytest.mark.parametrize("kind", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
@pytest.mark.parametrize("column", [False, True])
def test_whole_numbers_are_class_indices(kind: torch.dtype, column: bool) -> None:
    labels = Y.to(kind)[:, None] if column else Y.to(kind)
    scores, found = with_labels(SCORES, labels)
    assert torch.equal(found, Y)
    assert torch.equal(scores, SCORES)


def test_ignored_examples_are_left_out() -> None:
    labels = Y.clone()
    labels[::2] = -100
    scores, found = with_labels(SCORES, labels)
    assert torch.equal(scores, SCORES[1::2])
    assert torch.equal(found, Y[1::2])
    with pytest.raises(InputError, match="No example of 20 has a label"):
        with_labels(SCORES, torch.full((20,), -100))


@pytest.mark.parametrize(
    "labels",
    [Y + 1, Y - 1, Y.double(), Y[:5], SCORES[:, :2], Y.reshape(10, 2), Y.to(torch.complex64)],
    ids=["above", "below", "real", "too few", "too narrow", "matrix", "complex"],
)
def test_other_labels_are_refused(labels: Tensor) -> None:
    with pytest.raises(InputError):
        with_labels(SCORES, labels)


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def test_soft_labels_are_weighed() -> None:
    """Naive: the mean over examples of -sum_c p_c ln softmax(f / product)_c, and of sum_c p_c f_c - mean_c f_c."""
    soft = torch.softmax(SCORES.double(), 1)
    soft[0] = torch.tensor([1.0, 0.0, 0.0])
    record = NormalisedLossMonitor(_network(), (X, soft)).measure()
    hard = NormalisedLossMonitor(_network(), (X, Y)).measure()
    product = torch.tensor(record.log_product_norm).double().exp()
    f = _network()(X).detach().double() / product
    assert record.log_product_norm == hard.log_product_norm
    loss = sum(-(p * torch.log(torch.exp(g) / torch.exp(g).sum())).sum() for p, g in zip(soft, f, strict=True)) / 20
    signal = sum((p * g).sum() - g.mean() for p, g in zip(soft, f, strict=True)) / 20
    assert record.normalised_loss == pytest.approx(float(loss), rel=1e-9)
    assert record.signal == pytest.approx(float(signal), rel=1e-6)  # a difference of numbers of float32


def test_one_hot_labels_are_class_indices() -> None:
    one_hot = nn.functional.one_hot(Y, 3).float()
    hard, soft = (NormalisedLossMonitor(_network(), (X, labels)).measure() for labels in (Y, one_hot))
    assert soft.normalised_loss == pytest.approx(hard.normalised_loss, rel=1e-12)
    assert soft.signal == pytest.approx(hard.signal, rel=1e-9)


@pytest.mark.parametrize("labels", [Y + 1, Y.double(), Y[:5], [0] * 20])
def test_a_sample_that_cannot_be_used_is_refused_before_the_first_step(labels: Any) -> None:
    with pytest.raises(InputError):
        NormalisedLossMonitor(_network(), (X, labels))


@pytest.mark.parametrize(
    ("logits", "labels"),
    [(SCORES, Y + 1), (SCORES, Y.double()), (SCORES[None], Y), (SCORES, Y[:5]), (SCORES, torch.full((20,), -100))],
    ids=["out of range", "real", "sequence", "too few", "none"],
)
def test_no_step_ends_the_training(logits: Tensor, labels: Tensor) -> None:
    monitor = NormalisedLossMonitor(_network())
    record = monitor.from_logits(logits, labels)
    assert (record.normalised_loss, record.loss) == (None, None)
    assert record.reason
    assert monitor.from_logits(SCORES, Y).reason == ""
    assert len(monitor.history) == 2


def test_a_network_that_fails_later_gets_the_reason() -> None:
    network = _network()
    monitor = NormalisedLossMonitor(network, (X, Y))
    del network[2]
    network.append(nn.Linear(9, 3))
    assert monitor.measure().reason.startswith("RuntimeError")
