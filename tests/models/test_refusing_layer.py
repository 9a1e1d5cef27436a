"""A shape that a network does not take is told by the layer that refuses it."""

import pytest
import torch
from torch import nn

from gengap.errors import InputError
from gengap.models import check_output

BEHIND = nn.Sequential(nn.Flatten(), nn.Linear(8, 4), nn.ReLU(), nn.Linear(5, 3))
CONVOLUTION = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.LazyLinear(3))


@pytest.mark.parametrize(
    ("network", "shape", "told"),
    [
        (nn.Sequential(nn.Linear(5, 3)), (8,), "its layer '0', Linear, was given shape (2, 8) and takes 5 features"),
        (nn.Linear(5, 3), (8,), "a Linear, it was given shape (2, 8) and takes 5 features"),
        (BEHIND, (8,), "its layer '3', Linear, was given shape (2, 4) and takes 5 features"),
        (CONVOLUTION, (1, 8, 8), "its layer '0', Conv2d, was given shape (2, 1, 8, 8) and takes 3 channels"),
    ],
)
def test_the_layer_is_named_with_what_it_was_given_and_takes(
    network: nn.Module, shape: tuple[int, ...], told: str
) -> None:
    with pytest.raises(InputError) as refused:
        check_output(network, shape, 3)
    assert told in str(refused.value)
    assert "RuntimeError" not in str(refused.value)
    assert refused.value.next_step


def test_another_fault_keeps_its_own_words() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(x.to(torch.float64))

    with pytest.raises(InputError, match="RuntimeError"):
        check_output(Odd(), (8,), 3)
