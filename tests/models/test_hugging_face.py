"""Folders of Hugging Face: read without running their code, and refused by what is wrong with them."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gengap import models
from gengap.data import load
from gengap.errors import InputError
from gengap.measures import measure
from gengap.models.hugging_face import from_folder, pretrained, task_of
from gengap.tasks.files import saved_network

transformers = pytest.importorskip("transformers", reason="the extra transformers is not installed")
safetensors = pytest.importorskip("safetensors.torch", reason="the extra safetensors is not installed")


def _vit(**changes: Any) -> nn.Module:
    fields = {
        "image_size": 8,
        "patch_size": 4,
        "num_channels": 1,
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "num_labels": 10,
    }
    torch.manual_seed(0)
    return transformers.ViTForImageClassification(transformers.ViTConfig(**fields | changes)).eval()


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return _vit()


@pytest.fixture
def folder(model: nn.Module, tmp_path: Path) -> Path:
    model.save_pretrained(tmp_path)
    return tmp_path


def _change(folder: Path, **fields: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | fields))


def test_a_folder_gives_the_logits_of_the_network_that_was_saved(model: nn.Module, folder: Path) -> None:
    x = torch.randn(3, 1, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(pretrained(folder).eval()(x), model(x).logits, rtol=1e-5, atol=1e-6)
    assert task_of(folder) == "images"


def test_weights_in_several_files_are_the_same(model: nn.Module, folder: Path) -> None:
    state = safetensors.load_file(folder / "model.safetensors")
    names = sorted(state)
    parts = {"a.safetensors": names[:5], "b.safetensors": names[5:]}
    for file, part in parts.items():
        safetensors.save_file({name: state[name] for name in part}, folder / file)
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {name: file for file, part in parts.items() for name in part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    for name, value in pretrained(folder).state_dict().items():
        assert torch.equal(value, model.state_dict()[name])


def test_other_weights_are_put_in_under_either_names(folder: Path, tmp_path: Path) -> None:
    problem, other = load("digits").take(20, 20), _vit()
    torch.save(other.state_dict(), tmp_path / "other.pt")
    other.save_pretrained(tmp_path / "other")
    for file in (tmp_path / "other.pt", tmp_path / "other" / "model.safetensors"):
        state = saved_network(str(folder), file, problem).state_dict()
        assert all(torch.equal(value, other.state_dict()[name]) for name, value in state.items())


def test_a_fresh_network_has_as_many_classes_as_are_asked_for_and_other_weights(folder: Path) -> None:
    torch.manual_seed(1)
    fresh = models.build(str(folder), (1, 8, 8), 4)
    assert fresh(torch.zeros(2, 1, 8, 8)).shape == (2, 4)
    assert not torch.equal(
        next(iter(fresh.state_dict().values())), next(iter(from_folder(folder, 4).state_dict().values()))
    )
    torch.manual_seed(1)
    again = models.build(str(folder), (1, 8, 8), 4).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in fresh.state_dict().items())


def test_the_hash_of_a_folder_is_that_of_its_config(folder: Path) -> None:
    before = models.fingerprint(str(folder))
    _change(folder, hidden_act="relu")
    assert before is not None
    assert models.fingerprint(str(folder)) not in (None, before)


def test_measures_find_the_logits_of_a_network_of_transformers(model: nn.Module, folder: Path) -> None:
    problem = load("digits").take(60, 20)
    given, read = (
        measure(network, problem, measures=["params"]) for network in (model, saved_network(str(folder), None, problem))
    )
    assert given["value"][0] == read["value"][0] > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"auto_map": {"AutoModel": "evil.Model"}}, "code of its own"),
        ({"model_type": "nonsense"}, "knows no network of type 'nonsense'"),
        ({"architectures": ["ViTModel"]}, "holds ViTModel"),
        ({"architectures": None}, "no network with a name"),
        ({"quantization_config": {"bits": 4}}, "quantised"),
        ({"problem_type": "regression"}, "regression"),
        ({"hidden_size": 10**6}, "of memory"),
        ({"hidden_act": "nonsense"}, "cannot be made"),
        ({"num_hidden_layers": 2}, "lack"),
        ({"num_hidden_layers": 0}, "also have"),
        ({"intermediate_size": 17}, "have other shapes"),
    ],
)
def test_a_config_that_cannot_be_used_is_refused(folder: Path, change: dict[str, Any], message: str) -> None:
    _change(folder, **change)
    with pytest.raises(InputError, match=message):
        pretrained(folder)


def test_no_pickle_is_read(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"pytorch_model.bin hold pickles, which are not read"):
        pretrained(folder)


def test_an_index_names_files_beside_it_alone(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../model.safetensors"}}))
    with pytest.raises(InputError, match=r"names '\.\./model.safetensors'"):
        pretrained(folder)


def test_a_damaged_file_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(InputError, match="no safetensors file, or a damaged one"):
        pretrained(folder)


def test_classes_in_another_order_are_refused(folder: Path) -> None:
    names = [str(digit) for digit in range(10)]
    problem = load("digits").take(20, 20)
    _change(folder, id2label=dict(enumerate(names)))
    saved_network(str(folder), None, problem)
    _change(folder, id2label=dict(enumerate(names[::-1])))
    with pytest.raises(InputError, match="has the classes 9, 8, 7"):
        saved_network(str(folder), None, problem)


def test_weights_are_asked_for_where_there_is_no_folder() -> None:
    with pytest.raises(InputError, match="no weights for mlp-1x512"):
        saved_network("mlp-1x512", None, load("digits"))
