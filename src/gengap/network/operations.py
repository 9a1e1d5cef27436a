"""One forward pass, watched operation by operation: which facts hold of which tensors.

PyTorch breaks every network down to a small set of operations, so that nothing that a ``forward`` computes by hand
goes unseen. ``OperationWatch`` is the mechanism; what a fact is, and what an operation makes of the facts of its
inputs, each caller defines. The tables below sort the operations by what they do.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gengap.network.copies import watched_modules

# Operations by name; an operation in place, whose name ends in _, has the name of the other.
# fmt: off
MOVES = {  # rearrange, repeat or leave out values, or put zeros beside them
    "view", "_unsafe_view", "reshape", "_reshape_alias", "t", "transpose", "permute", "expand", "clone", "alias",
    "detach", "copy", "_to_copy", "slice", "select", "narrow", "squeeze", "unsqueeze", "split", "split_with_sizes",
    "unbind", "diagonal", "unfold", "im2col", "repeat", "flip", "roll", "index", "index_select", "gather", "cat",
    "stack", "constant_pad_nd", "reflection_pad1d", "reflection_pad2d", "reflection_pad3d", "replication_pad1d",
    "replication_pad2d", "replication_pad3d", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle",
    "native_channel_shuffle", "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "tril", "triu",
}
SUMS = {  # with fixed, nonnegative coefficients
    "add", "sum", "mean", "cumsum", "col2im", "avg_pool1d", "avg_pool2d", "avg_pool3d", "_adaptive_avg_pool2d",
    "_adaptive_avg_pool3d", "upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d",
}
DIFFERENCES = {"sub", "rsub", "neg"}
SUMMAND_FIRST = {"addmm", "baddbmm", "addmv"}  # products whose first argument is added to that of the next two
PRODUCTS = {"mm", "bmm", "mv", "dot", "mul", "div", "convolution"} | SUMMAND_FIRST
NORMALISATIONS = {"native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm"}
SHAPES = {  # depend on the shape of their input alone
    "zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full", "new_empty",
}
# fmt: on

Fact = TypeVar("Fact")


@dataclass(frozen=True)
class Operation:
    """One call of an operation of PyTorch.

    Attributes:
        name: Without overload, and without the underscore of an operation in place.
        function: What is called.
        args: Its arguments.
        options: Its keyword arguments.
    """

    name: str
    function: Any
    args: tuple[Any, ...]
    options: Mapping[str, Any]

    @property
    def tensors(self) -> list[Tensor]:
        """All tensors among the arguments."""
        return [leaf for leaf in tree_leaves([self.args, dict(self.options)]) if isinstance(leaf, Tensor)]

    @property
    def factors(self) -> tuple[Any, ...]:
        """The two factors, of a product."""
        return self.args[1:3] if self.name in SUMMAND_FIRST else self.args[:2]

    def __call__(self) -> Any:
        """Its result."""
        return self.function(*self.args, **self.options)


class OperationWatch(TorchDispatchMode, Generic[Fact]):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Follows facts about tensors through a forward pass.

    Facts belong to storages, which views share and operations in place keep: what is written into a part holds for
    the whole, where ``joined`` combines it with what held before. An operation that touches no tensor of which
    anything is known passes unseen. One that is not in ``known`` is broken down further where PyTorch can do so,
    which in inference mode it leaves to the caller.

    Args:
        model: The network whose modules are named while they run.
        known: Names of operations that ``after`` understands.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()  # type: ignore[no-untyped-call]  # torch leaves it untyped

    def __init__(self, model: nn.Module, known: set[str]):
        super().__init__()  # type: ignore[no-untyped-call]
        self._model = model
        self._known_operations = known
        self._running: list[tuple[str, nn.Module]] = [("", model)]
        self._facts: dict[int, tuple[Tensor, Fact]] = {}  # holds the tensors, so that no storage is used again

    def after(self, operation: Operation) -> tuple[Any, Fact | None]:
        """Calls an operation that touches known tensors; returns its result and what then holds of each tensor in it.

        Raises:
            InputError: The caller's rules refuse the operation.
        """
        raise NotImplementedError

    def joined(self, before: Fact, now: Fact) -> Fact:
        """What holds of a storage of which one fact held before and into which another has been written."""
        raise NotImplementedError

    def fact(self, value: Any) -> Fact | None:
        """What is known of a tensor; None where nothing is, or for anything else."""
        known = self._facts.get(self.key(value)) if isinstance(value, Tensor) else None
        return known[1] if known else None

    def key(self, tensor: Tensor) -> int:
        """What facts belong to: the storage, which views share."""
        return storage(tensor)

    def note(self, tensor: Tensor, fact: Fact) -> None:
        """Records a fact about a tensor."""
        before = self.fact(tensor)
        self._facts[self.key(tensor)] = (tensor, fact if before is None else self.joined(before, fact))

    @property
    def module(self) -> tuple[str, nn.Module]:
        """Name and instance of the innermost module that is running; the name of the network itself is empty."""
        return self._running[-1]

    def run(self, *inputs: Tensor) -> Any:
        """The network's output for these inputs, without gradients, watched."""
        with torch.no_grad(), self._modules_followed(), self:
            return self.forward(*inputs)

    def forward(self, *inputs: Tensor) -> Any:
        """What is watched: the network's forward pass."""
        return self._model(*inputs)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name = func.__name__.split(".")[0].removesuffix("_")
        operation = Operation(name, func, args, dict(kwargs or {}))
        if name in SHAPES or all(self.fact(tensor) is None for tensor in operation.tensors):
            return operation()
        if name not in self._known_operations:
            with self:
                parts = func.decompose(*args, **operation.options)
            if parts is not NotImplemented:
                return parts
        result, fact = self.after(operation)
        if fact is not None:
            for leaf in tree_leaves(result):
                if isinstance(leaf, Tensor):
                    self.note(leaf, fact)
        return result

    @contextmanager
    def _modules_followed(self) -> Iterator[None]:
        handles = []
        for name, module in watched_modules(self._model):
            handles += [
                module.register_forward_pre_hook(self._entering(name)),
                module.register_forward_hook(self._left),
            ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _entering(self, name: str) -> Callable[..., None]:
        return lambda module, inputs: self._running.append((name, module))

    def _left(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self._running.pop()


def storage(tensor: Tensor) -> int:
    """A number that tensors have in common exactly if they share memory, as long as one of them lives."""
    return int(tensor.untyped_storage()._cdata) if tensor.layout is torch.strided else id(tensor)
