"""A state dict from a file, without running anything that the file may hold."""

import zipfile
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from gengap.data.limits import check_file, check_memory, out_of_memory_refused
from gengap.data.restricted_pickle import check_pickle
from gengap.errors import InputError
from gengap.tasks.files.state_dicts import state_dict_of


def read_weights(path: str | Path, key: str | None = None) -> dict[str, Tensor]:
    """The state dict in a file of ``torch.save``, or in a ``.safetensors`` file.

    A checkpoint that holds one among other things will do. Only tensors and plain containers are read: nothing is
    unpickled beyond them. The sizes that a file declares must be those that it has.

    Args:
        path: The file.
        key: Where in a checkpoint the state dict is, e.g. ``"ema"`` or ``"state.model"``, if it holds several.

    Raises:
        InputError: No such file, one that holds other objects or declares more than it holds, no state dict in it, or
            several and no key.
    """
    file = Path(path)
    state = state_dict_of(read_document(file), file, key)
    for name, tensor in state.items():
        _check_size(file, name, tensor)
    return state


def read_document(path: str | Path, *, mapped: bool = False) -> Any:
    """All that a file of weights holds, as ``read_weights`` reads it.

    Args:
        path: The file.
        mapped: Whether tensors stay in the file until they are used, where its format allows it.

    Raises:
        InputError: No such file, or one that holds other objects or declares more than it holds.
    """
    file = Path(path)
    check_file(file, "a file of weights")
    check_memory(str(file), file.stat().st_size)
    with out_of_memory_refused(str(file)):
        return _read_safetensors(file) if file.suffix == ".safetensors" else _read_torch(file, mapped)


_NEXT = "save them with torch.save(model.state_dict(), path)"


def _read_torch(path: Path, mapped: bool) -> Any:
    try:
        _check_declared(path)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped and zipfile.is_zipfile(path))
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.", expected="a file of weights") from error
    except UnpicklingError as error:
        raise InputError(
            f"{path} holds objects other than tensors, or is no file of weights; gengap reads tensors alone.",
            expected="names and tensors",
            next_step=_NEXT,
        ) from error
    except Exception as error:  # a damaged file raises whatever its bytes happen to mean
        raise InputError(f"{path} is no file that torch.save wrote, or a damaged one.", next_step=_NEXT) from error


def _check_declared(path: Path) -> None:
    """Sees that an archive of ``torch.save`` is as large as its members: it never compresses them.

    Raises:
        InputError: A member is compressed, or they declare more bytes than the file has.
    """
    if not zipfile.is_zipfile(path):  # the format before PyTorch 1.6: pickles one after the other
        return
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        declared = sum(member.file_size for member in members)
        if declared > path.stat().st_size or any(member.compress_type for member in members):
            raise InputError(
                f"{path} declares {declared:,} bytes in a file of {path.stat().st_size:,}.",
                expected="an archive of torch.save, whose members are not compressed",
                next_step=_NEXT,
            )
        for member in members:
            if member.filename.endswith("/data.pkl"):
                check_pickle(archive.read(member), str(path))


def _check_size(path: Path, name: str, tensor: Tensor) -> None:
    """A view may declare more values than there are bytes, one of which stands for many."""
    if tensor.layout is torch.strided and not tensor.is_meta:
        declared = tensor.numel() * tensor.element_size()
        if declared > tensor.untyped_storage().nbytes():
            check_memory(f"{name} of shape {tuple(tensor.shape)} in {path}", declared)


def _read_safetensors(path: Path) -> Any:
    try:
        from safetensors.torch import load_file  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise InputError(
            f"Reading {path} needs the package safetensors.", next_step='pip install "gengap[safetensors]"'
        ) from None
    try:
        return load_file(path)
    except MemoryError:
        raise
    except Exception as error:  # the library raises an error of its own, which has no public base class
        raise InputError(
            f"{path} is no safetensors file, or a damaged one: {error}.",
            next_step="write it again, or name the file you mean",
        ) from error
