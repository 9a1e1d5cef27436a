"""What an audit says where a model is fed other inputs than those it was trained on."""

import pytest
import torch
from audited_networks import blobs
from torch import nn

import gengap
from gengap.data import Problem, load
from gengap.tasks.audit.input_doubts import batch_norm_doubt, raw_pixels_doubt


def trained_batch_norm(problem: Problem, scale: float = 1.0, shift: float = 0.0) -> nn.Sequential:
    """A network whose batch norm has seen the training inputs times a scale plus a shift."""
    x = torch.from_numpy(problem.train.x.copy())
    network = nn.Sequential(nn.BatchNorm1d(x.shape[1], momentum=None), nn.Linear(x.shape[1], problem.n_classes))
    network(scale * x + shift)
    return network.eval()


@pytest.mark.parametrize(
    ("scale", "shift", "far"), [(1, 0, False), (1.5, 0, False), (2, 0, True), (0.5, 0, True), (1, 50, True)]
)
def test_the_first_batch_norm_shows_inputs_of_another_scale_or_mean(scale: float, shift: float, far: bool) -> None:
    problem = blobs()
    assert ("first batch norm" in batch_norm_doubt(trained_batch_norm(problem, scale, shift), problem, 0)) is far


def test_a_batch_norm_behind_another_normalisation_or_never_trained_is_not_judged() -> None:
    problem = blobs()
    far = trained_batch_norm(problem, 100)
    assert batch_norm_doubt(far, problem, 0)
    assert not batch_norm_doubt(nn.Sequential(nn.LayerNorm(problem.train.x.shape[1]), *far), problem, 0)
    assert not batch_norm_doubt(nn.Sequential(nn.BatchNorm1d(problem.train.x.shape[1]), far[1]).eval(), problem, 0)
    few = problem.take(20, None)
    assert not batch_norm_doubt(trained_batch_norm(few, 100), few, 0)
    assert not any(module._forward_pre_hooks for module in far)


def test_raw_pixels_are_pointed_out_where_the_accuracy_is_low() -> None:
    assert "0 to 255" in raw_pixels_doubt(True, 0.89)
    assert not raw_pixels_doubt(True, 0.95)
    assert not raw_pixels_doubt(False, 0.4)


@pytest.mark.usefixtures("brief")
def test_the_warning_stands_before_the_verdict_and_first_among_the_steps() -> None:
    problem = load("digits").preprocess(crop=None, scale="none")
    torch.manual_seed(0)
    found = gengap.audit(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), data=problem, quick=True)
    assert found.subject["raw_pixels"]
    assert "Warning: it is fed pixels from 0 to 255" in found.inputs
    assert found.next_steps[0].startswith("First see that the inputs")
