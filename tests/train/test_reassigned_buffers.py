"""Buffers that a forward pass assigns anew, instead of updating them in place, are kept as PyTorch keeps them."""

import pytest
import torch
from torch import Tensor, nn

from gengap.data import Problem
from gengap.errors import InputError
from gengap.train import Execution, Recipe, train, train_replicas
from gengap.train.replicas import Replicas

FLOAT64 = Execution("cpu", "float64", "contiguous")
HERE = "test_reassigned_buffers"


class Centred(nn.Module):
    """Inputs less a running mean that is assigned, under a count of the steps."""

    def __init__(self, shape: tuple[int, ...], n_classes: int) -> None:
        super().__init__()
        self.last = nn.Linear(108, n_classes)
        self.register_buffer("mean", torch.zeros(108))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        if self.training:
            self.mean = 0.5 * self.mean + 0.5 * x.mean(0)
            self.steps = self.steps + 1
        return self.last(x - self.mean)


class Growing(nn.Module):
    def __init__(self, shape: tuple[int, ...], n_classes: int) -> None:
        super().__init__()
        self.last = nn.Linear(108, n_classes)
        self.register_buffer("seen", torch.zeros(0))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.seen = torch.cat([self.seen, x.flatten(1).mean(1)])
        return self.last(x.flatten(1))


def test_steps_equal_those_of_plain_pytorch(tiny: Problem) -> None:
    replicas = Replicas.initialise(tiny, Recipe(model=f"{HERE}:Centred", batch_size=16), [0, 1], FLOAT64)
    twins = [Centred(tiny.input_shape, tiny.n_classes).double() for _ in range(2)]
    for r, twin in enumerate(twins):
        twin.load_state_dict(replicas.weights(r))
    rng = torch.Generator().manual_seed(0)
    for number in range(3):
        x = torch.randn(2, 16, *tiny.input_shape, generator=rng, dtype=torch.float64)
        y = torch.randint(tiny.n_classes, (2, 16), generator=rng)
        replicas.step(x, y, torch.tensor([0.1, 0.1], dtype=torch.float64), number=number)
        for r, twin in enumerate(twins):
            if number == 0:
                twin.optimizer = torch.optim.SGD(twin.parameters(), 0.1, momentum=0.9)  # type: ignore[assignment]
            twin.optimizer.zero_grad()
            nn.functional.cross_entropy(twin(x[r]), y[r]).backward()
            twin.optimizer.step()
    assert replicas.apart == ""
    for r, twin in enumerate(twins):
        assert twin.steps == 3
        torch.testing.assert_close(replicas.weights(r), dict(twin.state_dict()), rtol=1e-10, atol=1e-12)


def test_replicas_equal_separate_runs(tiny: Problem) -> None:
    recipe = Recipe(model=f"{HERE}:Centred", batch_size=16, epochs=2, learning_rate=0.05)
    trios = [(tiny.take(32, 8), recipe, seed) for seed in (0, 1)]
    for run, trio in zip(train_replicas(trios, execution=FLOAT64), trios, strict=True):
        assert run.weights["steps"] == 4
        torch.testing.assert_close(run.weights, train(*trio, execution=FLOAT64).weights, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_a_buffer_of_another_shape_is_refused(tiny: Problem, seeds: tuple[int, ...]) -> None:
    recipe = Recipe(model=f"{HERE}:Growing", batch_size=16, epochs=1)
    with pytest.raises(InputError, match=r"buffer 'seen' has shape \(0,\), and its forward pass assigns one of shape"):
        train_replicas([(tiny.take(32, 8), recipe, seed) for seed in seeds], execution=FLOAT64)
