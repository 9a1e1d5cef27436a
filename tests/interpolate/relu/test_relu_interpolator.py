"""Theorem 1 of Zhang et al. 2017: any labels, 2n + d weights."""

import os
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.estimator_checks import parametrize_with_checks

from gengap.errors import InputError
from gengap.interpolate import ReLUInterpolator, lemma_matrix
from gengap.interpolate.relu.directions import projections
from gengap.interpolate.relu.triangular import interpolating_segments

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((60, 5)), RNG.standard_normal(60)


@parametrize_with_checks([ReLUInterpolator(random_state=0)])
def test_scikit_learns_contract(estimator, check):
    check(estimator)


coordinates = st.integers(-1000, 1000).map(lambda k: k / 8)
points = st.integers(1, 4).flatmap(
    lambda d: st.lists(st.tuples(*[coordinates] * d), min_size=1, max_size=12, unique=True)
)


@given(x=points, data=st.data())
def test_any_labels_on_any_points(x, data):
    y = np.array(data.draw(st.lists(st.floats(-1e6, 1e6), min_size=len(x), max_size=len(x))))
    made = ReLUInterpolator(random_state=0).fit(np.array(x), y)
    np.testing.assert_allclose(made.predict(np.array(x)), y, rtol=0, atol=1e-12 * max(abs(y)))
    assert made.n_weights_ == 2 * len(x) + len(x[0])
    assert made.n_weights_ == made.direction_.size + made.knots_.size + made.weights_.size


@given(x=points, data=st.data())
def test_the_function_stays_near_its_labels(x, data):
    y = np.array(data.draw(st.lists(st.floats(-1, 1), min_size=len(x), max_size=len(x))))
    made = ReLUInterpolator(random_state=0).fit(np.array(x), y)
    t = np.linspace(made.knots_[0], made._segments.points[-1], 500)
    jump = np.abs(np.diff(made._segments.values[:, 0], prepend=0.0)).max()
    assert np.abs(made._segments(t)).max() <= max(abs(y)) + jump / 6 + 1e-12  # 4/3 of the jump over 1/8 of the gap


def test_two_points_by_hand():
    made = interpolating_segments(np.array([0.0, 1.0]), np.array([[1.0], [3.0]]))
    assert made.knots.tolist() == [-1, 1 / 8]
    np.testing.assert_allclose(made.weights[:, 0], [1, (3 - 2) / (7 / 8)])  # at 1 the first unit alone gives 2
    np.testing.assert_allclose(made(np.array([-5, -0.5, 0, 1, 2]))[:, 0], [0, 0.5, 1, 3, 3 + 15 / 7])


def test_three_points_by_hand():
    made = interpolating_segments(np.array([0.0, 8.0, 10.0]), np.array([[10.0], [18.0], [20.0]]))
    assert made.knots.tolist() == [-10, 1, 8.25]
    np.testing.assert_allclose(made.weights[:, 0], [1, 0, 0], atol=1e-15)  # the points lie on the line t + 10


def test_weights_solve_the_lemmas_system():
    made = ReLUInterpolator(random_state=0).fit(X, Y)
    order = np.argsort(X @ made.direction_)
    A, smallest = lemma_matrix((X @ made.direction_)[order], made.knots_)
    np.testing.assert_allclose(made.weights_, np.linalg.solve(A, Y[order]), rtol=1e-8)
    assert smallest == pytest.approx(np.linalg.eigvals(A).min(), rel=1e-12)
    assert np.array_equal(A, np.tril(A))


@pytest.mark.parametrize(
    ("x", "b"), [([0, 1], [-1, 0]), ([0, 1], [0, 0.5]), ([1, 0], [-1, 0.5]), ([0], [-1, 0]), ([], [])]
)
def test_lemma_wants_points_and_knots_to_alternate(x, b):
    with pytest.raises(InputError, match=r"alternate|shape"):
        lemma_matrix(x, b)


def test_pieces_equal_the_sum_over_units_in_exact_arithmetic():
    made = ReLUInterpolator(random_state=0).fit(X, Y)
    w, b = ([Fraction(v) for v in part.tolist()] for part in (made.weights_, made.knots_))
    new = RNG.standard_normal((20, 5))
    for t, c in zip(projections(new, made.direction_[None])[:, 0].tolist(), made.predict(new), strict=True):
        exact = sum(wj * max(Fraction(t) - bj, 0) for wj, bj in zip(w, b, strict=True))
        assert c == pytest.approx(float(exact), rel=1e-9, abs=1e-9)


def test_the_order_of_points_does_not_matter():
    order = RNG.permutation(60)
    one, other = (ReLUInterpolator(random_state=0).fit(X[i], Y[i]) for i in (np.arange(60), order))
    assert np.array_equal(one.weights_, other.weights_)
    assert np.array_equal(one.knots_, other.knots_)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray])
def test_points_come_out_right_alone_and_in_any_layout(dtype, layout):
    x = RNG.permutation(10**6)[:3000].reshape(50, 60).astype(dtype)
    y = RNG.standard_normal(50)
    made = ReLUInterpolator(random_state=0).fit(layout(x), y)
    assert made.residual_ <= 1e-12
    assert np.concatenate([made.predict(row[None]) for row in x]) == pytest.approx(y, abs=1e-12)


