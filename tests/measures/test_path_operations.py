"""What adds up paths and what does not, operation by operation; truths path by path through dense matrices."""

from collections.abc import Callable

import pytest
import torch
from measured_networks import CLASSES, problem
from torch import Tensor, nn
from torch.nn import functional

from gengap.measures import measure
from gengap.measures.path import path_sum

PATHS = ["path_norm", "path_norm_over_margin", "neyshabur2015_path_l1", "neyshabur2015_path_l2"]


class Net(nn.Module):
    """A forward pass written as a function of the network and its input, which is made a vector."""

    def __init__(self, forward: Callable[["Net", Tensor], Tensor], **parts: nn.Module | nn.Parameter):
        super().__init__()
        self.by_hand = forward
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Tensor:
        return self.by_hand(self, x.flatten(1))


def linear(inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    torch.manual_seed(inputs + outputs)
    return nn.Linear(inputs, outputs, bias=bias)


def branches(forward: Callable[[Net, Tensor], Tensor]) -> Net:
    torch.manual_seed(0)
    a, b = nn.Linear(64, 6, bias=False), nn.Linear(64, 6, bias=False)
    return Net(forward, a=a, b=b, out=nn.Linear(6, CLASSES, bias=False))


def cosine_head() -> Net:
    """A learnt temperature, and class vectors that the forward pass normalises."""
    return Net(
        lambda net, x: net.scale.exp() * functional.linear(torch.relu(net.a(x)), functional.normalize(net.w)),
        a=linear(64, 6),
        scale=nn.Parameter(torch.tensor(2.0)),
        w=nn.Parameter(torch.randn(CLASSES, 6)),
    )


class Sobel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])[None, None])

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.kernel)


