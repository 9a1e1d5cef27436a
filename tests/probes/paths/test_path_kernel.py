"""The path kernel is the Gram matrix of enumerated paths; by hand and by formula where these are known."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from path_networks import NETWORKS
from torch import Tensor, nn

from gengap.errors import InputError
from gengap.probes import path_features, path_kernel
from gengap.probes.paths import path_kernels
from gengap.probes.paths.kernel import tile_memory


def inputs(shape: tuple[int, ...], n: int = 7, seed: int = 1) -> Tensor:
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("tile", [None, 2, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_the_gram_matrix_of_enumerated_paths(name: str, tile: int | None) -> None:
    model, shape = NETWORKS[name]
    z = path_features(model, inputs(shape))
    gram = z @ z.T
    kernel = path_kernel(model, inputs(shape), tile=tile)
    assert kernel.dtype == torch.float64
    torch.testing.assert_close(kernel, gram, rtol=1e-12, atol=1e-13 * float(gram.max()))


@pytest.mark.parametrize("name", ["fully connected", "maximum pool", "ends in ReLU"])
def test_between_two_sets_it_is_a_part_of_the_kernel_of_both(name: str) -> None:
    model, shape = NETWORKS[name]
    x, other = inputs(shape), inputs(shape, 4, seed=2)
    both = path_kernel(model, torch.cat([x, other]))
    torch.testing.assert_close(path_kernel(model, x, other), both[:7, 7:])
    torch.testing.assert_close(path_kernel(model, x, other, tile=3), both[:7, 7:])
    torch.testing.assert_close(path_kernel(model, x[:1], other[:1]), both[:1, 7:8])


@pytest.mark.parametrize("bias", [False, True])
def test_of_a_fully_connected_network_it_is_the_product_of_gram_matrices_of_gates(bias: bool) -> None:
    torch.manual_seed(0)
    layers = [nn.Linear(20, 30, bias=bias), nn.Linear(30, 40, bias=bias), nn.Linear(40, 5, bias=bias)]
    model = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2]).double()
    x = inputs((20,)).double()
    expected, h = x @ x.T, x
    for layer in layers[:-1]:
        gates = (layer(h) > 0).double()
        expected, h = gates @ gates.T * (expected + bias), torch.relu(layer(h))
    torch.testing.assert_close(path_kernel(model, x), expected + bias, rtol=1e-13, atol=0)


def test_fixed_multipliers_belong_to_the_features_and_trained_ones_to_the_weights() -> None:
    class Scaled(nn.Module):
        def __init__(self, scale: Tensor | nn.Parameter):
            super().__init__()
            self.layer = nn.Linear(2, 2, bias=False)
            if isinstance(scale, nn.Parameter):
                self.scale = scale
            else:
                self.register_buffer("scale", scale)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x * self.scale)

    x, three = torch.tensor([[1.0, 2.0]]), torch.tensor([3.0, 3.0])
    assert path_kernel(Scaled(three), x).item() == 9 * 5
    assert path_kernel(Scaled(nn.Parameter(three)), x).item() == 5


def test_a_convolution_by_hand() -> None:
    """Windows of two of [1, 2, 3]: both paths into each of two positions, which a ReLU lets through or not."""
    conv, head = nn.Conv1d(1, 1, 2, bias=False), nn.Linear(2, 1, bias=False)
    conv.weight.data = torch.tensor([[[1.0, -1.0]]])  # 1 - 2 and 2 - 3 are negative, 3 - 2 and 2 - 1 positive
    model = nn.Sequential(conv, nn.ReLU(), nn.Flatten(), head)
    x = torch.tensor([[[1.0, 2.0, 3.0]], [[3.0, 2.0, 1.0]], [[3.0, 1.0, 2.0]]])
    kernel = path_kernel(model, x)
    assert kernel.diag().tolist() == [0, 9 + 4 + 4 + 1, 9 + 1]
    assert kernel[1, 2].item() == 3 * 3 + 2 * 1


@pytest.mark.parametrize("name", NETWORKS)
def test_rows_do_not_depend_on_their_companions(name: str) -> None:
    model, shape = NETWORKS[name]
    x = inputs(shape)
    order = torch.tensor([3, 0, 6, 2, 1, 5, 4])
    torch.testing.assert_close(path_kernel(model, x[order]), path_kernel(model, x)[order][:, order])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"tile": 0}, "tile = 0"),
        ({"tile": -1}, "tile = -1"),
        ({"x": torch.full((3, 4), float("nan"))}, "NaN or infinite"),
        ({"other": torch.full((3, 4), float("inf"))}, "NaN or infinite"),
        ({"other": torch.ones(3, 5)}, r"shape \(4,\), the others \(5,\)"),
    ],
)
def test_bad_arguments_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        path_kernel(**{"model": nn.Linear(4, 2), "x": inputs((4,))} | changed)


def test_weights_that_are_not_finite_are_refused() -> None:
    model = nn.Linear(4, 2)
    model.weight.data[0, 0] = float("inf")
    with pytest.raises(InputError, match="NaN or infinite: weight"):
        path_kernel(model, inputs((4,)))


def test_real_gates_are_named() -> None:
    model, shape = NETWORKS["response normalisation"]
    assert path_kernels(model, inputs(shape)).real_gates == {"1": "addcmul"}
    model, shape = NETWORKS["maximum pool"]
    assert path_kernels(model, inputs(shape)).real_gates == {}


class Gated(nn.Module):
    """A factor that is computed from the activations, times them."""

    def __init__(self, gate: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.a, self.b, self.gate = nn.Linear(3, 4), nn.Linear(4, 2), gate

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        return self.b(self.gate(h) * h)


@pytest.mark.parametrize(
    "gate", [lambda h: (h > 0) * (h < 1), lambda h: (h > 0) & ~(h > 1), lambda h: ((h > 0) | (h < -1)).to(h.dtype)]
)
def test_comparisons_that_are_joined_are_constant_on_pieces(gate: Callable[[Tensor], Tensor]) -> None:
    assert path_kernels(Gated(gate), inputs((3,))).real_gates == {}


@pytest.mark.parametrize("gate", [lambda h: (h > 0) * 0.5, lambda h: ~(h > 0).int(), torch.sigmoid])
def test_other_factors_are_real_gates(gate: Callable[[Tensor], Tensor]) -> None:
    assert path_kernels(Gated(gate), inputs((3,))).real_gates == {"Gated": "mul"}


def test_a_forward_pass_that_looks_at_its_examples_is_refused() -> None:
    class Looking(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.b(self.a(x)) if x.sum() > 0 else self.b(x)

    x = torch.tensor([[1.0, 1.0], [1.0, 2.0], [-9.0, -9.0], [-9.0, -8.0]])
    with pytest.raises(InputError, match="calls other operations"):
        path_kernel(Looking(), x, tile=2)


# A process of its own, whose peak nothing else has a part in; small arrays come from memory that it already had.
MEMORY = """
import sys, torch
from torch import nn
from gengap.probes.paths import path_kernels
from gengap.probes.paths.kernel import tile_memory

def memory(name):
    return next(1024 * int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))

class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(i, 16, 3, padding=1) for i in (3, 16, 16))
        self.out = nn.Linear(1024, 10)

    def forward(self, x):
        x = torch.relu(self.a(x))
        x = torch.relu(x + self.c(torch.relu(self.b(x))))
        return self.out(nn.functional.avg_pool2d(x, 2).flatten(1))

torch.set_num_threads(1)
model, x = Residual().eval(), torch.randn(150, 3, 16, 16)
path_kernels(model, x[:4])
stated = tile_memory(model, x)
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = memory("VmRSS")
path_kernels(model, x)
print(stated, memory("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
def test_the_memory_that_is_stated_is_enough_and_not_far_from_what_is_used() -> None:
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    stated, used = map(int, done.stdout.split())
    assert stated / 4 < used < stated


def test_the_memory_that_is_stated_holds_the_kernel_and_grows_with_it_alone() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    few, many = (tile_memory(model, torch.zeros(1, 4).expand(n, 4)) for n in (5_000, 10_000))
    kernels = 8 * (10_000**2 - 5_000**2)
    assert kernels < many - few < 1.01 * kernels
    assert tile_memory(model, torch.zeros(2, 4), torch.zeros(3, 4), tile=2) < few
