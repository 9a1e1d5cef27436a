"""A state dict from a file, without running anything that the file may hold."""

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from gengap.errors import InputError

NESTED = ("state_dict", "model_state_dict", "model")  # where training scripts keep it in a checkpoint
WRAPPERS = ("module.", "_orig_mod.")  # prefixes that DataParallel and torch.compile put before every name


def read_weights(path: Path) -> dict[str, Tensor]:
    """The state dict in a file of ``torch.save``, or in a ``.safetensors`` file.

    A checkpoint that keeps it under ``state_dict``, ``model_state_dict`` or ``model`` will do, and so will names with
    the prefix of a wrapper. Only tensors and plain containers are read: nothing is unpickled beyond them.

    Raises:
        InputError: No such file, one that holds other objects, or no state dict in it.
    """
    found = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    for key in NESTED:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    tensors = isinstance(found, Mapping) and all(isinstance(value, Tensor) for value in found.values())
    if not tensors or not found:
        raise InputError(f"{path} holds no state dict.", expected=_EXPECTED, next_step=_NEXT)
    for prefix in WRAPPERS:
        if all(str(name).startswith(prefix) for name in found):
            found = {str(name).removeprefix(prefix): value for name, value in found.items()}
    return dict(found)


_EXPECTED = f"names and tensors, or a checkpoint with them under {', '.join(NESTED)}"
_NEXT = "save them with torch.save(model.state_dict(), path)"


def _read_torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"There is no {path}.", expected="a file of weights") from None
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.", expected="a file of weights") from error
    except UnpicklingError as error:
        raise InputError(
            f"{path} holds objects other than tensors, or is no file of weights; gengap reads tensors alone.",
            expected=_EXPECTED,
            next_step=_NEXT,
        ) from error
    except (RuntimeError, EOFError, KeyError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is no file that torch.save wrote, or a damaged one.", next_step=_NEXT) from error


def _read_safetensors(path: Path) -> Any:
    try:
        from safetensors.torch import load_file  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise InputError(
            f"Reading {path} needs the package safetensors.", next_step="pip install gengap[safetensors]"
        ) from None
    try:
        return load_file(path)
    except FileNotFoundError:
        raise InputError(f"There is no {path}.", expected="a file of weights") from None
    except Exception as error:  # the library raises its own, which name no common class
        raise InputError(f"{path} is no safetensors file, or a damaged one: {error}.") from error
