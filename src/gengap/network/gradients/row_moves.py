"""Functions of PyTorch after which a row of a batch may belong to another example, depending on values."""

from collections.abc import Callable, Sequence
from typing import Any

# Functions that move rows to places that depend on values, or hand values to Python, which may do so.
_BY_VALUES = {
    *("sort", "argsort", "msort", "topk", "kthvalue", "unique", "unique_consecutive", "nonzero", "argwhere"),
    *("gather", "take", "take_along_dim", "index_select", "masked_select", "_pack_padded_sequence"),
    *("scatter", "scatter_add", "scatter_reduce", "put", "masked_scatter"),
    *("index_add", "index_copy", "index_fill", "index_put", "index_reduce"),
    *("item", "tolist", "numpy", "equal", "allclose", "is_nonzero"),
    *("__array__", "__bool__", "__contains__", "__float__", "__index__", "__int__"),
}
_INDEXED = ("__getitem__", "__setitem__")


def depends_on_values(function: Callable[..., Any], args: Sequence[Any]) -> bool:
    """Whether a function of PyTorch may move the rows of a batch to places that depend on values."""
    name: str = getattr(function, "__name__", "")
    if name in _INDEXED:
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        return any(not isinstance(part, int | slice | None | type(...)) for part in index)
    if name == "where":
        return len(args) == 1
    return name in _BY_VALUES or (name.endswith("_") and name.rstrip("_") in _BY_VALUES)
