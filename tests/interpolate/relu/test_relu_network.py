"""The network itself: Theorem 1 at depth 2, Corollary 1 deeper."""

import math

import numpy as np
import pytest
import torch

from gengap.errors import InputError
from gengap.interpolate import ReLUInterpolator

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((60, 5)), RNG.standard_normal(60)
MADE = ReLUInterpolator(random_state=0).fit(X, Y)


@pytest.mark.parametrize("depth", [2, 3, 5, 8, 60, 61])
def test_every_depth_is_the_same_function(depth):
    network = MADE.to_module(depth=depth)
    new = np.concatenate([X, RNG.standard_normal((100, 5))])
    with torch.no_grad():
        np.testing.assert_allclose(network(torch.tensor(new)), MADE.predict(new), rtol=0, atol=1e-9)
    assert sum(p.numel() for p in network.parameters()) == MADE.n_weights_ == 2 * 60 + 5


@pytest.mark.parametrize(("depth", "width"), [(2, 60), (3, 33), (5, 18), (8, 12), (41, 5), (61, 4)])
def test_width_is_n_over_the_hidden_layers_and_three(depth, width):
    assert MADE.to_module(depth=depth).width == width


def test_depth_counts_layers_that_depend_on_each_other():
    """As a plain stack of affine maps with a ReLU after each but the last: the same values."""
    network = MADE.to_module(depth=4)
    a, b, w = (p.detach().numpy() for p in (network.direction, network.knots, network.weights[:, 0]))
    h = np.maximum(np.outer(X @ a, np.ones(20)) - b[:20], 0)  # layer 1; its first unit is u
    u, total = h[:, 0], h @ w[:20]
    for block in (slice(20, 40), slice(40, 60)):  # layers 2 and 3 see only the layer before
        layer = np.maximum(np.column_stack([u, total, -total, u[:, None] - (b[block] - b[0])]), 0)
        u, total = layer[:, 0], layer[:, 1] - layer[:, 2] + layer[:, 3:] @ w[block]
    with torch.no_grad():
        np.testing.assert_allclose(network(torch.tensor(X)), total, rtol=0, atol=1e-9)


def test_residual_is_the_worst_error_at_the_training_points():
    network = MADE.to_module(torch.float32, depth=3, tolerance=math.inf)
    t = torch.tensor(MADE._segments.points, dtype=torch.float32)
    with torch.no_grad():
        worst = np.abs(network.along(t).numpy().astype(float) - MADE._segments.values).max()
    assert network.residual == pytest.approx(worst)
    assert network.residual > 1e-9


def test_steep_float32_is_refused_with_the_figure():
    x, y = RNG.standard_normal((2000, 1)), RNG.standard_normal(2000)
    made = ReLUInterpolator(random_state=0).fit(x, y)
    with pytest.raises(InputError, match=r"Summed in float32, the network misses a label by \d") as refused:
        made.to_module(torch.float32)
    useless = made.to_module(torch.float32, tolerance=math.inf)
    assert useless.residual > 1e-3 * abs(y).max()
    assert f"{useless.residual:.3g}" in str(refused.value)
    assert made.to_module(torch.float64).residual < 1e-6 * abs(y).max()


def test_weights_that_overflow_are_refused():
    made = ReLUInterpolator(random_state=0).fit([[0.0], [1e-5], [1.0]], [1e35, -1e35, 1e35])
    with pytest.raises(InputError, match="misses a label by nan"):
        made.to_module(torch.float32)


def test_few_points_far_apart_fit_in_float32():
    made = ReLUInterpolator(random_state=0).fit([[0.0], [1.0], [2.0]], [1.0, -1.0, 1.0])
    network = made.to_module(torch.float32)
    assert network.residual < 1e-5
    assert network(torch.tensor([[0.0], [1.0], [2.0]])).tolist() == pytest.approx([1, -1, 1], abs=1e-5)


def test_outputs_keep_their_shape():
    made = ReLUInterpolator(random_state=0).fit(X, np.column_stack([Y, Y**2]))
    network = made.to_module(depth=3)
    with torch.no_grad():
        np.testing.assert_allclose(network(torch.tensor(X)), np.column_stack([Y, Y**2]), rtol=0, atol=1e-9)
    assert network.width == 30 + 1 + 4


@pytest.mark.parametrize("depth", [1, 62])
def test_impossible_depths_are_told(depth):
    with pytest.raises(InputError, match=f"depth = {depth}"):
        MADE.to_module(depth=depth)
