"""Cases of interpolators and of classical bounds: scales, ranges, messages, exact answers."""

import math
from collections.abc import Callable
from itertools import product

import numpy as np
from case import Answer, case, error

from gengap import bounds
from gengap.data import Problem, Split
from gengap.interpolate import KernelInterpolator, RandomFourierFeatures, ReLUInterpolator, lemma_matrix, ridgeless_path
from gengap.interpolate.factorisation import deep_descent, gaussian_measurements, low_rank, minimum_nuclear_norm
from gengap.interpolate.feature_maps import GaborFeatures
from gengap.interpolate.implicit_bias import hard_margin, sgd
from gengap.interpolate.trees import adaboost_margins, forests, neighbour_limit, true_risk
from gengap.tasks.interpolate import Setting, interpolate

SCALE = "points, values or kernels at the ends of float64's range"
DEPENDENT = "features that are linearly dependent"
SHATTER = "labellings of points that lie nearly in special position"
CONDITION = "a condition number beyond float64, estimated from below"
PSD = "a matrix that is no kernel's"
FORMAT = "a number written by the end of its name"
RANGE = "arguments out of their range"
RAW = "arguments of a wrong type"
MESSAGE = "messages that are not true"

RNG = np.random.default_rng(0)
X, X_TEST = RNG.standard_normal((40, 6)), RNG.standard_normal((25, 6))
Y, Y_TEST = np.eye(3)[RNG.integers(0, 3, 40)], np.eye(3)[RNG.integers(0, 3, 25)]
FOURIER = RandomFourierFeatures("gaussian", 2.0, 60, random_state=0)


def ridgeless_norm(scale: float) -> Answer:
    """The norm at 60 features of values times a scale, where it is said to be reliable."""
    point = ridgeless_path(FOURIER, X, scale * Y, X_TEST, scale * Y_TEST, [60])[0]
    return point.norm if point.reliable else f"not reliable: {point.reason}"


for exponent, before in ((200, math.inf), (-200, 0.0)):

    @case(SCALE, f"ridgeless_path, targets times 1e{exponent}: norm at 60 features", before=before)
    def ridgeless(exponent: int = exponent) -> tuple[Answer, Answer]:
        """NumPy's solution of the problem as it is, scaled."""
        coefficients = np.linalg.lstsq(FOURIER.fit_transform(X), Y, rcond=None)[0]
        return float(np.linalg.norm(coefficients)) * 10.0**exponent, ridgeless_norm(10.0**exponent)


def all_signs(norm: Callable[[np.ndarray], float], n: int) -> float:
    """Mean over all 2^n sign vectors."""
    return float(np.mean([norm(np.array(signs)) for signs in product((-1, 1), repeat=n)])) / n


@case(SCALE, "linear_rademacher of 9 points times 1e-200, within 4 standard errors", before=0.0, tolerance=0.05)
def rademacher_linear() -> tuple[Answer, Answer]:
    """The mean over all signs."""
    x = X[:9, :4]
    return 1e-200 * all_signs(lambda s: float(np.linalg.norm(s @ x)), 9), bounds.linear_rademacher(1e-200 * x).estimate


@case(SCALE, "l1_rademacher of 9 points times 1e200, within 4 standard errors", before=math.inf, tolerance=0.05)
def rademacher_l1() -> tuple[Answer, Answer]:
    """The mean over all signs."""
    x = X[:9, :4]
    return 1e200 * all_signs(lambda s: float(np.abs(s @ x).max()), 9), bounds.l1_rademacher(1e200 * x).estimate


MEASURED = gaussian_measurements((5, 5), 16)
VALUES = MEASURED(low_rank((5, 5), 1))


@case(SCALE, "minimum_nuclear_norm, values times 1e200: residual at most 1e-12", before="nan", tolerance=1e-6)
def nuclear() -> tuple[Answer, Answer]:
    """The residual of what is called converged."""
    found = minimum_nuclear_norm(MEASURED, 1e200 * VALUES)
    return "True", str(found.converged and found.residual <= 1e-12)


