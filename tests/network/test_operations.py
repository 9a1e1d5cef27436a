"""What the watch of operations sees: storages, views, modules, operations that PyTorch breaks down."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gengap.network.operations import MOVES, PRODUCTS, SUMS, Operation, OperationWatch


class Reached(OperationWatch[int]):
    """Which tensors the input reaches, and which operations did it, in which module."""

    def __init__(self, model: nn.Module, x: Tensor):
        super().__init__(model, MOVES | SUMS | PRODUCTS | {"relu"})
        self.seen: list[tuple[str, str]] = []
        self.note(x, 1)

    def joined(self, before: int, now: int) -> int:
        return max(before, now)

    def after(self, operation: Operation) -> tuple[Any, int | None]:
        self.seen.append((self.module[0], operation.name))
        return operation(), 1


class Function(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def watched(model: nn.Module, x: Tensor) -> tuple[Reached, Any]:
    watch = Reached(model, x)
    return watch, watch.run(x)


def test_operations_are_named_with_the_module_that_runs_them() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ReLU(inplace=True), nn.Linear(4, 2)))
    seen = watched(model, torch.ones(2, 3))[0].seen
    products = [pair for pair in seen if pair[1] in ("addmm", "relu")]
    assert products == [("0", "addmm"), ("1.0", "relu"), ("1.1", "addmm")]


def test_no_hook_stays_behind_not_even_after_an_error() -> None:
    def fails(x: Tensor) -> Tensor:
        raise ValueError("no")

    model = nn.Sequential(nn.Linear(3, 4), Function(fails))
    with pytest.raises(ValueError, match="no"):
        watched(model, torch.ones(2, 3))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def into_part(x: Tensor) -> Tensor:
    result = torch.zeros_like(x)
    result[:, :1] = x[:, :1]
    return result


def of_shape(x: Tensor) -> Tensor:
    return torch.ones_like(x)


@pytest.mark.parametrize(("function", "reached"), [(into_part, 1), (of_shape, None), (lambda x: x.view(-1), 1)])
def test_facts_follow_storages_and_not_shapes(function: Callable[[Tensor], Tensor], reached: int | None) -> None:
    watch, output = watched(Function(function), torch.ones(2, 3))
    assert watch.fact(output) == reached


@pytest.mark.parametrize("inference", [False, True])
def test_linear_layers_are_broken_down_in_inference_mode_too(inference: bool) -> None:
    with torch.inference_mode(inference):
        seen = watched(nn.Linear(3, 4), torch.ones(2, 3))[0].seen
    assert ("", "addmm") in seen
    assert ("", "linear") not in seen
