"""Kernels by tiles against their formulas, entry by entry."""

import copy
import math
import warnings

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from torch import nn

from gengap.errors import InputError
from gengap.interpolate.kernel.formulas import KERNELS, NeuralTangent, median_bandwidth, named_kernel

RNG = np.random.default_rng(0)
A, B = RNG.standard_normal((7, 4)), RNG.standard_normal((5, 4))


def _arc_cosine(a, b):
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    angle = math.acos(a @ b / lengths)
    return lengths * (math.sin(angle) + (math.pi - angle) * math.cos(angle)) / math.pi


FORMULAS = {
    "gaussian": lambda a, b: math.exp(-sum((a - b) ** 2) / 2),
    "laplacian": lambda a, b: math.exp(-math.sqrt(sum((a - b) ** 2))),
    "laplacian-product": lambda a, b: math.exp(-sum(abs(a - b))),
    "cauchy": lambda a, b: 1 / (1 + sum((a - b) ** 2)),
    "cauchy-product": lambda a, b: math.prod(1 / (1 + (a - b) ** 2)),
    "linear": lambda a, b: a @ b,
    "polynomial": lambda a, b: (a @ b + 1) ** 3,
    "arc-cosine": _arc_cosine,
}


def _tile(name, a, b, dtype=torch.float64):
    return named_kernel(name).between(torch.tensor(a, dtype=dtype), torch.tensor(b, dtype=dtype)).double().numpy()


def test_every_kernel_has_its_formula_here():
    assert set(FORMULAS) == set(KERNELS)


@pytest.mark.parametrize("name", KERNELS)
def test_tiles_are_the_formula(name):
    expected = [[FORMULAS[name](a, b) for b in B] for a in A]
    np.testing.assert_allclose(_tile(name, A, B), expected, rtol=1e-12)
    np.testing.assert_allclose(_tile(name, A, B, torch.float32), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in KERNELS if named_kernel(name).stationary])
def test_equal_points_have_kernel_one_even_far_out(name):
    for distance in (1e2, 1e6):
        far = distance + A.astype(np.float32)
        np.testing.assert_array_equal(np.diagonal(_tile(name, far, far, torch.float32)), 1)
        np.testing.assert_array_equal(np.diagonal(_tile(name, far, far)), 1)


EXACT = {
    "gaussian": lambda squares: np.exp(-squares / 2),
    "laplacian": lambda squares: np.exp(-np.sqrt(squares)),
    "cauchy": lambda squares: 1 / (1 + squares),
}


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("scale", [3.0, 1e2, 1e4, 1e7, 1e9])
@pytest.mark.parametrize("clusters", [1, 3, 40])
def test_radial_kernels_keep_their_digits_over_many_bandwidths(name, scale, clusters):
    """In clusters of a bandwidth's size that lie ``scale`` apart, against differences in extended precision."""
    rng = np.random.default_rng(0)
    points = scale * rng.standard_normal((clusters, 3))[np.arange(120) % clusters] + rng.standard_normal((120, 3))
    wide = points.astype(np.longdouble)
    expected = EXACT[name](((wide[:, None] - wide) ** 2).sum(axis=2))
    np.testing.assert_allclose(_tile(name, points, points), expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(_tile(name, points[:1], points), expected[:1], rtol=0, atol=1e-13)
    narrow = points.astype(np.float32)
    wide = narrow.astype(np.longdouble)
    expected = EXACT[name](((wide[:, None] - wide) ** 2).sum(axis=2))
    np.testing.assert_allclose(_tile(name, narrow, narrow, torch.float32), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("option", [{"degree": math.nan}, {"degree": "x"}, {"degree": 1.5}, {"offset": math.inf}])
def test_a_polynomial_needs_a_whole_degree_and_a_finite_offset(option):
    with pytest.raises(InputError, match=next(iter(option))):
        named_kernel("polynomial", **option)


def test_the_laplacian_of_near_points_keeps_its_digits():
    near = A + 1e-9 * RNG.standard_normal(A.shape)
    distances = np.linalg.norm(A - near, axis=1)
    np.testing.assert_allclose(1 - np.diagonal(_tile("laplacian", A, near)), distances, rtol=1e-6)


@pytest.mark.parametrize("name", KERNELS)
def test_kernel_matrices_are_positive_semidefinite(name):
    points = RNG.standard_normal((40, 4))
    K = _tile(name, points, points)
    np.testing.assert_allclose(K, K.T, rtol=1e-12)
    assert np.linalg.eigvalsh(K)[0] >= -1e-12 * np.linalg.norm(K)


def test_the_arc_cosine_of_zero_is_zero():
    assert _tile("arc-cosine", np.zeros((1, 4)), B).tolist() == [[0.0] * 5]


def test_the_tangent_kernel_of_a_linear_network_by_hand():
    # f(x) = (w.x + b, v.x + c): each output's gradient is (x, 1), so the average over outputs is <a, b> + 1.
    kernel = named_kernel(NeuralTangent(nn.Linear(4, 2)))
    a, b = (kernel.features(torch.tensor(points)) for points in (A, B))
    np.testing.assert_allclose(kernel.between(a, b).numpy(), A @ B.T + 1, rtol=1e-12)


def test_the_tangent_kernel_is_that_of_autograd():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 3, 2), nn.Flatten(), nn.Tanh(), nn.Linear(3, 2))
    gradients = NeuralTangent(network).gradients(torch.tensor(A, dtype=torch.float32)).numpy()
    rows = []
    for a in torch.tensor(A, dtype=torch.float32):
        of_outputs = [torch.autograd.grad(out, network.parameters()) for out in _outputs(network, a)]
        rows.append(np.concatenate([np.concatenate([g.numpy().ravel() for g in grads]) for grads in of_outputs]))
    expected = np.array(rows) @ np.array(rows).T / 2
    np.testing.assert_allclose(gradients @ gradients.T, expected, rtol=1e-4, atol=1e-5)


