"""Files of weights: wrappers and several state dicts, the safetensors format, and files that declare what they lack."""

import os
import pickle
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm
from torch.optim.swa_utils import AveragedModel

import gengap
from gengap.errors import InputError
from gengap.network.copies import with_weights
from gengap.tasks.files import read_weights, saved_network

STATE = {"first.weight": torch.arange(6.0).reshape(2, 3), "first.bias": torch.zeros(2, dtype=torch.float16)}


def test_safetensors_are_read_back(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch", reason="the extra gengap[safetensors] is not installed")
    safetensors.save_file({f"module.{name}": value for name, value in STATE.items()}, tmp_path / "w.safetensors")
    read = read_weights(tmp_path / "w.safetensors")
    assert read.keys() == {f"module.{name}" for name in STATE}
    for name, value in STATE.items():
        assert read[f"module.{name}"].dtype == value.dtype
        assert torch.equal(read[f"module.{name}"], value)


@pytest.mark.parametrize(("content", "told"), [(None, "There is no"), (b"no header", "no safetensors file")])
def test_safetensors_that_cannot_be_used(content: bytes | None, told: str, tmp_path: Path) -> None:
    pytest.importorskip("safetensors.torch", reason="the extra gengap[safetensors] is not installed")
    if content is not None:
        (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=told):
        read_weights(tmp_path / "w.safetensors")


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    (tmp_path / "w.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match=r"gengap\[safetensors\]"):
        read_weights(tmp_path / "w.safetensors")


class Net(nn.Module):
    """With batch norm, so that a file may lack its counters."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(64, 4), nn.BatchNorm1d(4), nn.Linear(4, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.norm(self.first(x.flatten(1))))


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    return Net()


def prefixed(net: nn.Module, prefix: str) -> dict[str, torch.Tensor]:
    return {f"{prefix}{name}": value for name, value in net.state_dict().items()}


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module.", "module._orig_mod.", "model.", "net."])
def test_a_wrapper_leaves_no_trace(prefix: str, net: Net, tmp_path: Path) -> None:
    torch.save({"epoch": 3, "state_dict": prefixed(net, prefix)}, tmp_path / "w.pt")
    loaded = with_weights(Net(), read_weights(tmp_path / "w.pt"), "w.pt")
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in net.state_dict().items())


@pytest.mark.parametrize(
    "wrap", [torch.compile, nn.DataParallel, AveragedModel, lambda n: torch.compile(AveragedModel(n))]
)
def test_what_pytorch_wraps_is_read_back(wrap: Any, net: Net, tmp_path: Path) -> None:
    torch.save(wrap(net).state_dict(), tmp_path / "w.pt")
    loaded = with_weights(Net(), read_weights(tmp_path / "w.pt"), "w.pt")
    assert torch.equal(loaded.first.weight, net.first.weight)


def test_counters_of_batch_norm_may_be_absent(net: Net, tmp_path: Path) -> None:
    state = {name: value for name, value in net.state_dict().items() if "num_batches" not in name}
    torch.save(state, tmp_path / "w.pt")
    assert torch.equal(with_weights(Net(), read_weights(tmp_path / "w.pt"), "w").last.bias, net.last.bias)
    del state["norm.running_mean"]
    with pytest.raises(InputError, match=r"lacks norm\.running_mean"):
        with_weights(Net(), state, "w")


def test_of_two_state_dicts_neither_is_taken_without_a_word(net: Net, tmp_path: Path) -> None:
    average = {name: value + 1 for name, value in net.state_dict().items()}
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.randn(3, 64)).sum().backward()
    optimizer.step()
    torch.save(
        {"model": net.state_dict(), "ema": {"shadow": average}, "optimizer": optimizer.state_dict()}, tmp_path / "w"
    )
    with pytest.raises(
        InputError, match=r"several state dicts: model \(9 tensors\), ema\.shadow \(9 tensors\)"
    ) as raised:
        read_weights(tmp_path / "w")
    assert "--weights-key" in raised.value.next_step
    assert torch.equal(read_weights(tmp_path / "w", "ema.shadow")["last.bias"], average["last.bias"])
    assert torch.equal(read_weights(tmp_path / "w", "model")["last.bias"], net.last.bias)
    with pytest.raises(InputError, match="no state dict under 'best'"):
        read_weights(tmp_path / "w", "best")


def test_lazy_layers_take_their_shapes_from_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lazy_net.py").write_text(
        "from torch.nn import Flatten, LazyLinear, Sequential\n"
        "def make():\n    return Sequential(Flatten(), LazyLinear(5), LazyLinear(10))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    digits = gengap.load("digits")
    plain = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.Linear(5, 10))
    torch.save(plain.state_dict(), tmp_path / "w.pt")
    loaded = saved_network("lazy_net:make", tmp_path / "w.pt", digits)
    assert torch.equal(loaded[1].weight, plain[1].weight)


@pytest.mark.parametrize("parametrise", [weight_norm, spectral_norm])
def test_initial_weights_may_have_the_names_of_computed_ones(parametrise: Any) -> None:
    def make() -> nn.Module:
        return nn.Sequential(nn.Flatten(), parametrise(nn.Linear(64, 5)), nn.ReLU(), nn.Linear(5, 10))

    torch.manual_seed(0)
    start, trained, digits = make(), make(), gengap.load("digits").take(50, 10)
    asked = {"measures": ["fro_dist", "l2_dist"], "device": "cpu"}
    by_module = gengap.measure(trained, digits, start, **asked)
    by_state = gengap.measure(trained, digits, start.state_dict(), **asked)
    assert by_state["value"].tolist() == by_module["value"].tolist()
    assert (by_state["status"] == "ok").all()


def compressed(path: Path) -> None:
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(path.with_suffix(".new"), "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            new.writestr(member.filename, old.read(member))
    path.with_suffix(".new").rename(path)


def test_files_that_declare_more_than_they_hold_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.pt"
    torch.save({"weight": torch.zeros(1_000_000)}, path)
    compressed(path)
    with pytest.raises(InputError, match="declares"):
        read_weights(path)
    torch.save({"weight": torch.zeros(1).expand(10**12)}, path)  # one stored value
    with pytest.raises(InputError, match=r"weight of shape \(1000000000000,\).* would take 3\.6 TiB"):
        read_weights(path)
    key: Any = ()
    for _ in range(40):
        key = (key, key)
    document = pickle.dumps(key, protocol=2)[2:-1]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w/data.pkl", b"\x80\x02}" + document + b"K\x01s.")
        archive.writestr("w/version", "3\n")
    with pytest.raises(InputError, match="a tuple as a key"):
        read_weights(path)
    os.mkfifo(tmp_path / "pipe.pt")
    with pytest.raises(InputError, match="is a pipe"):
        read_weights(tmp_path / "pipe.pt")
    torch.save({"weight": torch.zeros(1_000_000)}, path)
    monkeypatch.setenv("GENGAP_MEMORY_LIMIT", "1M")
    with pytest.raises(InputError, match=r"would take 3\.8 MiB of memory, more than the limit of 1\.0 MiB"):
        read_weights(path)


@pytest.mark.parametrize(
    ("kept", "keys"),
    [
        ({"state_dict": "net.", "callbacks": {"EMA": {"ema": "net."}}}, ("state_dict", "callbacks.EMA.ema")),
        (
            {"state_dict": "net.", "current_model_state": "net.", "averaging_state": None},
            ("state_dict", "current_model"),
        ),
        ({"state_dict": ("net.", "ema.")}, ("net", "ema")),
        ({"state_dict": ("model.net.", "model.ema.module.")}, ("model.net", "model.ema.module")),
        ({"state_dict": ("online_model.", "ema_model.")}, ("online_model", "ema_model")),
    ],
)
def test_a_moving_average_beside_the_network_is_named_and_chosen(
    kept: dict[str, Any], keys: tuple[str, str], net: Net, tmp_path: Path
) -> None:
    """As Lightning's callbacks, averaged models inside a module, and ema-pytorch write it."""
    made = iter([net.state_dict(), {name: value + 1 for name, value in net.state_dict().items()}])

    def written(kept: Any) -> Any:
        if isinstance(kept, dict):
            return {name: written(inner) for name, inner in kept.items()}
        prefixes = (kept,) if isinstance(kept, str) else kept or ()
        return {"n_averaged": torch.tensor(3)} | {p + n: v for p in prefixes for n, v in next(made).items()}

    torch.save(written(kept), tmp_path / "w.ckpt")
    with pytest.raises(InputError) as raised:
        with_weights(net, read_weights(tmp_path / "w.ckpt"), "w.ckpt")
    for key in keys:
        assert key in raised.value.what
        assert f"--weights-key {key}" in raised.value.next_step
    chosen = [re.findall(r"--weights-key (\S+)", raised.value.next_step)[i] for i in (0, 1)]
    for key, shift in zip(chosen, (0, 1), strict=True):
        read = with_weights(net, read_weights(tmp_path / "w.ckpt", key), "w.ckpt")
        assert torch.equal(read.get_parameter("last.bias"), net.last.bias + shift)


def test_a_checkpoint_of_lightning_holds_scores_of_its_callbacks_beside_the_one_network(tmp_path: Path) -> None:
    """As a ModelCheckpoint that keeps the best by a metric writes it."""
    state = {"net.1.weight": torch.ones(2, 3)}
    kept = {"monitor": "val_acc", "best_k_models": {"best.ckpt": torch.tensor(0.9)}}
    document = {"epoch": 3, "state_dict": state, "callbacks": {"ModelCheckpoint": kept}, "loops": {}}
    torch.save(document, tmp_path / "best.ckpt")
    read = read_weights(tmp_path / "best.ckpt")
    assert read.keys() == state.keys()
    assert torch.equal(read["net.1.weight"], state["net.1.weight"])


def test_a_moving_average_without_names_is_named_and_the_network_chosen(net: Net, tmp_path: Path) -> None:
    """As torch_ema writes it: the parameters in their order, no buffers."""
    ema = {"decay": 0.99, "num_updates": 3, "shadow_params": [each.detach() + 1 for each in net.parameters()]}
    document = {"model": net.state_dict(), "ema": ema, "losses": [torch.ones(2, 3), torch.ones(2, 3)]}
    torch.save(document, tmp_path / "w.pt")
    with pytest.raises(InputError, match=r"weights without names, .*: ema\.shadow_params\.") as raised:
        read_weights(tmp_path / "w.pt")
    assert "--weights-key model" in raised.value.next_step
    assert torch.equal(read_weights(tmp_path / "w.pt", "model")["last.bias"], net.last.bias)
    torch.save(document | {"ema": {"decay": 0.99}}, tmp_path / "w.pt")
    assert torch.equal(read_weights(tmp_path / "w.pt")["last.bias"], net.last.bias)
