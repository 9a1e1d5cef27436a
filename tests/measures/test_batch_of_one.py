"""Networks that end in squeeze(), which drops the batch of a single example: every measure is that of their twin."""

import numpy as np
import pandas as pd
import torch
from measured_networks import CLASSES, problem
from torch import Tensor, nn

from gengap.bounds import vc_dimension
from gengap.measures import measure

N, SUBSET = 501, 101  # each is one more than a multiple of a batch


class Squeeze(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.squeeze()


def network(seed: int, *, squeeze: bool) -> nn.Sequential:
    """A convolution for each class, averaged over the image; the axes of length 1 dropped, or the rest flattened."""
    torch.manual_seed(seed)
    layers = [nn.Conv2d(1, 12, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, CLASSES, 1), nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*layers, Squeeze() if squeeze else nn.Flatten())


def rows(*, squeeze: bool) -> pd.DataFrame:
    data, model = problem(N), network(0, squeeze=False)
    x, y = torch.tensor(data.train.x), torch.tensor(data.train.y)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(40):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimiser.step()
    trained = network(0, squeeze=squeeze)
    trained.load_state_dict(model.state_dict())
    return measure(trained, data, initial=network(0, squeeze=squeeze), subset=SUBSET)


def test_every_measure_of_a_network_that_drops_axes_of_length_one_is_that_of_its_twin() -> None:
    squeezed, flattened = rows(squeeze=True), rows(squeeze=False)
    assert squeezed["status"].tolist() == flattened["status"].tolist()
    assert (flattened["status"] == "ok").sum() > 40
    np.testing.assert_array_equal(squeezed["value"], flattened["value"])


def test_the_vc_dimension_counts_every_class() -> None:
    found = [vc_dimension(network(0, squeeze=squeeze), (1, 8, 8)) for squeeze in (True, False)]
    assert found[0] == found[1]
