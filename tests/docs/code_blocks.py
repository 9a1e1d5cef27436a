"""The fenced code blocks of Markdown documents, and what is said about each."""

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

NOT_RUN = re.compile(r"<!--\s*not run:\s*(.+?)\s*-->\s*$")
EXTRA = re.compile(r"<!--\s*needs the extra ([a-z]+)\s*-->\s*$")
MODULES = {
    "inspect": ("inspect_ai",),
    "mlflow": ("mlflow", "sqlalchemy"),
    "timm": ("timm", "torchvision"),
}  # where they are not those of the name
FENCE = re.compile(r"^```(\w*)\s*$")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        line: The line number of its opening fence, from 1.
        language: What stands behind the fence, such as ``python``; empty where nothing does.
        text: Its lines.
        not_run: Why it is only parsed, from a comment ``<!-- not run: reason -->`` above it, or from
            ``<!-- needs the extra name -->`` where that is not installed; empty where it runs.
    """

    line: int
    language: str
    text: str
    not_run: str

    @property
    def commands(self) -> list[tuple[str, list[str]]]:
        """Shell commands with the output that the document shows: lines that begin with ``$`` or, bare, with gengap."""
        found: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            command = line.removeprefix("$ ")
            if line.startswith("$ ") or command.startswith("gengap "):
                found.append((command, []))
            elif found and self.text.lstrip().startswith("$ "):
                found[-1][1].append(line)
        return found


def blocks(document: Path) -> list[Block]:
    """All fenced blocks of a document, in order."""
    lines = document.read_text().splitlines()
    found, start = [], None
    for number, line in enumerate(lines):
        fence = FENCE.match(line)
        if fence is None:
            continue
        if start is None:
            start = number
            continue
        above = next((text for text in reversed(lines[:start]) if text.strip()), "")
        language = FENCE.match(lines[start])
        assert language
        text = "\n".join(lines[start + 1 : number])
        found.append(Block(start + 1, language[1], text, _not_run(above)))
        start = None
    return found


def _not_run(above: str) -> str:
    """Why a block below this line is only parsed; empty where it runs."""
    if reason := NOT_RUN.search(above):
        return reason[1]
    extra = EXTRA.search(above)
    if extra and any(find_spec(name) is None for name in MODULES.get(extra[1], (extra[1],))):
        return f"the extra {extra[1]} is not installed"
    return ""
