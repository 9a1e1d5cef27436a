"""Folders of Hugging Face: a network for the classification of sequences or images, from config.json and safetensors.

Code that comes with a folder is never run and pickles are never read. ``transformers`` is needed, the extra of that
name.
"""

import importlib
import importlib.metadata
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gengap.data import read_json
from gengap.data.limits import check_memory
from gengap.errors import InputError, listed
from gengap.models.tokens import ADAPTED, tokens_and_mask

CONFIG = "config.json"
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
Task = Literal["sequences", "images"]
_EXPECTED = f"a folder that save_pretrained wrote: {CONFIG} and {WEIGHTS}"
_TASKS: dict[Task, str] = {
    "sequences": "AutoModelForSequenceClassification",
    "images": "AutoModelForImageClassification",
}


def is_model_folder(name: str) -> bool:
    """Whether a model's name is that of a folder, rather than of a named network or a factory."""
    return os.path.isdir(name) or (os.sep in name and ":" not in name)


def from_folder(folder: str | Path, n_classes: int) -> nn.Module:
    """A freshly initialised network of a folder's config, in training mode; it returns its logits ``[B, C]``.

    Args:
        folder: Holds ``config.json``; the weights beside it are not read, see ``pretrained``.
        n_classes: Number of classes C, which may be another than the config's.

    Raises:
        InputError: transformers is not installed, or the config is not that of such a network.
    """
    fields = _fields(Path(folder))
    return one_tensor(_fresh(Path(folder), {**fields, "num_labels": n_classes, "id2label": None, "label2id": None}))


def pretrained(folder: str | Path, state: Mapping[str, Tensor] | None = None) -> nn.Module:
    """The network of a folder with the weights of its safetensors, in float32; it returns its logits ``[B, C]``.

    Args:
        folder: Holds ``config.json`` and, unless other weights are given, ``model.safetensors``.
        state: Other weights of this network, under the names that it has in the library or in files.

    Raises:
        InputError: transformers or safetensors is not installed, there are no safetensors, they are damaged, or not
            those of the config's network.
    """
    path = Path(folder)
    fresh = _fresh(path, _fields(path))
    whose = f"The weights of {path}" if state is None else f"The weights for {path}"
    given = _weights(path) if state is None else dict(state)
    try:
        with _quiet():
            model, report = type(fresh).from_pretrained(
                None, config=fresh.config, state_dict=given, output_loading_info=True, ignore_mismatched_sizes=True
            )
    except Exception as error:  # whatever the library raises
        raise InputError(f"{whose} cannot be read: {_line(error)}.", expected=_EXPECTED) from error
    wrong = {
        "lack": report["missing_keys"],
        "also have": report["unexpected_keys"],
        "have other shapes of": [key[0] if isinstance(key, tuple) else key for key in report["mismatched_keys"]],
    }
    parts = [f"{verb} {listed(sorted(map(str, names)))}" for verb, names in wrong.items() if names]
    if parts:
        raise InputError(
            f"{whose} {' and '.join(parts)}.",
            expected=f"those of a trained {type(model).__name__}, its head among them",
        )
    return one_tensor(model.float().train())


def task_of(folder: str | Path) -> Task:
    """Whether a folder's network classifies sequences of tokens or images.

    Raises:
        InputError: As ``from_folder``.
    """
    fields = _fields(Path(folder))
    return _task(Path(folder), fields, _config(Path(folder), fields))


def check_folder_inputs(folder: str | Path, vocabulary: int | None) -> None:
    """Sees that a folder's network is for what the data are: tokens or numbers.

    Raises:
        InputError: It is not, or as ``from_folder``.
    """
    task = task_of(folder)
    if (task == "sequences") == (vocabulary is not None):
        return
    if vocabulary is not None:
        raise InputError(f"The network of {folder} is for {task}, and the data are tokens.", expected="images")
    size = _fields(Path(folder)).get("vocab_size")
    raise InputError(
        f"The network of {folder} is for {task}, and the data are numbers.",
        expected="tokens: whole numbers in an .npz, with the size of their vocabulary",
        next_step=f"if they are tokens, give --vocabulary {size}" if size else "",
    )


def class_names(folder: str | Path) -> tuple[str, ...] | None:
    """The classes' names in the order of the network's outputs; None where the config has only made-up ones.

    Raises:
        InputError: The folder holds no readable config.
    """
    names = _fields(Path(folder)).get("id2label")
    if not isinstance(names, Mapping) or not all(str(key).isdecimal() for key in names):
        return None
    ordered = [str(names[key]) for key in sorted(names, key=int)]
    return None if all(name == f"LABEL_{i}" for i, name in enumerate(ordered)) else tuple(ordered)


def config_text(folder: str | Path) -> bytes | None:
    """What the network of a folder depends on besides its weights: the config and the library's version."""
    config = Path(folder) / CONFIG
    if not config.is_file():
        return None
    try:
        version = importlib.metadata.version("transformers")
    except importlib.metadata.PackageNotFoundError:
        version = ""
    return config.read_bytes() + version.encode()


