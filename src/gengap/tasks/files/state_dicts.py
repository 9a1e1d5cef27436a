"""Which of the state dicts in a checkpoint is meant."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from gengap.errors import InputError, listed
from gengap.network.state_names import under

DEEPEST = 3  # levels below the top at which a checkpoint may keep a state dict
# Parts of names under which other things than a network are kept; callbacks may keep a moving average of one.
_OTHERS = ("optim", "sched", "scaler", "rng", "loops")
_CALLBACKS = "callback"


def state_dict_of(document: Any, path: Path, key: str | None) -> dict[str, Tensor]:
    """The state dict in what a file held.

    Args:
        document: A state dict, or dictionaries that hold one.
        path: The file, for errors.
        key: Where it is, e.g. ``"ema"`` or ``"state.model"``, or the prefix of its names in a state dict; None where
            there is one alone.

    Raises:
        InputError: There is none, or several and no key.
    """
    found = _networks(dict(_state_dicts(document, "", 0)))
    if key is not None:
        chosen = [found[key]] if key in found else list(_under(found, key))
        if len(chosen) != 1:
            raise InputError(f"{path} holds no state dict under {key!r}.", expected=_choices(found) or _EXPECTED)
        return chosen[0]
    if not found:
        raise InputError(
            f"{path} holds no state dict{_content(document)}.",
            expected=_EXPECTED,
            next_step="save it with torch.save(model.state_dict(), path)",
        )
    choose = f"choose it: --weights-key {' or --weights-key '.join(list(found)[:3])} (weights_key= in Python)"
    if len(found) > 1:
        raise InputError(
            f"{path} holds several state dicts: {_choices(found)}.",
            expected="the one whose network is meant",
            next_step=choose,
        )
    (state,) = found.values()
    unnamed = [where for where, tensors in _unnamed(document, "", 0) if _weights_of(state, tensors)]
    if unnamed:
        raise InputError(
            f"{path} holds a state dict, {_choices(found)}, and weights without names, as of a moving average: "
            f"{listed(unnamed)}.",
            expected="the network that is meant",
            next_step=f"{choose}; for the average, copy it into the network and save its state_dict()",
        )
    return state


_EXPECTED = "names and tensors, or a checkpoint that holds them, e.g. under state_dict or model"


def _networks(found: dict[str, dict[str, Tensor]]) -> dict[str, dict[str, Tensor]]:
    """Those of the state dicts that may be a network's.

    What callbacks keep is one where it has the shapes of another, as a moving average has and scores have not; counters
    alone are none beside a state dict.
    """
    shapes = {place: sorted(tuple(value.shape) for value in state.values()) for place, state in found.items()}
    kept = {place: state for place, state in found.items() if _CALLBACKS not in place.lower()}
    known = [shapes[place] for place in kept]
    kept |= {place: state for place, state in found.items() if place not in kept and shapes[place] in known}
    arrays = {place: state for place, state in kept.items() if any(value.ndim for value in state.values())}
    return arrays or kept


def _under(found: Mapping[str, Mapping[str, Tensor]], key: str) -> Iterator[dict[str, Tensor]]:
    """What state dicts hold under this prefix, which may begin with the place of the state dict."""
    for place, state in found.items():
        prefixes = [key, key.removeprefix(f"{place}.")] if key.startswith(f"{place}.") else [key]
        yield from (inner for prefix in prefixes if (inner := under(state, f"{prefix}.")))


def _state_dicts(document: Any, place: str, depth: int) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Each dictionary of tensors with its place; what belongs to an optimiser is no network's."""
    if not isinstance(document, Mapping) or not document or any(part in place.lower() for part in _OTHERS):
        return
    if all(isinstance(name, str) and isinstance(value, Tensor) for name, value in document.items()):
        yield place, dict(document)
    elif depth < DEEPEST:
        for name, value in document.items():
            if isinstance(name, str):
                yield from _state_dicts(value, f"{place}.{name}" if place else name, depth + 1)


def _unnamed(document: Any, place: str, depth: int) -> Iterator[tuple[str, Sequence[Tensor]]]:
    """Each list of tensors with its place, as torch_ema keeps averages; what belongs to an optimiser is none."""
    if any(part in place.lower() for part in _OTHERS):
        return
    if isinstance(document, list | tuple) and document and all(isinstance(each, Tensor) for each in document):
        yield place, document
    elif isinstance(document, Mapping) and depth <= DEEPEST:
        for name, value in document.items():
            yield from _unnamed(value, f"{place}.{name}" if place else str(name), depth + 1)


def _weights_of(state: Mapping[str, Tensor], tensors: Sequence[Tensor]) -> bool:
    """Whether these have the shapes of all of a network's matrices and filters, in its order."""
    shapes = [[tuple(each.shape) for each in of if each.ndim > 1] for of in (state.values(), tensors)]
    return bool(shapes[0]) and shapes[0] == shapes[1]


def _choices(found: Mapping[str, Mapping[str, Tensor]]) -> str:
    return listed([f"{place or 'the top'} ({len(state)} tensors)" for place, state in found.items()])


def _content(document: Any) -> str:
    if isinstance(document, Mapping):
        return f"; it has {listed(list(document))}" if document else "; it is empty"
    return f", but a {type(document).__name__}"