@case(SCALE, "deep_descent, values near 1e150: a matrix with these measurements", before="it never returns")
def descent() -> tuple[Answer, Answer]:
    """The measurements of the matrix, in units of 1e150."""
    found = deep_descent(MEASURED, 1e150 * VALUES)
    off = np.linalg.norm(MEASURED(found.matrix / 1e150) - VALUES) / np.linalg.norm(VALUES)
    return "True", str(found.converged and off <= 1.01e-4)


@case(
    SCALE, "sgd, points times 1e-200: the least-norm weights, times 1e-200", tolerance=1e-6, before="All points are 0."
)
def descent_of_tiny_points() -> tuple[Answer, Answer]:
    """The norm of the pseudoinverse's solution."""
    x, y = X[:5], np.arange(1.0, 6.0)
    found = sgd(1e-200 * x, y)
    return float(np.linalg.norm(np.linalg.pinv(x) @ y)), float(np.linalg.norm(found.weights * 1e-200))


@case(SCALE, "hard_margin, points times 1e200: margin over 1e200")
def margin() -> tuple[Answer, Answer]:
    """By hand: w = (1/2, 1)."""
    return 1 / math.sqrt(1.25), hard_margin([[2e200, 0.0], [0.0, 1e200]], [1, 1]).margin / 1e200


@case(
    DEPENDENT,
    "ridgeless_path, ReLU features of which some are 0 at all points: norm",
    before="not reliable",
    tolerance=1e-6,
)
def dead_features() -> tuple[Answer, Answer]:
    """NumPy's solution of least norm."""
    x, x_test = 2 + 0.3 * X, 2 + 0.3 * X_TEST
    features = RandomFourierFeatures("relu", n_features=20, random_state=1)
    coefficients = np.linalg.lstsq(features.fit_transform(x), Y, rcond=1e-11)[0]
    point = ridgeless_path(features, x, Y, x_test, Y_TEST, [20])[0]
    return float(np.linalg.norm(coefficients)), point.norm if point.reliable else "not reliable"


for gap in (1e-6, 3e-10, 1e-12, 1e-300):

    @case(SHATTER, f"[0, {gap:g}, 1]: labellings", before=6 if gap > 3e-10 else 4)
    def on_a_line(gap: float = gap) -> tuple[Answer, Answer]:
        """Three distinct points of a line have six."""
        return 6.0, float(bounds.shattering([[0.0], [gap], [1.0]]).separable)


for height, right in ((1e-12, 8), (0.0, 6)):

    @case(SHATTER, f"a triangle of height {height:g}: labellings", before=6)
    def triangle(height: float = height, right: int = right) -> tuple[Answer, Answer]:
        """Eight where it is no line."""
        return float(right), float(bounds.shattering([[0.0, 0.0], [1.0, height], [2.0, 0.0]]).separable)


