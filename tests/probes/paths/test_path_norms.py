"""The norm of the path kernel's weights beside the path norm of the literature: where they agree, and where not."""

from typing import Any

import pytest
import torch
from path_networks import NETWORKS
from torch import nn

from gengap.errors import InputError
from gengap.measures.path import path_sum
from gengap.probes.paths import path_norms

WITHOUT_POOLS = (
    *("linear", "fully connected", "one output", "residual", "convolution", "groups after groups"),
    *("reflected edges", "batch norm after ReLU", "transposed", "dilated in one dimension"),
)


def ratio(name: str, power: int) -> torch.Tensor:
    model, shape = NETWORKS[name]
    of_literature = path_sum(model, shape, power).outputs
    assert of_literature is not None
    return path_norms(model, torch.ones(2, *shape), power=power) ** power / of_literature


@pytest.mark.parametrize("power", [1, 2, 3])
@pytest.mark.parametrize("name", WITHOUT_POOLS)
def test_without_pools_and_multipliers_it_is_the_path_norm_of_the_literature(name: str, power: int) -> None:
    torch.testing.assert_close(ratio(name, power), torch.ones_like(ratio(name, power)), rtol=1e-13, atol=0)


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("name", ["network in network", "ends in ReLU"])
def test_the_kernels_norm_leaves_the_average_of_nine_to_the_features(name: str, power: int) -> None:
    torch.testing.assert_close(ratio(name, power), torch.full_like(ratio(name, power), 9.0), rtol=1e-13, atol=0)


@pytest.mark.parametrize("name", ["maximum pool", "maximum pool beyond the edge", "inception", "projection"])
def test_every_edge_into_a_maximum_and_both_slopes_of_a_prelu_count(name: str) -> None:
    assert (ratio(name, 2) > 1.01).all()


@pytest.mark.parametrize("power", [0, -1, 1.5])
def test_a_power_below_one_is_refused(power: Any) -> None:
    with pytest.raises(InputError, match="power ="):
        path_norms(nn.Linear(3, 2), torch.ones(2, 3), power=power)
