"""Product norm, normalised loss and normalised network: naive twins, laws, hand cases, and networks that have none."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from homogeneous_networks import HOMOGENEOUS, OTHERS, Branching, Standardised, images, made
from torch import Tensor, nn

from gengap import models
from gengap.data import Problem, Split
from gengap.errors import InputError
from gengap.measures import measure, normalised_loss, normalised_network, product_norm
from gengap.measures.normalisation import (
    NotHomogeneousError,
    chain,
    normalised_cross_entropy,
    normalised_losses,
    signal,
)

X, Y = images()
each_network = pytest.mark.parametrize("name", HOMOGENEOUS)


def naive_logits(weights: list[Tensor], bias: Tensor, x: Tensor, p: float, unit: float) -> Tensor:
    """Liao et al. 2018: a ReLU network with a bias in layer 1 only, each layer divided by its norm over ``unit``."""
    norms = [sum(abs(float(v)) ** p for v in w.flatten()) for w in weights]
    norms[0] += sum(abs(float(v)) ** p for v in bias)
    rho = [norm ** (1 / p) / unit for norm in norms]
    h = x @ (weights[0] / rho[0]).T + bias / rho[0]
    for w, r in zip(weights[1:], rho[1:], strict=True):
        h = h.clamp(min=0) @ (w / r).T
    return h


@pytest.mark.parametrize(("p", "unit"), [(1, 100), (2, 1), (3, 1)])
def test_the_naive_twin_that_normalises_weights(p: float, unit: float) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 4, bias=False), nn.ReLU(), nn.Linear(4, 3, bias=False)
    ).double()
    x, y = torch.randn(9, 5, dtype=torch.float64), torch.arange(9) % 3
    weights = [network[i].weight.detach() for i in (0, 2, 4)]
    logits = naive_logits(weights, network[0].bias.detach(), x, p, unit)
    expected = -logits.log_softmax(1)[torch.arange(9), y].mean()
    assert normalised_loss(network, (x, y), p) == pytest.approx(float(expected), rel=1e-13)
    assert torch.allclose(normalised_network(network, p)(x), logits, rtol=1e-12, atol=0)


def test_by_hand() -> None:
    network = nn.Linear(1, 2, bias=False).double()
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[3.0], [-4.0]]))
    assert product_norm(network) == 5  # sqrt(9 + 16)
    assert product_norm(network, 1) == 0.07  # 7 over 100, as in the paper
    assert product_norm(network, 1, unit=1) == 7
    assert product_norm(network, math.inf) == 4
    x, y = torch.ones(1, 1, dtype=torch.float64), torch.tensor([0])
    assert normalised_loss(network, (x, y)) == pytest.approx(math.log(1 + math.exp(-7 / 5)), rel=1e-14)


def test_the_first_layers_norm_has_its_bias_and_later_ones_have_not() -> None:
    network = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1))
    for value in network.parameters():
        nn.init.constant_(value, 3.0)
    assert product_norm(network) == pytest.approx(math.sqrt(18) * 3, rel=1e-12)


@each_network
@pytest.mark.parametrize("p", [1, 2, 4])
@pytest.mark.parametrize("example", [None, X])
def test_the_normalised_network_is_f_over_the_product_and_decides_alike(
    name: str, p: float, example: Tensor | None
) -> None:
    network = made(HOMOGENEOUS[name])
    other = normalised_network(network, p, example=example)
    expected = network(X) / product_norm(network, p, example=example)
    assert torch.allclose(other(X), expected, rtol=1e-9, atol=0)
    for one in X:
        assert other(one[None]).argmax() == network(one[None]).argmax()
    norms = [float(torch.linalg.vector_norm(layer.weight, p)) for layer in chain(other).layers[1:]]
    assert norms == pytest.approx([100 if p == 1 else 1] * len(norms), rel=1e-9)
    assert not other.training


@each_network
def test_the_loss_is_that_of_the_normalised_network(name: str) -> None:
    network = made(HOMOGENEOUS[name])
    with torch.no_grad():
        expected = nn.functional.cross_entropy(normalised_network(network)(X), Y)
    assert normalised_loss(network, (X, Y)) == pytest.approx(float(expected), rel=1e-9)


@each_network
@pytest.mark.parametrize("index", [0, 1, 2])
def test_scaling_a_layer_changes_nothing_once_it_is_normalised(name: str, index: int) -> None:
    network = made(HOMOGENEOUS[name])
    found = chain(network, X)
    scaled = found.scaled([7.5 if i == index else 1.0 for i in range(len(found.layers))])
    assert torch.allclose(scaled(X), 7.5 * network(X), rtol=1e-9)
    assert product_norm(scaled) == pytest.approx(7.5 * product_norm(network), rel=1e-9)
    assert normalised_loss(scaled, (X, Y)) == pytest.approx(normalised_loss(network, (X, Y)), rel=1e-12)


def test_the_papers_networks() -> None:
    x = torch.randn(3, 3, 32, 32)
    for name, layers in (("convnet-3", 3), ("convnet-5", 5), ("convnet-5-no-bn", 5), ("mlp-3x512", 4)):
        network = models.build(name, (3, 32, 32), 10).eval()
        assert len(chain(network, x).layers) == layers
        assert torch.equal(normalised_network(network)(x).argmax(1), network(x).argmax(1))


def test_the_network_stays_as_it_is() -> None:
    network = made(HOMOGENEOUS["batch norm"]).train()
    before = copy.deepcopy(network.state_dict())
    normalised_loss(network, (X, Y))
    normalised_network(network)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("example", [None, X])
@pytest.mark.parametrize("name", OTHERS)
def test_other_networks_have_none_and_the_reason_is_told(name: str, example: Tensor | None) -> None:
    build, reason = OTHERS[name]
    with pytest.raises(NotHomogeneousError) as error:
        product_norm(made(build), example=example)
    assert reason in error.value.reason
    assert pickle.loads(pickle.dumps(error.value)).reason == error.value.reason


def test_a_network_that_cannot_be_traced_is_judged_by_numbers() -> None:
    plain, residual = (made(lambda r=r: Branching(residual=r)) for r in (False, True))
    with pytest.raises(InputError, match="cannot be traced"):
        product_norm(plain)
    assert torch.allclose(normalised_network(plain, example=X)(X), plain(X) / product_norm(plain, example=X))
    with pytest.raises(NotHomogeneousError, match="weights of middle"):
        product_norm(residual, example=X)


def test_a_layer_that_does_not_apply_its_stored_weight_is_named() -> None:
    network = made(lambda: nn.Sequential(Standardised(3, 4, 8), nn.ReLU(), nn.Flatten(), nn.Linear(4, 4)))
    with pytest.raises(NotHomogeneousError, match="0: Standardised has a forward pass of its own"):
        normalised_loss(network, (X, Y))


def test_bad_input() -> None:
    network = made(HOMOGENEOUS["convolutional"])
    with pytest.raises(InputError, match=r"no L0\.5 norm"):
        product_norm(network, 0.5)
    with pytest.raises(InputError, match="no Lnan norm"):
        product_norm(network, math.nan)
    with pytest.raises(InputError, match="A unit of 0"):
        product_norm(network, unit=0)
    with pytest.raises(InputError, match="no examples"):
        normalised_loss(network, [])
    with pytest.raises(InputError, match="Unknown split"):
        normalised_loss(network.float(), _problem(), split="valid")
    nn.init.zeros_(network[3].weight)
    with pytest.raises(InputError, match="layer 3 is zero"):
        product_norm(network)
    nn.init.constant_(network[3].weight, math.nan)
    with pytest.raises(InputError, match="NaN or infinite"):
        product_norm(network)
    huge = nn.Linear(1, 1, bias=False).double()
    nn.init.constant_(huge.weight, 1e300)
    with pytest.raises(InputError, match="logarithm is 1381"):
        product_norm(nn.Sequential(huge, nn.ReLU(), copy.deepcopy(huge)))
    tiny = nn.Linear(2, 3, bias=False).double()
    nn.init.constant_(tiny.weight, -1e-300)
    assert product_norm(tiny) == pytest.approx(math.sqrt(6) * 1e-300, rel=1e-14)


def _problem() -> Problem:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (20, 3, 8, 8)).astype(np.uint8), rng.integers(0, 4, 20)
    return Problem("made-up", Split(x[:12], y[:12]), Split(x[12:], y[12:]), tuple("abcd")).preprocess(scale="signed")


def test_data_in_every_form() -> None:
    problem, network = _problem(), made(HOMOGENEOUS["convolutional"])
    for split in ("train", "test"):
        own = getattr(problem, split)
        x, y = torch.from_numpy(own.x / 127.5 - 1), torch.from_numpy(own.y.copy())
        expected = normalised_loss(network, (x, y))
        assert normalised_loss(network, problem, split=split) == pytest.approx(expected, rel=1e-12)
        loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=5)
        assert normalised_loss(network, loader) == pytest.approx(expected, rel=1e-12)


def test_all_of_a_network_at_once() -> None:
    problem, network = _problem(), made(HOMOGENEOUS["batch norm"])
    record = normalised_losses(network, problem)
    for split in ("train", "test"):
        own = getattr(problem, split)
        x, y = torch.from_numpy(own.x / 127.5 - 1), torch.from_numpy(own.y.copy())
        with torch.no_grad():
            logits = network(x)
        assert record[f"{split}_loss"] == pytest.approx(float(nn.functional.cross_entropy(logits, y)))
        assert record[f"{split}_error"] == pytest.approx(float((logits.argmax(1) != y).double().mean()))
        for name, p in (("l1", 1), ("frobenius", 2)):
            assert record[f"{name}_product_norm"] == pytest.approx(product_norm(network, p))
            assert record[f"{name}_{split}_loss"] == pytest.approx(normalised_loss(network, problem, p, split=split))
            naive = np.mean([float(f[k] - f.mean()) for f, k in zip(logits, y, strict=True)])
            assert record[f"{name}_{split}_signal"] == pytest.approx(naive / product_norm(network, p))


def test_the_loss_is_ln_c_less_the_signal_to_first_order() -> None:
    rng = torch.Generator().manual_seed(0)
    logits, y = torch.randn(50, 10, generator=rng, dtype=torch.float64), torch.randint(10, (50,), generator=rng)
    for size in (1e-3, 1e-4):
        loss = float(nn.functional.cross_entropy(size * logits, y))
        assert abs(math.log(10) - float(signal(size * logits, y)) - loss) < size**2


def test_the_normalised_network_is_the_users_own_and_nothing_more() -> None:
    network = made(HOMOGENEOUS["batch norm"])
    seen: list[int] = []
    network.register_forward_pre_hook(lambda _module, inputs: seen.append(len(inputs[0])))
    other = normalised_network(network, example=X)
    seen.clear()
    other(X)
    assert seen == [len(X)]
    for hooked in (module for module in other.modules() if module is not other):
        assert not hooked._forward_pre_hooks
    assert len(other._forward_pre_hooks) == 1
    assert b"gengap" not in pickle.dumps(normalised_network(nn.Sequential(nn.Linear(3, 2)).double()))


@pytest.mark.parametrize(
    ("size", "log10_product", "quotient"), [(1e-307, -310.0, 200.0), (1e300, 320.0, 2e-21), (1.0, 400.0, 0.0)]
)
def test_a_product_beyond_float64_divides_logits_that_are_as_large_or_as_small(
    size: float, log10_product: float, quotient: float
) -> None:
    logits = size * torch.tensor([[3.0, -4.0], [-4.0, 3.0]], dtype=torch.float64)
    log_product = log10_product * math.log(10) + math.log(5)
    for label in (0, 1):
        y = torch.tensor([label, 1 - label])
        sign = 1 if label == 0 else -1
        expected = float(nn.functional.softplus(torch.tensor(-sign * 7 * quotient, dtype=torch.float64)))
        assert float(normalised_cross_entropy(logits, y, log_product)) == pytest.approx(expected, rel=1e-10)
        assert float(signal(logits, y, log_product)) == pytest.approx(sign * 3.5 * quotient, rel=1e-10)


def test_a_loss_beyond_float64_is_null_with_its_logarithm() -> None:
    """The product of norms is tiny, the last layer's bias is not: logits 3, 2, 1, 0 whatever the input."""
    layers = [nn.Linear(192, 1, bias=False), *(nn.Linear(1, 1, bias=False) for _ in range(6)), nn.Linear(1, 4)]
    network = nn.Sequential(nn.Flatten(), *[m for layer in layers for m in (layer, nn.ReLU())][:-1]).double()
    with torch.no_grad():
        for layer in layers:
            layer.weight.fill_(1e-50)
        layers[-1].bias.copy_(torch.tensor([3.0, 2.0, 1.0, 0.0]))
    problem = _problem()
    losses = 3 - np.array([3.0, 2.0, 1.0, 0.0])[problem.train.y]
    product = -8 * 50 * math.log(10) + 0.5 * math.log(192 * 4)
    expected = math.log(losses.mean()) - product
    row = measure(network, problem, measures=["normalised_loss"]).iloc[0]
    assert (row["value"], row["status"]) == (None, "ok")
    assert row["log_value"] == pytest.approx(expected, rel=1e-12)
    assert "beyond float64" in row["reason"]
    with pytest.raises(InputError, match=f"natural logarithm is {expected:.6g}"):
        normalised_loss(network, problem)
    record = normalised_losses(network, problem)
    assert (record["frobenius_product_norm"], record["frobenius_train_loss"]) == (None, None)
    assert record["train_loss"] < 4


