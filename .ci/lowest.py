"""The lowest versions that pyproject.toml allows, one pin a line: ``python .ci/lowest.py EXTRA …``.

PyTorch is left out: its lowest version comes as a build for CUDA of some gigabytes. That one is tried by hand.
"""

import re
import sys
import tomllib
from pathlib import Path

LEFT_OUT = {"torch"}
REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?>=(?P<lowest>[^,;]+)")


def pins(project: dict, extras: list[str]) -> list[str]:
    """``name==version`` of each direct dependency, those of some extras among them."""
    wanted = project["dependencies"] + [each for extra in extras for each in project["optional-dependencies"][extra]]
    found = [REQUIREMENT.match(requirement) for requirement in wanted]
    return [f"{each['name']}=={each['lowest']}" for each in found if each and each["name"] not in LEFT_OUT]


if __name__ == "__main__":
    text = Path(__file__).parents[1].joinpath("pyproject.toml").read_text(encoding="utf-8")
    print("\n".join(pins(tomllib.loads(text)["project"], sys.argv[1:])))
