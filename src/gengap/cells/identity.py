"""The identity of one's own training: a hash of its code, of the values that it is bound to, and of its libraries.

Equal identities mean: the same code of the user's, in memory and in its files, the same arguments and closure values,
the same versions of the installed packages that this code names. Files that a training reads are no part of it.
"""

import dis
import functools
import platform
import sys
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from importlib import invalidate_caches
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from gengap import __version__
from gengap.cells.imported import with_imported
from gengap.data import Problem
from gengap.keys import job_key
from gengap.sweep import is_own_file, own_modules

_ALWAYS = ("numpy", "scipy")  # what all trainings compute with, whatever they name
_PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray, range, slice, type(...), type(NotImplemented))
_OF_CLASSES = {
    "__annotate_func__", "__annotations__", "__dict__", "__doc__", "__firstlineno__", "__module__", "__qualname__",
    "__static_attributes__", "__weakref__", "_abc_impl",
}  # fmt: skip


class NotHashable(Exception):  # noqa: N818 - an answer, not an error
    """Something has no content that could be hashed; the message says what and where."""


def identity(training: Any) -> str:
    """32 hexadecimal digits: the code and values that a callable consists of, its modules and libraries.

    Args:
        training: A function, class, instance or ``functools.partial``, of any depth.

    Raises:
        NotHashable: It holds something without content, such as a lock, a generator or an open file.
    """
    invalidate_caches()
    content = _Content()
    try:
        digest = content.digest(training, "the training")
    except RecursionError:
        raise NotHashable("the training holds structures that are nested too deeply") from None
    files, imports = with_imported({**own_modules(), **content.files}, content.imported)
    libraries = content.libraries | {name.partition(".")[0] for name in imports} - files.keys()
    versions = {name: _version(name) for name in sorted({*libraries, *_ALWAYS} - sys.stdlib_module_names)}
    hashes = sorted((name, _of_file(file)) for name, file in files.items())
    return job_key("own training", digest, hashes, versions, platform.python_version(), __version__)