class _TwoHeads(nn.Module):
    """A trunk with two heads; what is returned is up to ``form``."""

    def __init__(self, form: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.form, self.trunk, self.head, self.aux = form, nn.Linear(4, 5), nn.Linear(5, 3), nn.Linear(5, 7)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor] | dict[str, Tensor]:
        h = nn.functional.relu(self.trunk(x))
        if self.form == "unused":
            return self.head(h)
        aux, scores = self.aux(h), self.head(h)
        return {"thrown away": scores, "tuple": (scores, aux), "dict": {"scores": scores, "aux": aux}}[self.form]


TWO_HEADS = torch.randn(20, 4, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 3


@pytest.mark.parametrize(
    ("form", "output"), [("unused", None), ("thrown away", None), ("tuple", 0), ("dict", "scores")]
)
def test_a_head_that_has_no_part_in_the_scores_does_not_count(form: str, output: str | int | None) -> None:
    model = _TwoHeads(form)
    plain = nn.Sequential(model.trunk, nn.ReLU(), model.head)
    assert product_norm(model, output=output) == product_norm(plain)
    assert product_norm(model, example=TWO_HEADS[0], output=output) == product_norm(plain)
    assert normalised_loss(model, TWO_HEADS, output=output) == normalised_loss(plain, TWO_HEADS)


@pytest.mark.parametrize("form", ["tuple", "dict"])
def test_several_values_are_no_scores(form: str) -> None:
    model = _TwoHeads(form)
    with pytest.raises(NotHomogeneousError, match=r"aux|several"):
        product_norm(model)
    for call in (
        lambda: product_norm(model, example=TWO_HEADS[0]),
        lambda: normalised_loss(model, TWO_HEADS),
        lambda: normalised_loss(model, TWO_HEADS, output="nothing"),
    ):
        with pytest.raises(InputError, match=r"returns (tuple|dict) of|has no 'nothing'"):
            call()


class _Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention, self.last = nn.MultiheadAttention(4, 1, kdim=2, vdim=2, batch_first=True), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.attention(x[:, None], x[:, None, :2], x[:, None, :2])
        return self.last(y[:, 0])


@pytest.mark.parametrize(
    "model", [_Attending(), nn.Sequential(nn.TransformerEncoderLayer(4, 1, 8, batch_first=True), nn.Linear(4, 3))]
)
def test_attention_is_refused_with_examples_and_without(model: nn.Module) -> None:
    for call in (lambda: product_norm(model), lambda: normalised_loss(model, TWO_HEADS)):
        with pytest.raises(NotHomogeneousError, match=r"softmax|TransformerEncoderLayer"):
            call()


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64])
def test_a_network_takes_inputs_of_its_own_type(kind: torch.dtype) -> None:
    x, y = TWO_HEADS
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)).to(kind)
    expected = normalised_loss(copy.deepcopy(model).double(), (x.to(kind).double(), y))
    assert normalised_loss(model, (x.to(kind), y)) == pytest.approx(expected, rel=1e-6)
    assert normalised_loss(model, (x, y)) == pytest.approx(expected, rel=1e-2)
    assert product_norm(model, example=x.to(kind)) == product_norm(model)


