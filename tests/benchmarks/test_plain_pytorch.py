"""The benchmarks' plain opponents compute what gengap does."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gengap import models
from gengap.data import preprocessing
from gengap.data.split import Preprocessing

sys.path.append(str(Path(__file__).parents[2]))
from benchmarks import plain_pytorch


def test_whitening_is_gengaps() -> None:
    x = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
    x[1] = 7  # no variance at all
    ours = preprocessing.preprocess(x, Preprocessing(crop=28, scale="whiten"))
    torch.testing.assert_close(plain_pytorch.whiten(torch.from_numpy(x)), torch.from_numpy(ours), rtol=1e-5, atol=1e-5)


def test_plain_alexnet_equals_ours_with_its_gradient() -> None:
    def built(make, *arguments):
        torch.manual_seed(0)
        return make(*arguments).double()

    ours = built(models.build, "alexnet-small", (3, 28, 28), 10)
    plain = built(plain_pytorch.plain_model, "alexnet-small")
    x = 3 * torch.randn(4, 3, 28, 28, dtype=torch.float64)
    torch.testing.assert_close(ours(x), plain(x))
    direction = torch.randn(4, 10, dtype=torch.float64)
    for model in (ours, plain):
        model(x).backward(direction)
    for a, b in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


@pytest.mark.parametrize("train", [plain_pytorch.train_epoch_dataloader, plain_pytorch.train_epoch_in_memory])
def test_one_epoch_learns_an_easy_problem(train) -> None:
    torch.manual_seed(0)
    y = torch.arange(512) % 10
    patterns = torch.randint(0, 256, (10, 3, 32, 32), dtype=torch.uint8)
    epoch = train(plain_pytorch.plain_model("mlp-1x512"), patterns[y], y, patterns, torch.arange(10), lr=0.01)
    assert epoch.accuracy == 1
    assert epoch.seconds > 0
