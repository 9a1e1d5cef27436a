"""Every code block of README, CONTRIBUTING and docs runs, or says why not and is only parsed."""

import ast
import re
import shlex
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from code_blocks import Block, blocks

from gengap.cli import _application, main

ROOT = Path(__file__).parents[2]
PAGES = [path for folder in (".", "howto", "explanation") for path in sorted((ROOT / "docs" / folder).glob("*.md"))]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES]
NETWORK = """
    from torch import nn

    def make():
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
"""


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_core: None) -> None:
    """A folder with the files that the documents name: data, a network, its weights, predictions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    rng = np.random.default_rng(0)
    y = np.arange(60) % 10
    x = (5 * rng.normal(size=(10, 64))[y] + rng.normal(size=(60, 64))).astype(np.float32)
    np.savez("my.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    Path("mynet.py").write_text(textwrap.dedent(NETWORK))
    network = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10)
    )
    torch.save(network.state_dict(), "trained.pt")
    torch.save(network.state_dict(), "start.pt")
    networks = [f"{d},{w},{d / 10 + rng.normal() / 50},{d + rng.normal()}" for d in range(4) for w in range(4)]
    Path("runs.csv").write_text("depth,width,gap,norm\n" + "\n".join(networks) + "\n")
    for name in ("val", "a", "b"):
        wrong = rng.random(200) < 0.1
        rows = [f"{i},{i % 50},{i % 3},{(i + wrong[i]) % 3}" for i in range(200)]
        Path(f"{name}.csv").write_text("id,patient,y_true,y_pred\n" + "\n".join(rows) + "\n")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
@pytest.mark.usefixtures("workplace")
def test_code_blocks(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, object] = {"__name__": document.stem}
    for block in blocks(document):
        where = f"{document.name}, line {block.line}"
        if block.language == "python":
            _python(block, namespace, where)
        else:
            for command, shown in block.commands:
                _shell(command, shown, block, where, capsys)


def _python(block: Block, namespace: dict[str, object], where: str) -> None:
    code = compile(ast.parse(block.text, where), where, "exec")
    if not block.not_run:
        exec(code, namespace)


def _shell(command: str, shown: list[str], block: Block, where: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(command)
    assert words[0] == "gengap" or block.not_run, f"{where}: only gengap commands run here"
    if words[0] == "gengap":
        _parse(words[1:])
    if block.not_run:
        return
    with pytest.raises(SystemExit) as exit_status:
        main(words[1:])
    printed = capsys.readouterr()
    assert exit_status.value.code == 0, f"{where}: {command}\n{printed.err}"
    if shown:
        assert _pattern(shown).search(printed.out), f"{where} shows\n{chr(10).join(shown)}\nbut printed\n{printed.out}"


def _parse(words: list[str]) -> None:
    """Raises where the command line has an option or a subcommand that does not exist."""
    group = typer.main.get_command(_application(words[0]))
    context = group.make_context("gengap", list(words), resilient_parsing=False)
    _descend(group, context, words)


def _descend(group: object, context: object, words: list[str]) -> None:
    name, command, rest = group.resolve_command(context, words)  # type: ignore[attr-defined]
    if hasattr(command, "resolve_command") and rest and not rest[0].startswith("-"):
        _descend(command, context, rest)
    elif "--help" not in rest:
        command.make_context(name, list(rest), parent=context)


def _pattern(shown: list[str]) -> re.Pattern[str]:
    """The output that a document shows: white space counts as one blank, a line of … stands for any lines."""
    text = " ".join(re.escape(" ".join(line.split())) if line.strip() != "…" else "…" for line in shown if line.strip())
    return re.compile(text.replace("…", ".*?").replace("\\ ", " ").replace(" ", r"\s+"), re.DOTALL)


def test_a_block_that_is_not_run_says_why() -> None:
    reasons = [block.not_run for document in DOCUMENTS for block in blocks(document) if block.not_run]
    assert all(len(reason.split()) >= 3 for reason in reasons)
