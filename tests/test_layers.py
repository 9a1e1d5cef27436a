"""Data flows one way: nothing lower imports anything higher, and science and machinery never import each other."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src" / "gengap"
BASE = {"errors", "seeds", "keys", "arrays", "arguments", "json_text"}
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
