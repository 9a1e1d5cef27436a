"""Weights that are no parameters are named, constants that are no weights are not."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from measured_networks import CLASSES, NETWORKS, mlp, network, problem
from torch import Tensor, nn
from torch.ao.nn.quantized.dynamic import Linear as QuantisedLinear

from gengap import measure
from gengap.measures.normalisation import NotHomogeneousError, product_norm
from gengap.models import build
from gengap.models.registry import NETWORKS as PAPERS
from gengap.network import in_float64, plain_copy
from gengap.network.hidden_weights import HiddenWeights, hidden_weights

X = torch.from_numpy(problem().train.x.copy())
FIXED = torch.randn(10, 12, generator=torch.Generator().manual_seed(0))


class Between(nn.Module):
    """Two layers, and between them whatever ``apply`` does with the weight W, kept as ``keep`` says."""

    def __init__(self, keep: str, apply: Callable[[Any, Tensor], Tensor]):
        super().__init__()
        self.first, self.last, self.apply_w = nn.Linear(64, 12), nn.Linear(10, CLASSES), apply
        if keep == "buffer":
            self.register_buffer("W", FIXED.clone())
        elif keep == "attribute":
            self.W = FIXED.clone()
        elif keep == "list":
            self.parts = [FIXED.clone()]
        else:
            self.array = FIXED.numpy()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.apply_w(self, torch.relu(self.first(x.flatten(1))))))


def read(model: nn.Module) -> HiddenWeights:
    return hidden_weights(plain_copy(model), X[:4])


@pytest.mark.parametrize(
    ("keep", "apply", "name"),
    [
        ("buffer", lambda net, h: h @ net.W.T, "W"),
        ("buffer", lambda net, h: nn.functional.linear(h, net.W * 2), "W"),
        ("buffer", lambda net, h: (h[:, None] * net.W).sum(-1), "W"),
        ("buffer", lambda net, h: -torch.cdist(h, net.W), "W"),
        ("attribute", lambda net, h: torch.einsum("bi,oi->bo", h, net.W), "W"),
        ("list", lambda net, h: h @ net.parts[0].T, "parts"),
        ("array", lambda net, h: h @ torch.from_numpy(net.array).T, "forward"),
        ("array", lambda net, h: torch.from_numpy(h.numpy() @ net.array.T), "forward"),
        ("array", lambda net, h: h @ FIXED.T, "forward"),
    ],
    ids=["buffer", "scaled", "written out", "distances", "attribute", "list", "array", "outside torch", "global"],
)
def test_a_weight_that_is_no_parameter_is_named(keep: str, apply: Any, name: str) -> None:
    assert name in read(Between(keep, apply)).uncovered


@pytest.mark.parametrize("name", NETWORKS)
def test_usual_networks_have_none(name: str) -> None:
    assert read(network(name)) == HiddenWeights({}, {})


@pytest.mark.parametrize("name", [name for name, each in PAPERS.items() if each.vocabulary is None])
def test_the_papers_networks_have_none(name: str) -> None:
    shape = PAPERS[name].input_shape
    assert hidden_weights(plain_copy(build(name, shape, 10)), torch.rand(2, *shape)) == HiddenWeights({}, {})


class Normalised(nn.Module):
    """Inputs normalised by buffers, a mask, an encoding of positions, and a rotation of pairs as transformers have."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.rand(1, 1, 1, 1).expand(1, 1, 8, 8).clone())
        self.register_buffer("std", torch.rand(1, 1, 1, 1).expand(1, 1, 8, 8).clone() + 1)
        self.register_buffer("positions", torch.randn(8, 8))
        self.register_buffer("cosine", torch.rand(8, 8))
        self.register_buffer("mask", torch.triu(torch.full((8, 8), -torch.inf), 1))
        self.attention, self.head = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = ((x - self.mean) / self.std)[:, 0] + self.positions
        h = h * self.cosine
        h = self.attention(h, h, h, attn_mask=self.mask, need_weights=False)[0]
        return self.head(h.mean(1))


def test_constants_that_shift_or_scale_are_no_weights() -> None:
    assert read(Normalised()) == HiddenWeights({}, {})


class Weighted(nn.Module):
    """A layer, and whatever ``apply`` does with a vector in a buffer before the head."""

    def __init__(self, apply: Callable[[Any, Tensor], Tensor], width: int = 1):
        super().__init__()
        self.first, self.head, self.apply_v = nn.Linear(64, 12), nn.Linear(width, CLASSES), apply
        self.register_buffer("v", FIXED[0].clone())
        self.register_buffer("mask", (FIXED[0] > 0).float())

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.apply_v(self, torch.relu(self.first(x.flatten(1)))))


@pytest.mark.parametrize(
    "apply",
    [
        lambda net, h: (h * net.v).sum(-1, keepdim=True),
        lambda net, h: (net.v * h).mean(1)[:, None],
        lambda net, h: (h / net.v + h).sum(dim=(1,), keepdim=True),
        lambda net, h: -(h * net.v).reshape(-1, 3, 4).sum((1, 2))[:, None],
        lambda net, h: nn.functional.avg_pool1d((h * net.v)[:, None], 12)[:, 0],
    ],
    ids=["sum", "mean", "of a sum", "reshaped", "pooled"],
)
def test_a_vector_that_weights_a_sum_is_named(apply: Any) -> None:
    assert read(Weighted(apply)).uncovered.keys() == {"v"}


