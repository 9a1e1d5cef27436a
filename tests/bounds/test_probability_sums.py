"""Probabilities sum to one as nearly as their format allows, and messages tell two numbers apart."""

import re

import numpy as np
import pytest
import torch

from gengap.bounds import brier_losses, clopper_pearson, predicted_labels, scaled_losses
from gengap.errors import InputError, apart, exact


@pytest.mark.parametrize("n_classes", [2, 3, 10, 1000])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("inside", [True, False], ids=["softmax in the type", "rounded to the type"])
def test_softmax_of_any_type_sums_to_one(n_classes: int, dtype: torch.dtype, inside: bool) -> None:
    scores = 2 * torch.randn(3000, n_classes, generator=torch.Generator().manual_seed(0)).to(dtype)
    probabilities = torch.softmax(scores, 1) if inside else torch.softmax(scores.double(), 1).to(dtype)
    for given in (probabilities, probabilities.float().numpy(), probabilities.requires_grad_(True)):
        assert predicted_labels(given, range(n_classes)).tolist() == probabilities.argmax(1).tolist()


@pytest.mark.parametrize("row", [[0.5, 0.499], [0.5, 0.501], [0.333, 0.333, 0.333], [0.1665] * 6, [0.25, 0.25, 0.5]])
def test_three_decimals_are_enough_on_either_side(row: list[float]) -> None:
    assert predicted_labels([row], range(len(row))) == [int(np.argmax(row))]


@pytest.mark.parametrize("row", [[0.5, 0.5021], [0.5, 0.4979], [1.0, 0.0, 1.0], [0.5, 0.25], [0.9, 0.09]])
def test_what_rounding_does_not_explain_is_refused(row: list[float]) -> None:
    with pytest.raises(InputError, match="sum to"):
        brier_losses([0], [row], range(len(row)))


@pytest.mark.parametrize(
    ("call", "numbers"),
    [
        (lambda: scaled_losses([1.0000001], 1.0), ("1.0000001", "1")),
        (lambda: clopper_pearson(10_000_001, 10_000_000), ("10000001.0", "1e+07")),
        (lambda: predicted_labels([[1.0, 0.0010001]], range(2)), ("1.001", None)),
    ],
)
def test_a_message_prints_no_two_equal_numbers(call, numbers: tuple[str, str | None]) -> None:
    with pytest.raises(InputError) as raised:
        call()
    found = re.findall(r"[-\d.e+]*\d", raised.value.what)
    assert found[0] == numbers[0] or numbers[1] is None
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("value", [1 + 2**-52, 1e7 + 1, 0.1 + 0.2, -1e-300, 123456.7])
def test_as_many_digits_as_it_takes(value: float) -> None:
    assert float(exact(value)) == value
    assert exact(value) != exact(np.nextafter(value, np.inf))
    assert apart(value, np.nextafter(value, np.inf)) != apart(np.nextafter(value, np.inf), value)