@case(CONDITION, "KernelInterpolator, Gaussian kernel of 60 points of a line: at most 1 / eps")
def condition() -> tuple[Answer, Answer]:
    """A bound from below that float64 can resolve."""
    import warnings

    x = np.linspace(0, 1, 60)[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = KernelInterpolator(bandwidth=1.0).fit(x, np.sin(9 * x[:, 0]))
    return "True", str(1e11 < made.condition_ <= 1 / np.finfo(float).eps)


@case(PSD, "kernel_rademacher of [[1, 1.5], [1.5, 1]]", before=0.854)
def no_kernel() -> tuple[Answer, Answer]:
    """An eigenvalue of -1/2."""
    return "InputError: gram is not positive", error(lambda: bounds.kernel_rademacher([[1.0, 1.5], [1.5, 1.0]]))


def small_problem() -> Problem:
    """Forty points of six features in two classes."""
    y = np.arange(40) % 2
    return Problem("made-up", Split(X, y), Split(X_TEST, np.arange(25) % 2), ("a", "b"))


@case(FORMAT, "boosting: first round without training error", before="200.00%")
def a_round() -> tuple[Answer, Answer]:
    """The number itself."""
    found = interpolate(small_problem(), method="boosting", setting=Setting(n_trees=30))
    return str(found.fit.details["first_round_without_training_error"]), found.facts()[
        "first round without training error"
    ]


OUT_OF_RANGE: list[tuple[str, Callable[[], object], str]] = [
    ("neighbour_limit(1.5)", lambda: neighbour_limit(1.5), "0.321"),  # type: ignore[arg-type]
    ("true_risk with p = 1.5", lambda: true_risk([1, 0], [1.5, 0.5]), "0"),
    ("true_risk of labels as texts", lambda: true_risk(["1", "0"], [0.5, 0.5]), "0.5"),
    ("rademacher_bound of a risk NaN", lambda: bounds.rademacher_bound(math.nan, 0.1, 100), "nan"),
    ("rademacher_bound of a risk -0.1", lambda: bounds.rademacher_bound(-0.1, 0.1, 100), "0.407"),
    ("lemma_matrix with inf", lambda: lemma_matrix([0.0, math.inf], [-1.0, 0.5]), "a matrix with inf"),
    ("cover_count(2.7, 2)", lambda: bounds.cover_count(2.7, 2), "TypeError"),  # type: ignore[arg-type]
    ("gaussian_measurements, count 2.7", lambda: gaussian_measurements((3, 3), 2.7), "TypeError"),  # type: ignore[arg-type]
    ("GaborFeatures, wavelength 1e-9", lambda: GaborFeatures(wavelengths=(1e-9,)).fit(X), "NaN"),
]
for words, call, before in OUT_OF_RANGE:

    @case(RANGE, words, before=before)
    def out_of_range(call: Callable[[], object] = call) -> tuple[Answer, Answer]:
        """Refused."""
        return "InputError", error(call)


WRONG_TYPES: list[tuple[str, Callable[[], object]]] = [
    ('ReLUInterpolator, n_directions = "4"', lambda: ReLUInterpolator(n_directions="4").fit(X, Y)),  # type: ignore[arg-type]
    ("RandomFourierFeatures, n_features = 2.5", lambda: RandomFourierFeatures(n_features=2.5).fit(X)),  # type: ignore[arg-type]
    ('RandomFourierFeatures, bandwidth = "1"', lambda: RandomFourierFeatures(bandwidth="1").fit(X)),  # type: ignore[arg-type]
    ('KernelInterpolator, max_memory = "1G"', lambda: KernelInterpolator(max_memory="1G").fit(X, Y)),  # type: ignore[arg-type]
]
for words, call in WRONG_TYPES:

    @case(RAW, words, before="TypeError")
    def wrong_type(call: Callable[[], object] = call) -> tuple[Answer, Answer]:
        """Refused by name."""
        return "InputError", error(call)


for name in ("perfect-random", "extra-trees", "random-forest"):

    @case(RAW, f"forests()[{name!r}].predict before fit", before="AttributeError")
    def unfitted(name: str = name) -> tuple[Answer, Answer]:
        """scikit-learn's own error."""
        return "NotFittedError", error(lambda: forests(2, 0)[name].predict(X))


@case(MESSAGE, "a linear kernel at [0]: K = [0]", before="InputError: The kernel matrix is not positive semidefinite.")
def zero_kernel() -> tuple[Answer, Answer]:
    """[0] is positive semidefinite."""
    return "InputError: The kernel is 0", error(lambda: KernelInterpolator("linear").fit([[0.0]], [1.0]))


@case(MESSAGE, "adaboost_margins of 2.5 rounds", before="InputError: … give trees more leaves")
def rounds() -> tuple[Answer, Answer]:
    """Rounds are at fault."""
    return "InputError: rounds = 2.5", error(
        lambda: adaboost_margins([[0.0], [1.0]], [0, 1], [[0.0]], [0], rounds=2.5)  # type: ignore[arg-type]
    )


@case(MESSAGE, "KernelInterpolator of two points, max_memory = 1: bytes needed, below 10,000", before="67 MB")
def two_points() -> tuple[Answer, Answer]:
    """The number in the message."""
    text = error(lambda: KernelInterpolator(max_memory=1).fit([[0.0], [1.0]], [0.0, 1.0]))
    needed = int(text.split("needs ")[1].split(" bytes")[0].replace(",", ""))
    return "True", str(needed < 10_000)