def _fields(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", expected=_EXPECTED)
    if not (folder / CONFIG).is_file():
        raise InputError(f"{folder} holds no {CONFIG}.", expected=_EXPECTED)
    fields = read_json(folder / CONFIG, "the config of a network, a JSON object")
    if not isinstance(fields, dict):
        raise InputError(f"{folder / CONFIG} holds no JSON object.", expected="the config of a network")
    if fields.get("auto_map"):
        raise InputError(
            f"{folder} asks for code of its own (auto_map in {CONFIG}), which gengap never runs.",
            expected="a network that transformers itself knows",
            next_step="name a factory of your own that makes it, module.path:factory",
        )
    if fields.get("quantization_config"):
        raise InputError(f"{folder} holds a quantised network.", expected="weights in floating point")
    return fields


def _transformers() -> ModuleType:
    try:
        transformers: ModuleType = importlib.import_module("transformers")
    except ImportError:
        raise InputError(
            "A folder of Hugging Face needs the package transformers.",
            next_step='pip install "gengap[transformers]"',
        ) from None
    return transformers


def _config(folder: Path, fields: Mapping[str, Any]) -> Any:
    kind = fields.get("model_type")
    library = _transformers()
    known = library.models.auto.configuration_auto.CONFIG_MAPPING
    if kind not in known:
        raise InputError(
            f"{folder}: transformers {library.__version__} knows no network of type {kind!r:.80}.",
            expected="a model_type that it knows",
            next_step="upgrade transformers, if it is a newer network",
        )
    try:
        with _quiet():
            return known[kind].from_dict({name: value for name, value in fields.items() if value is not None})
    except Exception as error:  # each config checks its own fields, in its own way
        raise InputError(
            f"{folder / CONFIG} cannot be used: {_line(error)}.", expected="a config that was saved"
        ) from error


def _task(folder: Path, fields: Mapping[str, Any], config: Any) -> Task:
    """What the network is for, as its config's architecture says."""
    architectures = fields.get("architectures")
    name = str(architectures[0]) if isinstance(architectures, list) and architectures else ""
    for task, auto in _TASKS.items():
        mapping = getattr(_transformers(), auto)._model_mapping
        if type(config) in mapping and name.endswith(auto.removeprefix("AutoModel")):
            return task
    raise InputError(
        f"{folder} holds {name or 'no network with a name'}.",
        expected="a network for the classification of sequences or images (…ForSequenceClassification, "
        "…ForImageClassification)",
    )


def _fresh(folder: Path, fields: Mapping[str, Any]) -> Any:
    """The network of a config, freshly initialised, as the library makes it."""
    config = _config(folder, fields)
    auto = getattr(_transformers(), _TASKS[_task(folder, fields, config)])
    if getattr(config, "num_labels", 2) < 2 or getattr(config, "problem_type", None) in (
        "regression",
        "multi_label_classification",
    ):
        raise InputError(
            f"{folder} holds a network of {config.num_labels} output(s) for {config.problem_type or 'regression'}.",
            expected="one label of two or more classes",
        )
    try:
        with _quiet(), torch.random.fork_rng(devices=[]), torch.device("meta"):
            size = _bytes(auto.from_config(config, attn_implementation="eager"))
        check_memory(f"The network of {folder}", size)
        with _quiet():
            # Attention in plain operations: fused kernels hide its layers from hooks and have no second derivatives.
            made: nn.Module = auto.from_config(config, attn_implementation="eager").float().train()
            return made
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"The network of {folder / CONFIG} cannot be made: {_line(error)}.") from error


def _bytes(model: nn.Module) -> int:
    return sum(4 * tensor.numel() for tensor in (*model.parameters(), *model.buffers()))


def _weights(folder: Path) -> dict[str, Tensor]:
    files = [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        names = _fields_of_index(folder / INDEX)
        files = [folder / name for name in names]
    absent = [file.name for file in files if not file.is_file()]
    if absent:
        pickles = sorted(file.name for file in folder.glob("*.bin"))
        held = f"; {listed(pickles)} hold pickles, which are not read" if pickles else ""
        raise InputError(
            f"{folder} holds no {listed(absent)}{held}.",
            expected=_EXPECTED,
            next_step="save it again with save_pretrained(folder, safe_serialization=True)" if pickles else "",
        )
    check_memory(f"The weights of {folder}", sum(file.stat().st_size for file in files))
    try:
        from safetensors.torch import load_file  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise InputError(
            f"Reading {files[0]} needs the package safetensors.", next_step='pip install "gengap[safetensors]"'
        ) from None
    state: dict[str, Tensor] = {}
    for file in files:
        try:
            state |= load_file(file)
        except Exception as error:  # the library raises an error of its own, which has no public base class
            raise InputError(f"{file} is no safetensors file, or a damaged one: {_line(error)}.") from error
    return state


def _fields_of_index(index: Path) -> list[str]:
    """The files that an index names; each lies in its folder."""
    document = read_json(index, "an index of safetensors files")
    names = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(names, dict) or not names or not all(isinstance(name, str) for name in names.values()):
        raise InputError(f"{index} names no files.", expected="a weight_map from tensors to files")
    files = sorted(set(names.values()))
    outside = [name for name in files if Path(name).name != name or not name.endswith(".safetensors")]
    if outside:
        raise InputError(f"{index} names {outside[0]!r:.80}.", expected="safetensors files beside it")
    return files


def is_pretrained_model(model: nn.Module) -> bool:
    """Whether a network is one of transformers' own, whose outputs are objects that hold logits."""
    return any(
        c.__name__ == "PreTrainedModel" and c.__module__.startswith("transformers.") for c in type(model).__mro__
    )


def one_tensor(model: Any) -> nn.Module:
    """Makes one of transformers' networks pass from one tensor to its logits; names of parameters stay as they are."""
    if hasattr(type(model), ADAPTED):
        return model  # type: ignore[no-any-return]
    original, name = type(model), model.main_input_name

    def forward(self: nn.Module, x: Tensor) -> Any:
        if name != "input_ids":
            return original.forward(self, **{name: x}).logits
        tokens, mask = tokens_and_mask(x)
        return original.forward(self, input_ids=tokens, attention_mask=None if mask is None else mask.long()).logits

    members = {"forward": forward, "__module__": original.__module__, ADAPTED: True}
    model.__class__ = type(original.__name__, (original,), members)
    return model  # type: ignore[no-any-return]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's messages and progress bars, which are about its defaults."""
    logging = _transformers().utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"[:300]
