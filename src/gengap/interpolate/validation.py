"""Input of estimators: scikit-learn's checks, with gengap's errors."""

from typing import Any

from sklearn.utils.validation import validate_data

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
