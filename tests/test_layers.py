"""Data flows one way: nothing lower imports anything higher, and science and machinery never import each other."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src" / "gengap"
BASE = {
    "errors",
    "seeds",
    "keys",
    "arrays",
    "arguments",
    "json_text",
    "home",
    "machine",
    "measured_once",
    "terminal",
    "console",
    "bars",
}
SCIENCE = ["data", "models", "network", "train", "interpolate", "bounds", "measures", "probes", "ranking", "verdicts"]
MACHINERY = ["store", "sweep", "report"]
TOP = ["cells", "studies", "monitors", "tasks", "cli"]


def _allowed(layer: str) -> set[str]:
    for stack in (SCIENCE, MACHINERY):
        if layer in stack:
            return BASE | set(stack[: stack.index(layer) + 1])
    if layer in TOP:
        return BASE | set(SCIENCE) | set(MACHINERY) | set(TOP[: TOP.index(layer) + 1])
    return BASE


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("gengap.")}
    return {name for name in found if (SRC / name).is_dir() or (SRC / f"{name}.py").exists()}


@pytest.mark.parametrize("name", sorted(str(p.relative_to(SRC)) for p in SRC.rglob("*.py") if p.parent != SRC))
def test_nothing_lower_imports_anything_higher(name: str) -> None:
    path = Path(name)
    assert _imports(SRC / path) <= _allowed(path.parts[0])


def test_every_folder_has_a_layer() -> None:
    folders = {p.name for p in SRC.iterdir() if p.is_dir() and p.name[0] not in "._"}
    assert folders <= {*SCIENCE, *MACHINERY, *TOP}


@pytest.mark.parametrize("statement", ["import gengap", "import gengap.tasks.certify", "import gengap.bounds"])
def test_light_imports_leave_torch_alone(statement: str) -> None:
    code = f"{statement}; import sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _import_graph() -> dict[str, set[str]]:
    """Module -> modules of the package that it imports anywhere, also inside functions, but not for types alone."""
    modules = {".".join(("gengap", *p.relative_to(SRC).with_suffix("").parts)): p for p in SRC.rglob("*.py")}
    modules = {name.removesuffix(".__init__"): path for name, path in modules.items()}
    graph = {}
    for module, path in modules.items():
        tree = ast.parse(path.read_text())
        for_types = {
            id(node)
            for branch in ast.walk(tree)
            if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.dump(branch.test)
            for node in ast.walk(branch)
        }
        targets = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and id(node) not in for_types:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                targets |= {name if name in modules else node.module for name in names}
        graph[module] = (targets & modules.keys()) - {module}
    return graph


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    ahead = list(graph[start])
    while ahead:
        module = ahead.pop()
        if module not in seen:
            seen.add(module)
            ahead.extend(graph[module])
    return seen


def test_the_only_circle_of_imports_is_the_method_of_problem() -> None:
    graph = _import_graph()
    in_circles = {module for module in graph if module in _reachable(graph, module)}
    assert in_circles == {
        "gengap.data.problem",  # Problem.corrupt, a method that calls what stands above it
        "gengap.data.preprocessing",
        "gengap.data.corruptions",
        "gengap.data.corruptions.apply",
    }