def test_data_that_cannot_be_used_are_told() -> None:
    x, y = TWO_HEADS
    model = nn.Linear(4, 3)
    for data, told in (
        ((x[:0], y[:0]), "There are no examples"),
        ([], "There are no examples"),
        ((x, y.double()), "Labels have type float64"),
        ((x, y[:5]), r"Inputs of shape \(20, 4\) for 5 labels"),
        ((x, y + 1), "Labels from 1 to 3 for 3 scores"),
        ((x, y - 1), "Labels from -1 to 1 for 3 scores"),
        ([x], "A batch is a Tensor"),
        ([(x, y, y)], "A batch is a tuple of 3"),
        ((x[:, :3], y), "cannot take a batch of inputs"),
    ):
        with pytest.raises(InputError, match=told):
            normalised_loss(model, data)


def test_a_product_beyond_the_networks_type_is_refused_and_in_double_precision_it_is_not() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(64, 64, bias=False) for _ in range(40)))
    for layer in model:
        nn.init.orthogonal_(layer.weight)
    with pytest.raises(InputError, match="float32 would lose digits"):
        normalised_network(model)
    x = torch.randn(50, 64, dtype=torch.float64)
    model = model.double()
    assert torch.equal(normalised_network(model)(x).argmax(1), model(x).argmax(1))
