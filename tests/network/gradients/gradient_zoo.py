"""Small networks in float64, one for each kind of layer whose gradients have a rule, and some without one."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

N, CLASSES = 5, 3


class Tied(nn.Module):
    """An embedding whose weight also gives the scores, as in language models."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(7, 4, padding_idx=0)
        self.mix = nn.Linear(4, 4)
        self.out = nn.Linear(4, 7, bias=False)
        self.out.weight = self.words.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.tanh(self.mix(self.words(x))).mean(1))


class TiedByFunction(nn.Module):
    """The same, the weight applied by a function at every place."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(7, 4)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(torch.tanh(self.words(x)), self.words.weight).mean(1)


class Repeated(nn.Module):
    """One layer applied three times."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.out = nn.Linear(4, 4), nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            x = torch.tanh(self.layer(x))
        return self.out(x)


class Attention(nn.Module):
    """Self-attention, attention to fewer places, and attention with keys of another size."""

    def __init__(self, *, batch_first: bool = True) -> None:
        super().__init__()
        self.first = batch_first
        self.a = nn.MultiheadAttention(4, 2, batch_first=batch_first)
        self.b = nn.MultiheadAttention(4, 1, batch_first=batch_first)
        self.c = nn.MultiheadAttention(4, 2, kdim=3, vdim=2, batch_first=batch_first)
        self.out = nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.first else x.transpose(0, 1)
        few = x[:, :2] if self.first else x[:2]
        z = self.a(x, x, x)[0]
        z = self.b(z, few, few)[0]
        z = self.c(z, x[..., :3], x[..., :2])[0]
        return self.out(z.mean(1 if self.first else 0))


class Frames(nn.Module):
    """Rows that are the places of an example, one after the other, as frames of a film are."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.lin = nn.Conv2d(1, 2, 2), nn.GroupNorm(1, 2), nn.Linear(2, 3)
        self.out = nn.Linear(3, CLASSES)

    def forward(self, x: Tensor) -> Tensor:  # [N, T, 1, 3, 3]
        rows = self.norm(self.conv(x.flatten(0, 1))).mean((2, 3))
        return self.out(torch.tanh(self.lin(rows)).unflatten(0, (len(x), -1)).mean(1))


class Loose(nn.Module):
    """Parameters that no operation with a rule applies, beside one that has."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.place = nn.Parameter(torch.ones(4)), nn.Parameter(torch.zeros(1, 4))
        self.out = nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.tanh(x * self.scale + self.place))


class Masked(nn.Module):
    """A weight that is applied as it is, and squared by a function too."""

    def __init__(self) -> None:
        super().__init__()
        self.lin, self.out = nn.Linear(4, 4), nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.tanh(self.lin(x)) + x @ self.lin.weight.square())


class Squeezed(nn.Module):
    """A network that ends in squeeze(), which drops the row of a batch of one."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, CLASSES, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).squeeze()


class Recurrent(nn.Module):
    """A layer without a rule."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.out = nn.GRU(4, 3, batch_first=True), nn.Linear(3, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.rnn(x)[0][:, -1])


