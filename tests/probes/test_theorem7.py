"""Theorem 7's terms, from the path kernel, equal those of enumerated paths; and add up to the gap."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from gengap.data import Problem, Split
from gengap.errors import InputError
from gengap.probes import path_features, theorem7
from gengap.probes.paths import path_weights
from gengap.probes.theorem7 import memory_needed


def problem(shape: tuple[int, ...], classes: int, m: int = 9, others: int = 14) -> Problem:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(m + others, *shape)), np.arange(m + others) % classes
    return Problem("made-up", Split(x[:m], y[:m]), Split(x[m:], y[m:]), tuple("abcdef"[:classes]))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.relu(x + self.a(x))
        return self.c(torch.relu(h + self.b(h)))


def networks() -> dict[str, tuple[nn.Module, tuple[int, ...], int]]:
    torch.manual_seed(1)
    conv, head = nn.Conv2d(1, 2, 3), nn.Sequential(nn.Flatten(), nn.Linear(8, 3))
    deep = [nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)]
    average = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return {
        "fully connected": (nn.Sequential(*deep), (3,), 2),
        "convolution": (nn.Sequential(nn.Conv2d(1, 2, 2, stride=2), nn.ReLU(), head), (1, 4, 4), 3),
        "maximum pool": (nn.Sequential(conv, nn.ReLU(), nn.MaxPool2d(2), head), (1, 6, 6), 3),
        "average pool": (nn.Sequential(conv, nn.ReLU(), nn.AvgPool2d(2), head), (1, 6, 6), 3),
        "residual": (Residual(), (3,), 2),
        "paths apart": (nn.Sequential(conv, nn.ReLU(), nn.Conv2d(2, 3, 1), nn.ReLU(), *average), (1, 5, 5), 3),
        "one output": (nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1)), (3,), 2),
    }


NETWORKS = networks()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_terms_are_those_of_enumerated_paths(name: str) -> None:
    model, shape, classes = NETWORKS[name]
    data = problem(shape, classes)
    found = theorem7(model, data)
    train, test = torch.from_numpy(data.train.x), torch.from_numpy(data.test.x)
    z = path_features(model, torch.cat([train, test]))
    w = path_weights(model, train)
    m = len(train)
    if name == "one output":
        y = torch.cat([torch.from_numpy(s.y) for s in (data.train, data.test)]).double()[:, None]
    else:
        y = torch.eye(classes).double()[np.concatenate([data.train.y, data.test.y])]
    np.testing.assert_allclose(found.weight_norms, w.norm(dim=1), rtol=1e-12)
    for k in range(w.shape[0]):
        block = z[:, w[k] != 0] if len(found.spectra) > 1 else z
        weights = w[k][w[k] != 0] if len(found.spectra) > 1 else w[k]
        G = block[m:].T @ block[m:] / len(test) - block[:m].T @ block[:m] / m
        eigenvalues, vectors = torch.linalg.eigh(G)
        kept = eigenvalues.abs() > 1e-10 * eigenvalues.abs().max()
        ours, cosines = found._spectrum(k)
        np.testing.assert_allclose(ours, eigenvalues[kept].flip(0), rtol=1e-8, atol=1e-12)
        expected = (vectors.T @ weights).square()[kept].flip(0) / weights.square().sum()
        np.testing.assert_allclose(cosines, expected, rtol=1e-6, atol=1e-10)
        v = (y[:m, k, None] * block[:m]).mean(0) - (y[m:, k, None] * block[m:]).mean(0)
        assert found.v_norms[k] == pytest.approx(float(v.norm()), rel=1e-10)
        assert found.v_cosines[k] == pytest.approx(float(v @ weights / v.norm() / weights.norm()), rel=1e-9)
        assert found.labels[k] == pytest.approx(2 * float(v @ weights), rel=1e-10)
        assert found.concentration[k] == pytest.approx(float(weights @ G @ weights), rel=1e-10)


@pytest.mark.parametrize("population", ["test", "all"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_terms_add_up_to_the_gap(name: str, population: str) -> None:
    model, shape, classes = NETWORKS[name]
    data = problem(shape, classes)
    found = theorem7(model, data, population=population)
    assert found.identity_error < 1e-13
    assert found.spectral_error < 1e-8
    np.testing.assert_allclose(found.angular_labels, found.labels, rtol=1e-12)
    np.testing.assert_allclose(found.spectral_concentration, found.concentration, rtol=1e-7)
    assert found.gap <= found.bound
    outputs = copy.deepcopy(model).double()(torch.from_numpy(data.train.x)).detach().numpy()
    y = data.train.y[:, None] if outputs.shape[1] == 1 else np.eye(classes)[data.train.y]
    assert found.empirical_risk == pytest.approx(((outputs - y) ** 2).sum(1).mean(), rel=1e-12)


def test_by_hand() -> None:
    """f(x) = 2 x for S = {(1, class 1)}, P = {(3, class 1), (1, class 0)}: losses 1, 25 and 4."""
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(2.0)
    data = Problem(
        "by hand",
        Split(np.array([[1.0]]), np.array([1])),
        Split(np.array([[3.0], [1.0]]), np.array([1, 0])),
        ("0", "1"),
    )
    found = theorem7(model, data)
    assert (found.empirical_risk, found.risk, found.gap) == (1, 14.5, 13.5)
    assert found.c_y == -0.5
    assert found.weight_norms.tolist() == [2]
    assert found.v_norms.tolist() == [0.5]  # 1 * 1 - (1 * 3 + 0 * 1) / 2
    assert found.v_cosines.tolist() == [-1]
    assert found.spectra[0].eigenvalues.tolist() == pytest.approx([4])  # (9 + 1) / 2 - 1
    assert found.labels.tolist() == [-2]
    assert found.concentration.tolist() == [16]
    assert math.isclose(found.bound, 2 * 0.5 * 2 + 4 * 4 - 0.5)


def test_a_population_that_is_the_sample_has_no_gap() -> None:
    model, shape, classes = NETWORKS["fully connected"]
    data = problem(shape, classes)
    same = Problem("same", data.train, data.train, data.classes)
    found = theorem7(model, same)
    assert abs(found.gap) < 1e-14
    another = theorem7(model, data)  # whose eigenvalues say what rounding is to be measured by
    assert np.abs(found.spectra[0].eigenvalues).max() < 1e-14 * np.abs(another.spectra[0].eigenvalues).max()


def test_refuses_what_is_no_identity() -> None:
    model, shape, classes = NETWORKS["fully connected"]
    with pytest.raises(InputError, match="cross_entropy"):
        theorem7(model, problem(shape, classes), loss="cross_entropy")
    with pytest.raises(InputError, match="population"):
        theorem7(model, problem(shape, classes), population="everything")
    with pytest.raises(InputError, match="2 outputs for 3 classes"):
        theorem7(model, problem(shape, 3))
    with pytest.raises(InputError, match=r"23 examples need 0\.\d+ GB"):
        theorem7(model, problem(shape, classes), max_memory=1000)


def test_kernels_of_outputs_without_common_paths_all_need_memory() -> None:
    model, shape, classes = NETWORKS["paths apart"]
    data = problem(shape, classes, 2000, 2000)
    matrix = 8 * 4000**2
    assert memory_needed(model, data) >= (5 + 3) * matrix
    with pytest.raises(InputError, match=r"4,000 examples need 1 GB for their path kernels"):
        theorem7(model, data, max_memory=(5 + 3) * matrix - 1)
    model, shape, classes = NETWORKS["fully connected"]
    assert memory_needed(model, problem(shape, classes, 2000, 2000)) == (5 + 1) * matrix


def test_real_gates_are_not_covered_by_name() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.SiLU(), nn.Linear(4, 2))
    found = theorem7(model, problem((3,), 2))
    assert found.identity_error < 1e-12
    assert "1 (silu)" in found.not_covered[0]
