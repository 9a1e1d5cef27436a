"""The names of a state dict: wrappers that were saved with a network, and what PyTorch fills in by itself."""

from collections.abc import Mapping
from typing import Any

# Prefixes of DataParallel, DistributedDataParallel and averaged models; of torch.compile.
WRAPPERS = ("module.", "_orig_mod.")
COUNTERS = ("n_averaged",)  # of torch.optim.swa_utils.AveragedModel
# Of batch norm: files of PyTorch before 0.4.1 lack it, and evaluation does not read it.
BATCHES = "num_batches_tracked"


def named_for(state: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, Any]:
    """A state dict under the names of a network: without wrappers, in any order, and with batch norm's counters.

    A prefix that is no wrapper's, such as that of a module of Lightning, goes where every name begins with it and the
    names are the network's without it; likewise where the whole network is under one prefix and other things, such as
    a metric's counts, are under others.

    Args:
        state: As it was saved.
        expected: The network's state dict.

    >>> named_for({"_orig_mod.module.weight": 1, "_orig_mod.n_averaged": 3}, {"weight": 0})
    {'weight': 1}
    """
    result = dict(state)
    wrapper: str | None = ""
    while wrapper is not None and result and not result.keys() & expected.keys():
        result = {name.removeprefix(wrapper): value for name, value in result.items()}
        result = {name: value for name, value in result.items() if name in expected or name not in COUNTERS}
        wrapper = next((prefix for prefix in WRAPPERS if all(name.startswith(prefix) for name in result)), None)
    if not result.keys() & expected.keys():
        result = _without_common_prefix(result, expected)
    counters = {name: value for name, value in expected.items() if name.endswith(BATCHES) and name not in result}
    return result | counters


def _without_common_prefix(state: dict[str, Any], expected: Mapping[str, Any]) -> dict[str, Any]:
    """The names after the one prefix under which the whole network is; others, as of a metric of Lightning, are left.

    >>> _without_common_prefix({"model.weight": 1, "accuracy.total": 2}, {"weight": 0})
    {'weight': 1}
    """
    places = network_places(state, expected)
    if len(places) == 1:
        return under(state, places[0])
    first = next(iter(state), "").partition(".")[0] + "."
    only = under(state, first)
    return only if len(only) == len(state) and only.keys() <= expected.keys() and "" not in only else state


def network_places(state: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """The prefixes under which a state dict holds a whole network, in its order; more than one beside a moving average.

    Of several that have its names, those of its shapes too.

    >>> network_places({"net.weight": 1, "ema.module.weight": 2, "ema.n_averaged": 3}, {"weight": 0})
    ['net.', 'ema.module.']
    """
    needed = [name for name in expected if not name.endswith(BATCHES)]
    if not needed:
        return []
    ends = [name.removesuffix(needed[0]) for name in state if name.endswith(f".{needed[0]}")]
    whole = [prefix for prefix in ends if all(prefix + name in state for name in needed)]
    own = {name: max((p for p in whole if name.startswith(p)), key=len, default="") for name in state}
    whole = [p for p in whole if all(name.removeprefix(p) in expected for name in state if own[name] == p)]
    if len(whole) < 2:
        return whole
    shapes = {name: getattr(expected[name], "shape", None) for name in needed}
    return [p for p in whole if all(getattr(state[p + n], "shape", None) == shapes[n] for n in needed)]


def under(state: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """What a state dict holds under a prefix, without it.

    >>> under({"net.weight": 1, "ema.weight": 2}, "ema.")
    {'weight': 2}
    """
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