class _Content:
    """A walk through values: what they contain, and which modules and libraries they come from.

    Attributes:
        files: Name -> file of the user's modules met.
        libraries: Names of the installed packages met.
        imported: Modules that functions import when they run.
    """

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.libraries: set[str] = set()
        self.imported: set[str] = set()
        self._seen: dict[int, tuple[int, Any]] = {}  # id -> its number and itself, so that no id is used again

    def digest(self, value: Any, where: str) -> str:
        """The hash of one value."""
        hasher = blake2b(digest_size=16)
        for part in self._parts(value, where):
            hasher.update(len(part).to_bytes(8, "little") + part)
        return hasher.hexdigest()

    def _parts(self, value: Any, where: str) -> Iterator[bytes]:
        kind = type(value)
        yield f"{kind.__module__}.{kind.__qualname__}".encode()
        if kind in _PLAIN:
            yield repr(value).encode("utf-8", "surrogateescape")
            return
        if kind is tuple:  # equal constants may or may not be one object: by content alone
            yield from self._each(value, where)
            return
        if isinstance(value, CodeType):
            yield from self._of_code(value, where)
            return
        if kind in (set, frozenset):
            yield from sorted(self._apart().digest(item, where).encode() for item in value)
            return
        if id(value) in self._seen:
            yield f"again {self._seen[id(value)][0]}".encode()
            return
        self._seen[id(value)] = (len(self._seen), value)
        if kind is list:
            yield from self._each(value, where)
        elif kind is dict:
            for key, item in value.items():
                yield from self._parts(key, where)
                yield from self._parts(item, f"{where}[{key!r:.40}]")
        elif isinstance(value, np.ndarray) and value.dtype != object:
            yield f"{value.dtype.str}{value.shape}".encode()
            yield np.ascontiguousarray(value).tobytes()
        elif isinstance(value, Problem):
            yield value.hash.encode()
        elif _is_tensor(value):
            yield from self._of_tensor(value, where)
        elif isinstance(value, FunctionType):
            yield from self._of_function(value, where)
        elif isinstance(value, type):
            yield from self._of_class(value)
        elif isinstance(value, ModuleType):
            self._belongs(value.__name__)
            yield value.__name__.encode()
        else:
            yield from self._of_other(value, where)

    def _apart(self) -> "_Content":
        """A walk of its own, so that the order in which a set gives its members does not matter."""
        other = _Content()
        other.files, other.libraries, other.imported = self.files, self.libraries, self.imported
        return other

    def _each(self, values: Iterable[Any], where: str) -> Iterator[bytes]:
        for item in values:
            yield from self._parts(item, where)

    def _of_function(self, function: FunctionType, where: str) -> Iterator[bytes]:
        """Its name and values; of the user's also its code, and the globals that this names."""
        where = f"{function.__qualname__}" if where == "the training" else where
        yield f"{function.__module__}:{function.__qualname__}".encode()
        yield from self._parts(function.__defaults__, f"a default of {where}")
        yield from self._parts(function.__kwdefaults__, f"a default of {where}")
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            yield name.encode()
            yield from self._of_cell(cell, f"the closure value {name!r} of {where}")
        if not self._belongs(function.__module__):
            return
        yield from self._parts(function.__code__, where)
        for name in _names(function.__code__):
            if name in function.__globals__:
                yield name.encode()
                yield from self._parts(function.__globals__[name], f"the global {name!r} that {where} uses")

    def _of_cell(self, cell: CellType, where: str) -> Iterator[bytes]:
        try:
            value = cell.cell_contents
        except ValueError:  # not yet bound
            yield b"empty"
            return
        yield from self._parts(value, where)

    def _of_code(self, code: CodeType, where: str) -> Iterator[bytes]:
        yield code.co_code
        yield repr((code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_flags)).encode()
        yield repr((code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)).encode()
        yield from self._each(code.co_consts, where)
        package = ""
        for step in dis.get_instructions(code):
            if step.opname == "IMPORT_NAME" and step.argval:
                package = step.argval
                self.imported.add(package)
            elif step.opname == "IMPORT_FROM":
                self.imported.add(f"{package}.{step.argval}")

    def _of_class(self, cls: type) -> Iterator[bytes]:
        yield f"{cls.__module__}:{cls.__qualname__}".encode()
        if not self._belongs(cls.__module__):
            return
        yield from self._each(cls.__bases__, f"class {cls.__qualname__}")
        for name, value in vars(cls).items():
            if name not in _OF_CLASSES and type(value).__name__ not in ("getset_descriptor", "member_descriptor"):
                yield name.encode()
                yield from self._parts(value, f"{cls.__qualname__}.{name}")

    def _of_tensor(self, tensor: Any, where: str) -> Iterator[bytes]:
        import torch

        try:
            stored = tensor.detach().cpu().contiguous()
            yield f"{tensor.dtype}{tuple(tensor.shape)}{tensor.requires_grad}".encode()
            yield stored.reshape(-1).view(torch.uint8).numpy().tobytes()
        except (RuntimeError, TypeError, NotImplementedError) as error:
            raise NotHashable(f"{where} is a tensor without plain content ({error})") from error

    def _of_other(self, value: Any, where: str) -> Iterator[bytes]:
        """Bound and built-in functions, descriptors, and any instance by what pickle would keep of it."""
        if isinstance(value, MethodType):
            yield from self._each((value.__func__, value.__self__), where)
        elif isinstance(value, BuiltinFunctionType) and isinstance(value.__self__, ModuleType | type(None)):
            self._belongs(value.__module__ or "builtins")
            yield value.__qualname__.encode()
        elif isinstance(value, staticmethod | classmethod):
            yield from self._parts(value.__func__, where)
        elif isinstance(value, property):
            yield from self._each((value.fget, value.fset, value.fdel), where)
        elif isinstance(value, functools.partial):
            yield from self._parts(value.func, where)
            yield from self._parts(value.args, f"an argument of {where}")
            yield from self._parts(value.keywords, f"an argument of {where}")
        elif isinstance(value, np.random.Generator | np.random.RandomState | np.random.BitGenerator):
            state = value.bit_generator.state if isinstance(value, np.random.Generator) else None
            state = value.get_state() if isinstance(value, np.random.RandomState) else state
            yield from self._parts(value.state if isinstance(value, np.random.BitGenerator) else state, where)
        else:
            yield from self._of_instance(value, where)

    def _of_instance(self, value: Any, where: str) -> Iterator[bytes]:
        try:
            reduced = value.__reduce_ex__(4)
        except NotHashable:
            raise
        except Exception as error:
            raise NotHashable(f"{where} is a {type(value).__name__}, which has no content to hash") from error
        if isinstance(reduced, str):
            self._belongs(getattr(value, "__module__", None) or "builtins")
            yield reduced.encode()
            yield from self._parts(getattr(value, "__wrapped__", None), where)  # of a cache around a function
            return
        function, arguments, *rest = reduced
        yield from self._parts(function, where)
        yield from self._parts(arguments, where)
        for part in rest:
            yield from self._parts(list(part) if isinstance(part, Iterator) else part, where)

    def _belongs(self, module: str | None) -> bool:
        """Whether a module is the user's: the main program, one of a file of the user's, or one of no file at all."""
        if module is None:
            return True
        top = module.partition(".")[0]
        file = getattr(sys.modules.get(module), "__file__", None)
        if module in ("__main__", "__mp_main__"):
            return True
        if isinstance(file, str) and is_own_file(file):
            self.files[module] = file
            return True
        if file is None and top not in sys.builtin_module_names and top not in sys.stdlib_module_names:
            return getattr(sys.modules.get(top), "__file__", None) is None
        self.libraries.add(top)
        return False


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _names(code: CodeType) -> list[str]:
    """Global names, attributes among them, of a function and of those inside it."""
    inner = [name for const in code.co_consts if isinstance(const, CodeType) for name in _names(const)]
    return list(dict.fromkeys([*code.co_names, *inner]))


def _version(name: str) -> str:
    known = getattr(sys.modules.get(name), "__version__", None)
    if isinstance(known, str):
        return known
    distributions = _distributions().get(name, [])
    try:
        return ", ".join(sorted(version(distribution) for distribution in set(distributions))) or "unknown"
    except PackageNotFoundError:
        return "unknown"


@functools.cache
def _distributions() -> dict[str, list[str]]:
    return dict(packages_distributions())


def _of_file(file: str) -> str:
    try:
        return blake2b(Path(file).read_bytes(), digest_size=16).hexdigest()
    except OSError:
        return "gone"
