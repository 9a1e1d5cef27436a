"""The named networks: parameter counts, shapes, what they refuse."""

import pytest
import torch

from gengap import models
from gengap.errors import InputError

COUNTS = {
    "alexnet-small": 1_387_786,
    "mlp-1x512": 1_209_866,
    "mlp-3x512": 1_735_178,
}


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_parameter_count_is_the_papers(name: str, count: int) -> None:
    assert models.count_parameters(models.build(name, (3, 28, 28), 10)) == count
    assert {i.name: i.parameters for i in models.named()}[name] == count


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 13, 18), (1, 9, 9)])
@pytest.mark.parametrize("name", COUNTS)
def test_named_models_adapt_to_shape_and_classes(name: str, shape: tuple[int, ...]) -> None:
    assert models.build(name, shape, 7)(torch.randn(2, *shape)).shape == (2, 7)


def test_mlp_takes_vectors() -> None:
    assert models.build("mlp-1x512", (5,), 2)(torch.randn(3, 5)).shape == (3, 2)


def test_unknown_name_tells_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'alexnet-small'"):
        models.build("alexnet-smal", (3, 28, 28), 10)