@pytest.mark.parametrize(
    ("apply", "width"),
    [
        (lambda net, h: (h * net.mask).sum(-1, keepdim=True), 1),
        (lambda net, h: h * net.v, 12),
        (lambda net, h: torch.relu(h * net.v).sum(-1, keepdim=True), 1),
        (lambda net, h: (h[:, None] * net.v).mean(1), 12),
    ],
    ids=["mask", "scaled only", "not linear", "over another axis"],
)
def test_a_vector_that_scales_values_one_by_one_is_no_weight(apply: Any, width: int) -> None:
    assert read(Weighted(apply, width)) == HiddenWeights({}, {})


def test_a_weight_that_is_computed_from_a_layers_is_told_by_its_layer() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.head = nn.Linear(64, 12), nn.Linear(12, CLASSES)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(torch.relu(nn.functional.linear(x.flatten(1), self.a.weight * 10)))

    assert read(Scaled()).altered.keys() == {"a"}
    rows = measure(Scaled(), problem(), measures=["params", "prod_of_fro"])
    assert list(rows.status) == ["partial", "partial"]
    assert all("a" in names for names in rows.not_covered)


def quantised(*names: str) -> nn.Module:
    model = mlp().eval()
    for name in names:
        model._modules[name] = QuantisedLinear.from_float(_with_config(model.get_submodule(name)))
    return model


def _with_config(layer: Any) -> nn.Module:
    layer.qconfig = torch.ao.quantization.default_dynamic_qconfig
    return layer


NEEDED = ["all_params", "params", "fisher_rao", "param_norm", "path_norm", "product_norm", "normalised_loss"]


@pytest.mark.parametrize("names", [("1", "3"), ("1", "3", "5")], ids=["partly", "wholly"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_quantised_network_names_its_layers(names: tuple[str, ...]) -> None:
    rows = measure(quantised(*names), problem(), measures=NEEDED).set_index("name")
    assert set(rows.loc[["all_params", "params"], "status"]) == {"partial" if len(names) == 2 else "skipped"}
    for name in ("all_params", "params", "param_norm"):
        assert set(names) <= set(rows.not_covered[name]), name
    assert (rows.status != "ok").all()
    with pytest.raises(NotHomogeneousError):
        product_norm(quantised(*names))


def test_rows_about_parameters_are_partial_where_a_buffer_is_a_weight() -> None:
    model = Between("buffer", lambda net, h: h @ net.W.T)
    rows = measure(model, problem(), measures=[*NEEDED, "gradient_noise_final", "cross_entropy"]).set_index("name")
    assert rows.value["params"] == 64 * 12 + 10 * CLASSES
    for name in ("all_params", "params", "fisher_rao", "param_norm"):
        assert (rows.status[name], rows.not_covered[name]) == ("partial", ["W"]), name
    assert rows.status["cross_entropy"] == "ok"
    assert rows.status["product_norm"] == rows.status["normalised_loss"] == "skipped"
    for example in (None, X[:4]):
        with pytest.raises(NotHomogeneousError, match=r"no parameter|no layer.s weight"):
            product_norm(model, example=example)


@pytest.mark.parametrize("keep", ["attribute", "list"])
def test_a_copy_in_float64_has_plain_tensors_in_float64(keep: str) -> None:
    apply = (lambda net, h: h @ net.W.T) if keep == "attribute" else (lambda net, h: h @ net.parts[0].T)
    model = Between(keep, apply)
    exact = in_float64(model)
    assert exact(X.double()).dtype is torch.float64
    torch.testing.assert_close(exact(X.double()).float(), model(X))
    assert FIXED.dtype is torch.float32


class Static(nn.Module):
    """Quantised with scales from a pass of data: its activations are quantised too."""

    def __init__(self) -> None:
        super().__init__()
        self.quantise, self.conv, self.head = torch.ao.quantization.QuantStub(), nn.Conv2d(1, 4, 3), nn.Linear(144, 4)
        self.plain = torch.ao.quantization.DeQuantStub()

    def forward(self, x: Tensor) -> Tensor:
        return self.plain(self.head(torch.relu(self.conv(self.quantise(x))).flatten(1)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_statically_quantised_network_names_its_layers() -> None:
    model = Static().eval()
    model.qconfig = torch.ao.quantization.get_default_qconfig("onednn")
    torch.ao.quantization.prepare(model, inplace=True)
    model(X)
    torch.ao.quantization.convert(model, inplace=True)
    rows = measure(model, problem(), measures=["all_params", "param_norm", "cross_entropy"]).set_index("name")
    assert set(rows.not_covered["param_norm"]) == {"conv", "head"}
    assert list(rows.status) == ["skipped", "ok", "skipped"]
    expected = nn.functional.cross_entropy(model(X), torch.from_numpy(problem().train.y.copy()))
    assert rows.value["cross_entropy"] == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_part_compiled_to_torchscript_is_named_and_costs_no_other_row() -> None:
    model = mlp()
    model[1] = torch.jit.script(model[1])
    rows = measure(model, problem(), measures=["params", "cross_entropy"]).set_index("name")
    assert (rows.status["params"], rows.not_covered["params"]) == ("partial", ["1.bias", "1.weight"])
    assert rows.status["cross_entropy"] == "ok"