class SqueezeExcitation(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.squeeze, self.excite = linear(channels, 2), linear(2, channels)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        gate = self.gate(self.excite(torch.relu(self.squeeze(x.mean((2, 3))))))
        return x * gate[:, :, None, None]


def squeezed(factor: float) -> nn.Sequential:
    """A gate that saturates where weights are large, so that doubling the input does not move it."""
    layers = [nn.Conv2d(1, 4, 3), nn.ReLU(), SqueezeExcitation(4), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    model = nn.Sequential(*layers, linear(4, CLASSES))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= factor
    return model


def with_weight(weight: Callable[[Tensor], Tensor]) -> Net:
    torch.manual_seed(0)
    w = nn.Parameter(torch.randn(CLASSES, 64))
    return Net(lambda net, x: functional.linear(x, weight(net.w)), w=w)


REFUSED: dict[str, tuple[nn.Module, str, str]] = {
    "difference of branches": (
        branches(lambda net, x: net.out(torch.relu(net.a(x))) - net.out(torch.relu(net.b(x)))),
        "",
        "'sub'",
    ),
    "difference before a ReLU": (branches(lambda net, x: net.out(torch.relu(net.a(x) - net.b(x)))), "", "'sub'"),
    "difference by a factor": (branches(lambda net, x: net.out(net.a(x) + -0.1 * net.b(x))), "", "negative"),
    "difference by alpha": (branches(lambda net, x: net.out(torch.add(net.a(x), net.b(x), alpha=-1))), "", "'add'"),
    "minimum": (branches(lambda net, x: net.out(torch.minimum(net.a(x), net.b(x)))), "", "'minimum'"),
    "geometric mean": (branches(lambda net, x: net.out((net.a(x) * net.b(x)).sqrt())), "", "two quantities"),
    "quotient": (branches(lambda net, x: net.out(net.a(x) * net.a(x) / net.b(x))), "", "two quantities"),
    "cosine head": (cosine_head(), "", "'exp'"),
    "CReLU": (
        Net(
            lambda net, x: net.out(torch.cat([torch.relu(h := net.a(x)), torch.relu(-h)], 1)),
            a=linear(64, 6),
            out=linear(12, CLASSES),
        ),
        "",
        "'neg'",
    ),
    "Sobel": (nn.Sequential(Sobel(), nn.ReLU(), nn.Flatten(), linear(36, CLASSES)), "0", "negative"),
    "squeeze and excitation": (squeezed(1), "2.gate", "Sigmoid is not homogeneous"),
    "saturated gate": (squeezed(4), "2.gate", "Sigmoid is not homogeneous"),
    "saturated further": (squeezed(100), "2.gate", "Sigmoid is not homogeneous"),
    "clipped ReLU": (
        nn.Sequential(nn.Flatten(), linear(64, 6), nn.ReLU6(), linear(6, CLASSES)),
        "2",
        "ReLU6 is not homogeneous",
    ),
    "root mean square of a window": (
        nn.Sequential(nn.LPPool2d(2, 2), nn.Flatten(), linear(16, CLASSES)),
        "0",
        "'pow'",
    ),
    "weight less a constant": (with_weight(lambda w: w + -0.1), "", "negative"),
    "weight less its mean": (with_weight(lambda w: w - w.mean()), "", "'sub'"),
    "weight's positive part": (with_weight(torch.relu), "", "signs"),
    "weight over its norm": (with_weight(lambda w: w / w.norm()), "", "'linalg_vector_norm'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_adds_up_no_paths_has_no_sum_and_says_why(case: str) -> None:
    model, name, why = REFUSED[case]
    for power in (1, 2):
        found = path_sum(model, (1, 8, 8), power)
        assert found.outputs is None
        assert name in found.left_out
        assert why in found.left_out[name]


@pytest.mark.parametrize("case", REFUSED)
def test_rows_of_what_adds_up_no_paths_have_no_value(case: str) -> None:
    model, name, why = REFUSED[case]
    rows = measure(model, problem(), measures=PATHS).set_index("name")
    assert set(rows["status"]) == {"skipped"}
    for row in rows.drop("path_norm_over_margin").itertuples():  # which may have no positive margin either
        assert why in row.reason
        assert row.not_covered == ([name] if name else [])


def test_a_squeeze_of_any_size_has_no_sum() -> None:
    for exponent in range(-20, 21, 4):
        assert path_sum(squeezed(2.0**exponent), (1, 8, 8), 2).outputs is None


def dense(layer: nn.Module, *shape: int) -> Tensor:
    """The matrix of a linear map, by its columns; of a convolution, each entry is one weight or none."""
    eye = torch.eye(torch.Size(shape).numel(), dtype=torch.float64).reshape(-1, *shape)
    with torch.no_grad():
        return (layer(eye) - layer(torch.zeros_like(eye))).flatten(1).T


@pytest.mark.parametrize("power", [1, 2])
def test_paths_through_grouped_and_dilated_convolutions_concatenation_and_a_mean(power: int) -> None:
    class Dense(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.a, self.b = nn.Conv2d(2, 4, 2, dilation=2), nn.Conv2d(4, 4, 3, padding=1, groups=2)
            self.pool, self.out = nn.AvgPool2d(2), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            h = torch.relu_(self.a(x))
            return self.out(self.pool(torch.cat([h, torch.relu(self.b(h))], 1)).flatten(1))

    net = Dense().double()
    h, total = (4, 2, 2), torch.zeros(3, dtype=torch.float64)
    first, second = (dense(layer, *shape).abs() ** power for layer, shape in ((net.a, (2, 4, 4)), (net.b, h)))
    biases = [layer.bias.detach().abs().repeat_interleave(4) ** power for layer in (net.a, net.b)]
    mean, last = dense(net.pool, 8, 2, 2), net.out.weight.detach().abs() ** power
    for k in range(3):
        for unit in range(32):  # after concatenation: 16 of the first convolution, 16 of the second
            out = sum(float(last[k, channel] * mean[channel, unit]) for channel in range(8))
            for middle in range(16):
                inward = float(first[middle].sum() + biases[0][middle])
                total[k] += out * inward * (float(unit == middle) if unit < 16 else float(second[unit - 16, middle]))
            total[k] += 0 if unit < 16 else out * float(biases[1][unit - 16])
        total[k] += net.out.bias[k].detach().abs() ** power
    found = path_sum(net, (2, 4, 4), power).outputs
    assert found.tolist() == pytest.approx(total.tolist(), rel=1e-12)


def test_of_a_window_a_maximum_takes_the_largest_sum() -> None:
    conv, head = nn.Conv1d(1, 1, 2, bias=False), nn.Linear(2, 1, bias=False)
    conv.weight.data, head.weight.data = torch.tensor([[[-3.0, 2.0]]]), torch.tensor([[5.0, -7.0]])
    model = nn.Sequential(conv, nn.ReLU(), nn.ZeroPad1d(1), nn.MaxPool1d(2), nn.Flatten(), head)
    assert path_sum(model, (1, 3), 1).outputs.tolist() == [5 * 5 + 5 * 7]


@pytest.mark.parametrize(
    ("forward", "expected"),
    [
        (lambda net, x: net.out(x[:, :6] + net.scale * torch.relu(net.a(x))), lambda g, a: 1 + g * a),
        (lambda net, x: net.out((1 + net.scale) * torch.relu(net.a(x))), lambda g, a: (1 + g) * a),
        (lambda net, x: net.out(nn.functional.linear(x, net.scale[:, None] * net.a.weight)), lambda g, a: g * a),
    ],
    ids=["scaled branch", "one and an offset", "scaled weight"],
)
def test_a_parameter_that_no_rule_covers_makes_rows_partial_by_name(
    forward: Callable[[Net, Tensor], Tensor], expected: Callable[[Tensor, Tensor], Tensor]
) -> None:
    torch.manual_seed(0)
    net = Net(
        forward,
        a=linear(64, 6, bias=False),
        scale=nn.Parameter(torch.randn(6)),
        out=linear(6, CLASSES, bias=False),
    )
    a, g, out = (p.detach().double() ** 2 for p in (net.a.weight, net.scale, net.out.weight))
    row = measure(net, problem(), measures=["path_norm"]).iloc[0]
    assert row.status == "partial"
    assert set(row.not_covered) - {"a"} == {"scale"}  # and a where what it applies is not its weight
    assert "no rule" in row.reason
    assert row.value == pytest.approx(float((out @ expected(g, a.sum(1))).sum()), rel=1e-12)


def test_a_batch_norm_before_its_layer_is_part_of_the_paths() -> None:
    model = nn.Sequential(nn.BatchNorm2d(1), nn.ReLU(), nn.Conv2d(1, 2, 3), nn.Flatten(), linear(72, CLASSES))
    row = measure(model.eval(), problem(), measures=["path_norm"]).iloc[0]
    assert (row.status, row.not_covered) == ("ok", [])


def test_what_is_written_into_zeros_depends_on_the_input() -> None:
    def forward(net: Net, x: Tensor) -> Tensor:
        held = torch.zeros_like(x[:, :6])
        held[:, :3] = net.a(x)[:, :3]
        return net.out(torch.relu(held) * (held if net.squares else 1))

    net = branches(forward)
    net.squares = False
    a, out = net.a.weight.detach().double().abs(), net.out.weight.detach().double().abs()
    expected = (out[:, :3] @ a[:3].sum(1)).tolist()
    assert path_sum(net, (64,), 1).outputs.tolist() == pytest.approx(expected, rel=1e-12)
    net.squares = True
    assert path_sum(net, (64,), 1).outputs is None


def test_enlarged_and_shuffled_images_keep_their_paths() -> None:
    """Enlarging by 2 and averaging over windows of 2 is the identity; so is a shuffle and its inverse."""
    ends = [nn.Conv2d(1, 4, 3), nn.Sequential(nn.Flatten(), linear(144, CLASSES))]
    between = [nn.Upsample(scale_factor=2), nn.AvgPool2d(2), nn.ChannelShuffle(2), nn.ChannelShuffle(2)]
    plain = path_sum(nn.Sequential(*ends), (1, 8, 8), 2).outputs
    found = path_sum(nn.Sequential(ends[0], *between, ends[1]), (1, 8, 8), 2).outputs
    assert torch.allclose(found, plain, rtol=1e-12)
    smooth = nn.Sequential(ends[0], nn.Upsample(scale_factor=2, mode="bilinear"), nn.AvgPool2d(2), ends[1])
    assert path_sum(smooth, (1, 8, 8), 2).left_out == {}


def test_inference_mode_changes_nothing() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), linear(36, CLASSES))
    expected = path_sum(model, (1, 8, 8), 2)
    with torch.inference_mode():
        found = path_sum(model, (1, 8, 8), 2)
    assert found.left_out == expected.left_out == {}
    assert torch.equal(found.outputs, expected.outputs)
