"""Every dependency has a lowest version, and `make test-lowest` installs that one."""

import importlib.metadata
import re
import tomllib
from pathlib import Path
from runpy import run_path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WANTED = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
PINS = run_path(str(ROOT / ".ci" / "lowest.py"))["pins"](PROJECT, ["test"])


def test_every_dependency_but_pytorch_is_pinned_to_its_lowest_version() -> None:
    lowest = {re.split(r"[<>=\[]", each)[0]: re.split(r">=", each)[1].split(",")[0] for each in WANTED}
    assert dict(pin.split("==") for pin in PINS) == {name: at for name, at in lowest.items() if name != "torch"}


def test_what_is_installed_is_not_below_it() -> None:
    below = []
    for name, lowest in (pin.split("==") for pin in PINS):
        installed = importlib.metadata.version(name)
        if [int(part) for part in re.findall(r"\d+", installed)] < [int(part) for part in lowest.split(".")]:
            below.append((name, installed, lowest))
    assert not below
