"""Kernel machines through all points: K alpha = y against dense float64 algebra."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.utils.estimator_checks import parametrize_with_checks

from gengap.errors import InputError
from gengap.interpolate import KernelInterpolator, KernelInterpolatorClassifier

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((150, 6)), RNG.standard_normal((150, 3))
NEW = RNG.standard_normal((20, 6))


@parametrize_with_checks([KernelInterpolator(), KernelInterpolatorClassifier()])
def test_scikit_learns_contract(estimator, check):
    check(estimator)


def _gaussian(a, b, bandwidth):
    return np.exp(-cdist(a, b, "sqeuclidean") / (2 * bandwidth**2))


@pytest.mark.parametrize("solver", ["cholesky", "pcg"])
def test_it_is_the_dense_solution(solver):
    made = KernelInterpolator(bandwidth=1.5, solver=solver, tol=1e-12).fit(X, Y)
    K = _gaussian(X, X, 1.5)
    alpha = np.linalg.solve(K, Y)
    np.testing.assert_allclose(made.dual_coef_, alpha, rtol=1e-8, atol=1e-8 * abs(alpha).max())
    np.testing.assert_allclose(made.predict(NEW), _gaussian(NEW, X, 1.5) @ alpha, rtol=0, atol=1e-9)
    np.testing.assert_allclose(made.predict(X), Y, rtol=0, atol=1e-10)
    np.testing.assert_allclose(made.norms_, np.sqrt(np.diag(alpha.T @ K @ alpha)), rtol=1e-9)
    assert made.norm_ == pytest.approx(np.sqrt(np.trace(alpha.T @ K @ alpha)), rel=1e-9)
    assert made.condition_ == pytest.approx(np.linalg.cond(K), rel=0.2)
    assert made.residual_ <= 1e-12
    assert made.train_error_ <= 1e-22
    assert (made.solver_, made.solver_reason_, made.jitter_) == (solver, "asked for", 0)


def test_two_points_by_hand():
    # K = [[1, q], [q, 1]] with q = exp(-2 / 2) = 1/e; y = (1, 0) gives alpha = (1, -q) / (1 - q^2).
    q = np.exp(-1)
    made = KernelInterpolator(bandwidth=1.0).fit([[0.0, 0.0], [1.0, 1.0]], [1.0, 0.0])
    np.testing.assert_allclose(made.dual_coef_[:, 0], np.array([1, -q]) / (1 - q**2), rtol=1e-12)
    assert made.norm_ == pytest.approx(1 / np.sqrt(1 - q**2), rel=1e-12)


def test_no_interpolant_has_a_smaller_norm():
    """Any other interpolant in the span of more kernel functions: its coefficients on Z solve K(X, Z) b = y."""
    made = KernelInterpolator(bandwidth=1.5, tol=1e-12).fit(X, Y[:, 0])
    Z = np.concatenate([X, RNG.standard_normal((40, 6))])
    cross, whole = _gaussian(X, Z, 1.5), _gaussian(Z, Z, 1.5)
    for _ in range(5):
        extra = 1e-2 * RNG.standard_normal(40)
        kept = np.linalg.solve(cross[:, :150], Y[:, 0] - cross[:, 150:] @ extra)
        other = np.concatenate([kept, extra])
        np.testing.assert_allclose(cross @ other, Y[:, 0], atol=1e-9)
        assert other @ whole @ other > made.norm_**2


@pytest.mark.parametrize("kernel", ["gaussian", "laplacian", "laplacian-product", "cauchy", "cauchy-product"])
def test_shifting_all_points_changes_nothing(kernel):
    here = KernelInterpolator(kernel, 1.5, tol=1e-10).fit(X, Y)
    there = KernelInterpolator(kernel, 1.5, tol=1e-10).fit(X + 1000, Y)
    np.testing.assert_allclose(there.predict(NEW + 1000), here.predict(NEW), rtol=0, atol=1e-7)


@pytest.mark.parametrize("solver", ["cholesky", "pcg"])
def test_outputs_are_solved_as_if_alone(solver):
    made = KernelInterpolator("laplacian", 2.0, solver=solver, tol=1e-11).fit(X, Y)
    for k in range(3):
        alone = KernelInterpolator("laplacian", 2.0, solver=solver, tol=1e-11).fit(X, Y[:, k])
        np.testing.assert_allclose(made.dual_coef_[:, k], alone.dual_coef_[:, 0], rtol=0, atol=1e-8)
        assert made.norms_[k] == pytest.approx(alone.norm_, rel=1e-9)
        assert alone.predict(NEW).shape == (20,)


def test_a_linear_kernel_gives_the_least_norm_weights():
    x, y = RNG.standard_normal((10, 30)), RNG.standard_normal(10)
    made = KernelInterpolator("linear", 2.0, tol=1e-12).fit(x, y)
    new = RNG.standard_normal((5, 30))
    np.testing.assert_allclose(made.predict(new), new @ np.linalg.pinv(x) @ y, rtol=0, atol=1e-10)


def test_what_cannot_be_interpolated_is_told():
    with pytest.warns(Warning, match=r"The residual is (0\.9|1 )"):
        made = KernelInterpolator("linear").fit(X, Y[:, 0])
    ideal = np.linalg.norm(Y[:, 0] - X @ np.linalg.lstsq(X, Y[:, 0], rcond=None)[0]) / np.linalg.norm(Y[:, 0])
    assert made.residual_ == pytest.approx(ideal, abs=0.02)  # alpha is about y / jitter: rounding in K alpha shows
    assert made.jitter_ > 0


@pytest.mark.parametrize("solver", ["cholesky", "pcg"])
def test_a_kernel_that_is_zero_is_refused(solver):
    """[0] is positive semidefinite; what is wrong is that no function of its space has another value there."""
    with pytest.raises(InputError, match="The kernel is 0 at the training points"):
        KernelInterpolator("linear", solver=solver).fit([[0.0]], [1.0])


def test_points_in_float32_are_taken_as_they_are():
    made = KernelInterpolator(bandwidth=1.5).fit(X.astype(np.float32), Y)
    wide = KernelInterpolator(bandwidth=1.5).fit(X.astype(np.float32).astype(np.float64), Y)
    assert made.residual_ <= 1e-6
    np.testing.assert_allclose(made.predict(NEW.astype(np.float32)), wide.predict(NEW), rtol=0, atol=2e-4)


def test_classes_are_the_largest_of_one_hot_outputs():
    names = np.array(["ant", "bee", "cat"])[RNG.integers(0, 3, 150)]
    made = KernelInterpolatorClassifier(bandwidth=1.5).fit(X, names)
    one_hot = (names[:, None] == made.classes_).astype(float)
    outputs = KernelInterpolator(bandwidth=1.5).fit(X, one_hot)
    np.testing.assert_allclose(made.decision_function(NEW), outputs.predict(NEW), rtol=0, atol=1e-9)
    assert made.norm_ == pytest.approx(outputs.norm_)
    assert made.predict(X).tolist() == names.tolist()
    assert made.train_error_ == 0


def test_equal_points_with_equal_labels_count_once():
    made = KernelInterpolator(bandwidth=1.5).fit(np.concatenate([X, X[::-1]]), np.concatenate([Y, Y[::-1]]))
    np.testing.assert_array_equal(made.dual_coef_, KernelInterpolator(bandwidth=1.5).fit(X, Y).dual_coef_)


def test_zero_and_its_negative_are_equal():
    made = KernelInterpolator().fit([[0.0], [-0.0], [1.0]], [1.0, 1.0, 2.0])
    assert made.dual_coef_.shape == (2, 1)


def test_equal_points_with_different_labels_are_named():
    x = np.concatenate([X, X[17:18]])
    with pytest.raises(InputError, match=r"Points 17 and 150 are equal and have different labels: 0.5 and 7.0"):
        KernelInterpolator().fit(x, np.append(np.full(150, 0.5), 7.0))
    names = np.append(np.repeat(["ant", "bee"], 75), "bee")
    with pytest.raises(InputError, match=r"Points 17 and 150 .* ant and bee"):
        KernelInterpolatorClassifier().fit(x, names)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"kernel": "gausian"}, "did you mean 'gaussian'"),
        ({"solver": "cg"}, "Unknown solver 'cg'"),
        ({"bandwidth": 0.0}, "bandwidth = 0.0"),
        ({"bandwidth": -1.0}, "bandwidth = -1.0"),
        ({"bandwidth": np.nan}, "bandwidth = nan"),
        ({"bandwidth": np.inf}, "bandwidth = inf"),
        ({"tol": 0.0}, "tol = 0.0"),
        ({"bandwidth": "1"}, "bandwidth = '1'"),
        ({"bandwidth": None}, "bandwidth = None"),
        ({"bandwidth": 1e-50}, "features lie up to"),
        ({"max_iter": 0}, "max_iter = 0"),
        ({"rank": 0}, "rank = 0"),
        ({"rank": 1.5}, "rank = 1.5"),
        ({"max_memory": "1G"}, "max_memory = '1G'"),
        ({"progress": "yes"}, "progress = 'yes'"),
        ({"tol": "1e-6"}, "tol = '1e-6'"),
        ({"kernel": ["gaussian"]}, r"Unknown kernel \['gaussian'\]"),
        ({"solver": None}, "Unknown solver None"),
        ({"random_state": "a"}, "random_state = 'a'"),
        ({"device": 1.5}, "device = 1.5"),
        ({"device": "nope"}, "device = 'nope'"),
        ({"random_state": -1}, "random_state = -1"),
        ({"kernel": "polynomial", "degree": 0}, "degree = 0"),
        ({"kernel": "polynomial", "offset": -1.0}, "offset = -1.0"),
    ],
)
def test_bad_options_are_told(options, told):
    with pytest.raises(InputError, match=told):
        KernelInterpolator(**options).fit(X, Y)


@pytest.mark.parametrize(
    ("x", "y", "told"),
    [
        ([[1.0, np.nan], [1.0, 2.0]], [1, 2], "NaN"),
        ([[1.0], [2.0]], [1, 2, 3], "inconsistent numbers of samples"),
        ([[1.0, 2.0]] * 3, [1, 1, 1], "every feature is constant"),
        ([[1.0], [2.0]], ["a", "b"], "no number"),
    ],
)
def test_bad_input_is_told(x, y, told):
    with pytest.raises(InputError, match=told):
        KernelInterpolator().fit(x, y)


@pytest.mark.parametrize(("y", "told"), [(["a"] * 150, "one class only: a"), (Y[:, 0], "Unknown label type")])
def test_bad_classes_are_told(y, told):
    with pytest.raises(InputError, match=told):
        KernelInterpolatorClassifier().fit(X, y)


def test_progress_is_told_to_a_function():
    phases: dict[str, list[float]] = {}
    KernelInterpolator(bandwidth=1.5, progress=lambda name, done: phases.setdefault(name, []).append(done)).fit(X, Y)
    assert set(phases) == {"kernel", "factor", "product", "iterations", "condition"}
    assert all(done[-1] == 1 and min(done) >= 0 for done in phases.values())


def test_progress_is_shown_on_stderr_alone(capsys):
    KernelInterpolator(bandwidth=1.5, progress=True).fit(X, Y)
    assert capsys.readouterr().out == ""


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kernel", ["gaussian", "cauchy"])
@pytest.mark.parametrize("scale", [1e5, 1e7, 1e8])
def test_points_spread_over_many_bandwidths(kernel, scale):
    """One feature in other units: against K from differences in extended precision, and one point at a time."""
    rng = np.random.default_rng(0)
    x, y = np.c_[rng.standard_normal((200, 3)), scale * rng.standard_normal(200)], rng.standard_normal(200)
    wide = x.astype(np.longdouble)
    squares = ((wide[:, None] - wide) ** 2).sum(axis=2)
    K = (np.exp(-squares / 2) if kernel == "gaussian" else 1 / (1 + squares)).astype(float)
    made = KernelInterpolator(kernel).fit(x, y)
    assert made.norm_ == pytest.approx(np.sqrt(y @ np.linalg.solve(K, y)), rel=1e-9)
    alone = [made.predict(point[None])[0] for point in x[:10]]
    np.testing.assert_allclose(alone, y[:10], rtol=0, atol=1e-7)


def test_seconds_over_ten_years_with_a_bandwidth_of_ten():
    rng = np.random.default_rng(0)
    x = (1.6e9 + np.sort(rng.uniform(0, 3e8, 50))[:, None] + 7.0 * np.arange(4)).reshape(-1, 1)
    y = rng.standard_normal(200)
    wide = x.astype(np.longdouble)
    alpha = np.linalg.solve(np.exp(-(((wide - wide.T) / 10) ** 2) / 2).astype(float), y)
    assert KernelInterpolator(bandwidth=10.0).fit(x, y).norm_ == pytest.approx(np.sqrt(y @ alpha), rel=1e-6)


def test_points_in_float32_far_apart_are_widened():
    x = (1e4 * X).astype(np.float32)
    narrow, wide = (KernelInterpolator("laplacian").fit(points, Y) for points in (x, x.astype(np.float64)))
    np.testing.assert_array_equal(narrow.dual_coef_, wide.dual_coef_)


def test_up_to_4096_points_what_float64_solves_is_solved():
    """Of condition 1e11, which a float32 factor cannot precondition."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2060, 6))
    y = np.c_[np.sin(x[:, 0]), np.sin(x[:, 0]) + 0.1 * rng.standard_normal(2060)]
    made = KernelInterpolator(bandwidth=2.0).fit(x, y)
    alpha = np.linalg.solve(_gaussian(x, x, 2.0), y)
    assert made.residual_ <= 1e-6
    np.testing.assert_allclose(made.norms_, np.sqrt((alpha * y).sum(axis=0)), rtol=1e-4)


