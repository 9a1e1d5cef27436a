"""Processor seconds of the parts of ``gengap.measure(model, problem)`` for a ResNet-18 with a stem for CIFAR.

python docs/results/measures/default_call.py

Seconds are of one thread, so that other work on the machine hardly changes them.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gengap.data import Problem, Split
from gengap.measures import Subject
from gengap.measures.catalogue.fisher_rao import radial_slopes
from gengap.measures.path import path_sum

FEW, MANY = 20, 128


class Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(inner, outer, 3, stride, 1, bias=False), nn.BatchNorm2d(outer)
        self.conv2, self.norm2 = nn.Conv2d(outer, outer, 3, 1, 1, bias=False), nn.BatchNorm2d(outer)
        shortcut = [nn.Conv2d(inner, outer, 1, stride, bias=False), nn.BatchNorm2d(outer)]
        self.shortcut = nn.Sequential(*(shortcut if stride > 1 or inner != outer else []))

    def forward(self, x: Tensor) -> Tensor:
        """The block's output."""
        hidden = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(hidden)) + self.shortcut(x))


def resnet18() -> nn.Module:
    """Eleven million weights."""
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    inner = 64
    for outer, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
        layers.append(Block(inner, outer, stride))
        inner = outer
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10)).eval()


def clock(label: str, function: Callable[[], Any]) -> Any:
    """Prints the processor time of a call and returns its result."""
    started = time.process_time()
    result = function()
    print(f"{label}: {time.process_time() - started:.2f} s")
    return result


def main() -> None:
    """Prints the seconds of each part."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, y = resnet18(), np.arange(MANY) % 10
    x = np.random.default_rng(0).normal(size=(MANY, 3, 32, 32)).astype(np.float32)
    problem = Problem("made-up", Split(x, y), Split(x[:8], y[:8]), tuple("abcdefghij"))
    subject = Subject(model, problem, subset=64)
    clock("reading the network", lambda: subject.layers)
    few = subject.examples(torch.arange(FEW))
    with torch.inference_mode():
        model(few[0][:2])
        clock(f"forward pass of {FEW} examples", lambda: model(few[0]))
    clock("one sum over paths", lambda: path_sum(subject.folded_model, subject.input_shape, 2))
    clock(f"pass with gradients of {MANY} examples", lambda: subject.gradient_pass)
    clock(f"Fisher-Rao norm of {FEW} examples", lambda: radial_slopes(subject.network, *few))
    clock("spectral norms of all operators", lambda: subject.spectral_norms("operator"))
    clock("spectral norms of all matrices", lambda: subject.spectral_norms("matrix"))


if __name__ == "__main__":
    main()
