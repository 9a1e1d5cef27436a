"""Families of networks of any depth and width."""

import pytest
import torch
from torch import nn

from gengap import models
from gengap.errors import InputError


@pytest.mark.parametrize(("depth", "width"), [(1, 3), (2, 5)])
def test_a_network_in_network_has_the_parameters_of_its_blocks(depth: int, width: int) -> None:
    model = models.build(f"nin-{depth}x{width}", (3, 12, 12), 7)
    channels, expected = 3, 0
    for _ in range(depth):
        for kernel in (3, 1, 1):
            expected += width * (channels * kernel**2 + 1) + 2 * width  # weights and biases, and those of batch norm
            channels = width
    assert models.count_parameters(model) == expected + 7 * (width + 1)
    assert model(torch.zeros(2, 3, 12, 12)).shape == (2, 7)


def test_dropout_ends_each_block() -> None:
    kinds = [type(layer) for layer in models.build("nin-2x4", (1, 8, 8), 3, dropout=0.5)]
    assert [i for i, kind in enumerate(kinds) if kind is nn.Dropout] == [9, 19]


def test_a_perceptron_of_a_named_size_is_the_named_one() -> None:
    assert str(models.build("mlp-3x512", (1, 2, 2), 4)) == str(models.mlp.mlp((1, 2, 2), 4, 0.0, depth=3, width=512))
    assert models.count_parameters(models.build("mlp-2x5", (4,), 3)) == 5 * 5 + 5 * 6 + 3 * 6


@pytest.mark.parametrize("name", ["nin-0x4", "nin-2x", "nin-2x4x4", "nun-2x4", "mlp-1001x4", "nin-2.5x4"])
def test_other_names_are_refused_with_the_form_of_a_name(name: str) -> None:
    with pytest.raises(InputError) as error:
        models.build(name, (3, 8, 8), 4)
    assert "DEPTHxWIDTH" in str(error.value) or "did you mean" in str(error.value)