def _exact_norm(x, y, bandwidth):
    """sqrt(y^T K^-1 y) of a Gaussian kernel, in 80 digits."""
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(80):
        points, wanted = [mpmath.mpf(float(p)) for p in x[:, 0]], mpmath.matrix([mpmath.mpf(float(v)) for v in y])
        K = mpmath.matrix(len(x), len(x))
        for i, p in enumerate(points):
            for j, q in enumerate(points):
                K[i, j] = mpmath.exp(-(((p - q) / mpmath.mpf(bandwidth)) ** 2) / 2)
        alpha = mpmath.lu_solve(K, wanted)
        return float(mpmath.sqrt(sum(a * v for a, v in zip(alpha, wanted, strict=True))))


@pytest.mark.parametrize("solver", ["cholesky", "pcg"])
@pytest.mark.parametrize("digits", [6, 17])
@pytest.mark.parametrize("bandwidth", [0.02, 0.05, 0.1, 0.2, 0.5])
def test_a_norm_is_the_interpolants_or_none(solver, digits, bandwidth):
    x = np.linspace(0, 1, 25)[:, None]
    y = np.sin(5 * x[:, 0]).round(digits)
    made = KernelInterpolator(bandwidth=bandwidth, solver=solver, tol=1e-5).fit(x, y)
    if bandwidth <= 0.05:
        assert made.norm_reason_ is None
    if bandwidth >= 0.2:  # K is singular in float64
        assert made.norm_reason_ is not None
    if made.norm_reason_ is None:
        assert made.norm_ == pytest.approx(_exact_norm(x, y, bandwidth), rel=1e-2)
    else:
        assert np.isnan(made.norm_)
        assert np.isnan(made.norms_).all()