def test_outputs_share_the_line():
    y = np.column_stack([Y, -2 * Y, RNG.standard_normal(60)])
    made = ReLUInterpolator(random_state=0).fit(X, y)
    assert made.n_weights_ == 5 + 60 + 3 * 60
    for k in range(3):
        alone = ReLUInterpolator(random_state=0).fit(X, y[:, k])
        np.testing.assert_allclose(made.weights_[:, k], alone.weights_, rtol=1e-12)
        np.testing.assert_allclose(made.predict(X)[:, k], y[:, k], rtol=0, atol=1e-12)


def test_the_direction_is_the_best_separating_one():
    made = ReLUInterpolator(n_directions=20, random_state=3).fit(X, Y)
    directions = np.random.RandomState(3).standard_normal((20, 5))
    gaps = [np.diff(np.sort(X @ (a / np.linalg.norm(a)))).min() for a in directions]
    assert made.min_gap_ == pytest.approx(max(gaps), rel=1e-9)
    assert np.linalg.norm(made.direction_) == pytest.approx(1)


def test_equal_points_with_equal_labels_count_once():
    once, twice = X, np.concatenate([X, X[::-1]])
    made = ReLUInterpolator(random_state=0).fit(twice, np.concatenate([Y, Y[::-1]]))
    assert made.n_weights_ == 2 * 60 + 5
    assert made.n_distinct_ == 60
    assert np.array_equal(made.weights_, ReLUInterpolator(random_state=0).fit(once, Y).weights_)


def test_equal_points_with_different_labels_are_named():
    x, y = np.concatenate([X, X[17:18]]), np.append(Y, Y[17] + 1)
    with pytest.raises(InputError, match=r"Points 17 and 60 are equal and have different labels"):
        ReLUInterpolator(random_state=0).fit(x, y)


def test_points_that_float64_cannot_tell_apart_are_refused():
    with pytest.raises(InputError, match=r"Points 0 and 1 differ, but"):
        ReLUInterpolator(random_state=0).fit([[1.0, 1e-300], [1.0, 2e-300], [0.0, 0.0]], [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match=r"apart, where float64 resolves"):
        ReLUInterpolator(random_state=0).fit([[1.0], [np.nextafter(1.0, 2.0)], [0.0]], [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("x", "y", "told"),
    [
        ([[1.0, np.nan], [1.0, 2.0]], [1, 2], "NaN"),
        ([[1.0], [2.0]], [1, np.inf], "infinity"),
        ([[1.0], [2.0]], [1, 2, 3], "inconsistent numbers of samples"),
        ([[1.0, 2.0]] * 3, [1, 1, 1], "every feature is constant"),
        ([[0.0], [1e-300], [1.0]], [0, 1e300, 0], "slope is beyond"),
    ],
)
def test_bad_input_is_told(x, y, told):
    with pytest.raises(InputError, match=told):
        ReLUInterpolator(random_state=0).fit(x, y)


@pytest.mark.parametrize("bad", [0, "4", 2.5, None])
def test_no_direction_is_bad_input(bad):
    with pytest.raises(InputError, match=f"n_directions = {bad!r}"):
        ReLUInterpolator(n_directions=bad).fit(X, Y)
    with pytest.raises(InputError, match="random_state = 'a'"):
        ReLUInterpolator(random_state="a").fit(X, Y)


@pytest.mark.parametrize("x", [[0.0, np.inf], [0.0, np.nan], ["0", "1"], [-1.7e308, 1.7e308]])
def test_lemma_1_is_of_finite_numbers(x):
    with pytest.raises(InputError):
        lemma_matrix(x, [-1.75e308, 0.5])


@pytest.mark.parametrize(("depth", "tolerance"), [("3", 1e-3), (2.5, 1e-3), (2, "x"), (2, -1.0), (2, np.nan)])
def test_bad_arguments_of_the_module_are_told(depth, tolerance):
    model = ReLUInterpolator(random_state=0).fit(X, Y)
    with pytest.raises(InputError, match=r"depth = |tolerance = "):
        model.to_module(depth=depth, tolerance=tolerance)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_the_function_scales_with_points_and_values(scale):
    plain = ReLUInterpolator(random_state=0).fit(X, Y)
    values = ReLUInterpolator(random_state=0).fit(X, scale * Y)
    np.testing.assert_allclose(values.predict(X + 0.01), scale * plain.predict(X + 0.01), rtol=1e-9)
    points = ReLUInterpolator(random_state=0).fit(scale * X, Y)
    np.testing.assert_allclose(points.predict(scale * (X + 0.01)), plain.predict(X + 0.01), rtol=1e-6)


@pytest.mark.realdata
@pytest.mark.skipif("GENGAP_DATA" not in os.environ, reason="CIFAR-10 under GENGAP_DATA is needed")
def test_fifty_thousand_images_with_random_labels():
    from gengap.data import load

    x = load("cifar10").train.x.reshape(50_000, -1)
    y = np.random.default_rng(0).standard_normal(50_000)
    made = ReLUInterpolator(n_directions=2, random_state=0).fit(x, y)
    assert made.n_weights_ == 2 * 50_000 + 3072
    assert made.residual_ <= 1e-6 * abs(y).max()
    some = np.random.default_rng(1).permutation(50_000)[:500]
    assert np.abs(made.predict(x[some].astype(np.float64)) - y[some]).max() <= 1e-6 * abs(y).max()