class Spread(nn.Module):
    """A network before a mean over places."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        z: Tensor = self.layers(x)
        return z.flatten(2).mean(2) if z.ndim > 2 else z


def floats(*shape: int) -> Callable[[], Tensor]:
    return lambda: torch.randn(N, *shape, dtype=torch.float64)


def words(*shape: int) -> Callable[[], Tensor]:
    return lambda: torch.randint(7, (N, *shape))


# Name -> (network, inputs). All parameters have a rule.
RULED: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "linear": (lambda: nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3, bias=False)), floats(4)),
    "linear, in place": (lambda: nn.Sequential(nn.Linear(4, 6), nn.ReLU(inplace=True), nn.Linear(6, 3)), floats(4)),
    "linear at places": (lambda: Spread(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3), nn.Tanh()), floats(5, 4)),
    "conv 1-d": (lambda: Spread(nn.Conv1d(2, 4, 3, stride=2, padding=1), nn.Tanh(), nn.Conv1d(4, 3, 2)), floats(2, 9)),
    "conv 2-d": (
        lambda: Spread(nn.Conv2d(2, 4, 3), nn.Tanh(), nn.Conv2d(4, 3, (2, 1), stride=(1, 2))),
        floats(2, 6, 5),
    ),
    "conv 2-d dilated": (lambda: Spread(nn.Conv2d(2, 3, 2, dilation=2, padding="same")), floats(2, 5, 6)),
    "conv 2-d even same": (lambda: Spread(nn.Conv2d(2, 3, 4, padding="same")), floats(2, 5, 6)),
    "conv 2-d grouped": (
        lambda: Spread(
            nn.Conv2d(4, 6, 3, groups=2, stride=2, padding=(1, 2), dilation=(1, 2)), nn.Tanh(), nn.Conv2d(6, 3, 1)
        ),
        floats(4, 7, 6),
    ),
    "conv 2-d depthwise": (lambda: Spread(nn.Conv2d(3, 3, 3, groups=3, padding=1)), floats(3, 4, 4)),
    "conv 2-d reflected": (
        lambda: Spread(nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect", stride=2)),
        floats(2, 5, 5),
    ),
    "conv 3-d": (lambda: Spread(nn.Conv3d(2, 3, (2, 3, 2), stride=(1, 2, 1), padding=1)), floats(2, 3, 4, 3)),
    "transposed 1-d": (
        lambda: Spread(nn.ConvTranspose1d(2, 3, 3, stride=3, padding=1, output_padding=2)),
        floats(2, 4),
    ),
    "transposed 2-d grouped": (
        lambda: Spread(
            nn.ConvTranspose2d(4, 6, (3, 2), stride=2, padding=1, output_padding=1, groups=2, dilation=(2, 1)),
            nn.Tanh(),
            nn.Conv2d(6, 3, 1),
        ),
        floats(4, 4, 3),
    ),
    "transposed 2-d dilated": (
        lambda: Spread(nn.ConvTranspose2d(2, 3, 2, stride=2, dilation=3, output_padding=2)),
        floats(2, 3, 3),
    ),
    "transposed 3-d": (lambda: Spread(nn.ConvTranspose3d(2, 3, 2, stride=2)), floats(2, 2, 2, 3)),
    "layer norm": (lambda: nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Linear(6, 3)), floats(4)),
    "layer norm of images": (lambda: Spread(nn.LayerNorm([2, 3, 3]), nn.Conv2d(2, 3, 2)), floats(2, 3, 3)),
    "rms norm": (lambda: Spread(nn.RMSNorm(4), nn.Linear(4, 3), nn.Tanh()), floats(5, 4)),
    "group norm": (lambda: Spread(nn.Conv2d(2, 4, 2), nn.GroupNorm(2, 4), nn.Conv2d(4, 3, 2)), floats(2, 4, 4)),
    "group norm of vectors": (lambda: nn.Sequential(nn.GroupNorm(2, 4), nn.Linear(4, 3)), floats(4)),
    "batch norm, running": (lambda: Spread(nn.Conv2d(2, 3, 2), nn.BatchNorm2d(3)).eval(), floats(2, 4, 4)),
    "batch norm of vectors": (lambda: nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3)).eval(), floats(4)),
    "instance norm": (lambda: Spread(nn.InstanceNorm2d(2, affine=True), nn.Conv2d(2, 3, 2)), floats(2, 4, 4)),
    "prelu": (lambda: nn.Sequential(nn.Linear(4, 4), nn.PReLU(), nn.PReLU(4), nn.Linear(4, 3)), floats(4)),
    "prelu of channels": (lambda: Spread(nn.Conv2d(2, 3, 2), nn.PReLU(3)), floats(2, 3, 3)),
    "embedding": (lambda: Spread(nn.Embedding(7, 4, padding_idx=-2), nn.Linear(4, 3), nn.Tanh()), words(6)),
    "embedding of single words": (lambda: nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 3)), words()),
    "tied": (Tied, words(4)),
    "tied by a function": (TiedByFunction, words(4)),
    "repeated": (Repeated, floats(4)),
    "attention": (Attention, floats(4, 4)),
    "attention, places first": (lambda: Attention(batch_first=False), floats(4, 4)),
    "transformer": (
        lambda: Spread(
            nn.Linear(2, 4), nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True), nn.Linear(4, 3)
        ),
        floats(5, 2),
    ),
    "frames": (Frames, floats(4, 1, 3, 3)),
    "squeezed": (Squeezed, floats(2, 3, 3)),
    "deep linear": (lambda: nn.Sequential(*(nn.Linear(4, 4) for _ in range(3)), nn.Linear(4, 3)), floats(4)),
}

# Name -> (network, inputs, parameters without a rule).
FORMED: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor], tuple[str, ...]]] = {
    "loose parameters": (Loose, floats(4), ("scale", "place")),
    "a weight used in another way too": (Masked, floats(4), ("lin.weight",)),
    "recurrent": (
        Recurrent,
        floats(5, 4),
        ("rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0"),
    ),
    "weight norm": (
        lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)), nn.Tanh(), nn.Linear(4, 3)),
        floats(4),
        ("0.parametrizations.weight.original0", "0.parametrizations.weight.original1"),
    ),
    "embedding by frequency": (
        lambda: Spread(nn.Embedding(7, 3, scale_grad_by_freq=True)),
        words(4),
        ("layers.0.weight",),
    ),
    "bilinear": (lambda: _Bilinear(), floats(4), ("b.weight", "b.bias")),
}


class _Bilinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.b, self.out = nn.Bilinear(4, 4, 3), nn.Linear(3, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.b(x, x))


def made(factory: Callable[[], nn.Module], inputs: Callable[[], Tensor]) -> tuple[nn.Module, Tensor, Tensor]:
    """The network in float64 with weights drawn at random (norms' too), inputs and labels."""
    torch.manual_seed(3)
    model, x = factory().double(), inputs()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn_like(p) * 0.6 + 0.1)
        for name, b in model.named_buffers():
            if name.endswith("running_mean"):
                b.normal_()
            if name.endswith("running_var"):
                b.uniform_(0.5, 2.0)
    with torch.no_grad():
        classes = model(x).shape[1]
    return model, x, torch.arange(N) % classes


def loop(model: nn.Module, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """The gradients by an explicit loop over examples, ``[N, D]``."""
    found: dict[str, list[Tensor]] = {}
    for n in range(len(y)):
        model.zero_grad()
        scores = model(x[n : n + 1])
        functional.cross_entropy(scores if scores.ndim > 1 else scores[None], y[n : n + 1]).backward()
        for name, p in model.named_parameters():
            found.setdefault(name, []).append((torch.zeros_like(p) if p.grad is None else p.grad.clone()).flatten())
    model.zero_grad()
    return {name: torch.stack(parts) for name, parts in found.items()}
