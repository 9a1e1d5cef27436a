"""Input of estimators: scikit-learn's checks, with gengap's errors."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_random_state, check_X_y
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from gengap.arguments import shown
from gengap.arrays import AnyArray, Floats
from gengap.errors import InputError


def validated(estimator: Any, *arrays: Any, **options: Any) -> Any:
    """What scikit-learn's ``validate_data(estimator, *arrays, **options)`` returns.

    Raises:
        InputError: Where scikit-learn raises a ``ValueError``: NaN or infinity, shapes that do not match, no examples.
    """
    try:
        return validate_data(estimator, *arrays, **options)
    except ValueError as error:
        raise InputError(str(error)) from error


def points_and_values(X: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Points ``[n, d]`` and values ``[n]`` or ``[n, K]``, both float64.

    Raises:
        InputError: NaN or infinity, what is no number, shapes that do not match, no examples.
    """
    try:
        points, values = check_X_y(X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        return points, check_array(values, dtype=np.float64, ensure_2d=False)
    except (ValueError, TypeError) as error:
        raise InputError(str(error)) from error


def points_and_labels(X: ArrayLike, y: ArrayLike) -> tuple[AnyArray, AnyArray]:
    """Points ``[n, d]`` and classes ``[n]``.

    Raises:
        InputError: NaN or infinity, shapes that do not match, no examples, real numbers in place of classes.
    """
    try:
        points, labels = check_X_y(X, y)
        check_classification_targets(labels)
    except (ValueError, TypeError) as error:
        raise InputError(str(error)) from error
    return points, labels


def check_classes(labels: AnyArray) -> None:
    """Refuses labels that are no classes.

    Raises:
        InputError: Where scikit-learn raises a ``ValueError``: real numbers in place of classes.
    """
    try:
        check_classification_targets(labels)
    except ValueError as error:
        raise InputError(str(error)) from error


def random_state(value: Any) -> np.random.RandomState:
    """What scikit-learn's ``check_random_state(value)`` returns.

    Raises:
        InputError: The value is no seed.
    """
    try:
        state: np.random.RandomState = check_random_state(value)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"random_state = {shown(value)}.",
            expected="a whole number from 0 to 2^32 - 1, a numpy.random.RandomState or None",
        ) from error
    return state
