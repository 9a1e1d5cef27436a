"""The modules that source files import, read off their import statements: nothing is imported to see that."""

import ast
import functools
from collections.abc import Iterable
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from gengap.sweep import is_own_file


def with_imported(files: dict[str, str], imported: Iterable[str]) -> tuple[dict[str, str], set[str]]:
    """Also the user's modules that these import, wherever the import stands, and all names that any of them imports.

    Args:
        files: Name of a module -> its file.
        imported: Further names that are imported.
    """
    files, names = dict(files), set[str]()
    ahead, seen, specs = [*imported], set[str](), dict[str, ModuleSpec | None]()

    def read(name: str, file: str) -> None:
        found = _imports(file, name)
        names.update(found)
        ahead.extend(found)

    for name, file in files.items():
        read(name, file)
    while ahead:
        name = ahead.pop()
        if name in seen:
            continue
        seen.add(name)
        spec = _spec(name, specs)
        if name not in files and spec is not None and _is_of_the_user(spec) and Path(str(spec.origin)).is_file():
            files[name] = str(spec.origin)
            read(name, files[name])
    return files, names


def _spec(name: str, known: dict[str, ModuleSpec | None]) -> ModuleSpec | None:
    """Where a module is found, without importing it or the packages around it; None inside an installed package.

    Args:
        name: Its full name.
        known: What was found before, by name; what this call finds is added.
    """
    if name not in known:
        package = name.rpartition(".")[0]
        around = _spec(package, known) if package else None
        if package and (around is None or (around.origin and not _is_of_the_user(around))):
            known[name] = None
        else:
            known[name] = PathFinder.find_spec(name, (around.submodule_search_locations or []) if around else None)
    return known[name]


def _is_of_the_user(spec: ModuleSpec) -> bool:
    return bool(spec.origin) and is_own_file(str(spec.origin))


def _imports(file: str, module: str = "") -> list[str]:
    """The modules that the import statements of a source file name; each package on the way to them too."""
    try:
        source = Path(file).read_bytes()
    except OSError:
        return []
    package = module if Path(file).name == "__init__.py" else module.rpartition(".")[0]
    return list(_imports_of_source(source, package))


@functools.lru_cache(maxsize=4096)  # a session has hundreds of modules, and reads them anew for each training
def _imports_of_source(source: bytes, package: str) -> tuple[str, ...]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # no source: an extension module
        return ()
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (start, node.module) if part)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)] if base else []
    return tuple(".".join(name.split(".")[:end]) for name in names for end in range(1, name.count(".") + 2))