@pytest.mark.parametrize("solver", ["cholesky", "pcg"])
def test_a_norm_at_a_loose_residual_is_told_where_k_is_regular(solver):
    made = KernelInterpolator("laplacian", 2.0, solver=solver, tol=1e-3).fit(X, Y)
    alpha = np.linalg.solve(np.exp(-cdist(X, X) / 2), Y)
    assert made.norm_ == pytest.approx(np.sqrt((alpha * Y).sum()), rel=1e-2)
    few = KernelInterpolator("laplacian", 2.0, solver="pcg", rank=1, max_iter=1, tol=1e-9)
    with pytest.warns(Warning, match="The residual is"):
        few.fit(X, Y)
    assert few.norm_reason_ is None or "no solution" in few.norm_reason_


@pytest.mark.filterwarnings("ignore:The residual is")
@pytest.mark.parametrize("seed", range(5))
def test_what_is_told_of_no_solution_is_what_is_predicted(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((60, 3))
    y = (x @ rng.standard_normal(3) > 0).astype(int)
    made = KernelInterpolatorClassifier("linear").fit(x, y)
    outputs, wanted = made._values(x), np.eye(2)[y]
    lengths = np.linalg.norm(outputs - wanted, axis=0) / np.linalg.norm(wanted, axis=0)
    assert made.residual_ == pytest.approx(lengths.max(), rel=1e-12)
    assert made.train_error_ == np.mean(made.predict(x) != y)
    assert np.isnan(made.norm_)
    assert "no solution" in made.norm_reason_


def test_parameters_set_after_fitting_change_nothing():
    made = KernelInterpolator(bandwidth=1.5).fit(X, Y)
    before = made.predict(NEW)
    made.set_params(bandwidth=5.0, kernel="cauchy")
    np.testing.assert_array_equal(made.predict(NEW), before)


@pytest.mark.parametrize("state", [None, np.random.RandomState(0), np.int64(3)])
def test_any_random_state_of_scikit_learn_is_taken(state):
    made = KernelInterpolator("laplacian", 2.0, solver="pcg", rank=20, random_state=state).fit(X, Y)
    assert made.residual_ <= 1e-6


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("solver", ["cholesky", "pcg"])
@pytest.mark.parametrize("size", [1e-200, 1e-100, 1e100, 1e200])
def test_labels_of_any_size(solver, size):
    usual, made = (KernelInterpolator("laplacian", 2.0, solver=solver, tol=1e-10).fit(X, y) for y in (Y, Y * size))
    assert made.residual_ <= 1e-10
    np.testing.assert_allclose(made.norms_ / size, usual.norms_, rtol=1e-9)
    assert made.norm_ / size == pytest.approx(usual.norm_, rel=1e-9)
    np.testing.assert_allclose(made.predict(X) / size, Y, rtol=0, atol=1e-8)


def test_outputs_of_different_sizes_are_solved_as_if_alone():
    made = KernelInterpolator("laplacian", 2.0).fit(X, Y * [1e-200, 0, 1e200])
    alone = KernelInterpolator("laplacian", 2.0).fit(X, Y)
    np.testing.assert_allclose(made.norms_, alone.norms_ * [1e-200, 0, 1e200], rtol=1e-9)


@pytest.mark.parametrize("kernel", ["linear", "arc-cosine"])
def test_products_that_are_subnormal_numbers_are_refused(kernel: str) -> None:
    x = np.eye(3) * 1e-160 + 1e-161
    with pytest.raises(InputError, match="float64 does not hold differences"):
        KernelInterpolator(kernel).fit(x, np.arange(3.0))
    y = KernelInterpolator(kernel).fit(x * 1e60, np.arange(3.0)).predict(x * 1e60)
    np.testing.assert_allclose(y, np.arange(3.0), atol=1e-6)


def test_a_rank_of_a_small_integer_type_counts_like_pythons() -> None:
    small, plain = (
        KernelInterpolator(solver="pcg", rank=rank, max_iter=max_iter).fit(X, Y)
        for rank, max_iter in ((np.int8(3), np.int8(100)), (3, 100))
    )
    np.testing.assert_array_equal(small.dual_coef_, plain.dual_coef_)