def _outputs(network, a):
    for k in range(2):
        yield network(a[None])[0, k]


def test_a_large_network_is_refused():
    with pytest.raises(InputError, match=r"gradients of 7 examples take [0-9,]+ bytes"):
        NeuralTangent(nn.Sequential(nn.Linear(4, 2000), nn.Linear(2000, 2000))).gradients(torch.tensor(A))


class Scaled(nn.Module):
    """A parameter of no axes, and an input that is overwritten."""

    def __init__(self):
        super().__init__()
        self.factor, self.linear = nn.Parameter(torch.tensor(2.0)), nn.Linear(4, 3)

    def forward(self, x):
        return self.factor * self.linear(x.add_(1))


def _reference(network, points):
    """Gradients of a copy in evaluation mode, one output and one example at a time, in float64."""
    network, rows = copy.deepcopy(network).eval().double(), []
    for a in torch.tensor(points, dtype=torch.float64):
        scores = network(a.reshape(1, *SHAPES.get(type(network[0]), (-1,))).clone())[0]
        for score in scores:
            found = torch.autograd.grad(score, list(network.parameters()), retain_graph=True)
            rows.append(torch.cat([g.reshape(-1) for g in found]) / len(scores) ** 0.5)
    gradients = torch.stack(rows).reshape(len(points), -1)
    return (gradients @ gradients.T).numpy()


SHAPES = {nn.Conv2d: (1, 2, 2)}
NETWORKS = {
    "batch norm of images": lambda: nn.Sequential(
        nn.Conv2d(1, 3, 2, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(27, 2)
    ),
    "batch norm of vectors": lambda: nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 2)),
    "a scalar parameter": lambda: nn.Sequential(Scaled()),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_tangent_kernel_is_that_of_evaluation_mode_and_leaves_the_network_alone(name, dtype):
    torch.manual_seed(0)
    network = NETWORKS[name]()
    shape = SHAPES.get(type(network[0]))
    network(torch.randn(16, *(shape or (4,))))  # statistics that differ from their beginning
    network[-1].eval()  # one part alone
    before, modes = copy.deepcopy(network.state_dict()), [part.training for part in network.modules()]
    points = torch.tensor(A, dtype=dtype)
    with torch.inference_mode():
        gradients = NeuralTangent(network, shape).gradients(points).numpy()
    np.testing.assert_allclose(gradients @ gradients.T, _reference(network, A), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(points.numpy(), A.astype(points.numpy().dtype))
    assert [part.training for part in network.modules()] == modes
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_training_after_fit_does_not_reach_the_kernel():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 1))
    features = named_kernel(NeuralTangent(network)).features
    before = features(torch.tensor(A))
    with torch.no_grad():
        network[0].weight.mul_(2)
    assert torch.equal(features(torch.tensor(A)), before)


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_a_network_with_weight_norm_that_has_run_can_be_copied():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        network = nn.Sequential(nn.utils.weight_norm(nn.Linear(4, 2)))
    network(torch.randn(3, 4))
    assert NeuralTangent(network).gradients(torch.tensor(A)).shape == (7, 2 * (8 + 2 + 2))


@pytest.mark.parametrize(
    ("kernel", "told"),
    [
        (NeuralTangent(nn.Linear(4, 2), (1, 2, 3)), r"shape = \(1, 2, 3\) for examples of 4 features"),
        (NeuralTangent(nn.Linear(5, 2)), r"does not take an example of shape \(4,\)"),
        (NeuralTangent(nn.Flatten()), "requires a gradient"),
    ],
)
def test_networks_that_do_not_fit_are_told(kernel, told):
    with pytest.raises(InputError, match=told):
        kernel.gradients(torch.tensor(A))


POINTS = np.random.default_rng(0).standard_normal((50, 4))


def test_the_bandwidth_is_half_the_median_distance():
    assert median_bandwidth(POINTS, "gaussian", 0) == pytest.approx(np.median(pdist(POINTS)) / 2)
    assert median_bandwidth(POINTS, "laplacian-product", 0) == pytest.approx(np.median(pdist(POINTS, "cityblock")) / 2)


def test_the_bandwidth_scales_with_the_points_and_does_not_depend_on_how_many_there_are():
    assert median_bandwidth(3 * POINTS, "gaussian", 0) == pytest.approx(3 * median_bandwidth(POINTS, "gaussian", 0))
    many = np.random.default_rng(1).standard_normal((3000, 4))
    assert median_bandwidth(many, "gaussian", 0) == pytest.approx(
        median_bandwidth(many[:1000], "gaussian", 0), rel=0.05
    )


def test_equal_points_have_no_bandwidth():
    with pytest.raises(InputError, match="equal"):
        median_bandwidth(np.ones((9, 2)), "gaussian", 0)


@pytest.mark.parametrize(
    "arguments",
    [(A, "gauss", 0), (A, "gaussian", -1), (A, "gaussian", 2.5), (A[:1], "gaussian", 0), (3.0, "gaussian", 0)],
    ids=["kernel", "negative seed", "fraction", "one point", "no points"],
)
def test_a_median_of_what_is_no_data_is_refused(arguments):
    with pytest.raises(InputError):
        median_bandwidth(*arguments)
