"""The documentation is built without a warning, and its gallery runs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="the extra 'docs' is not installed")
pytest.importorskip("myst_parser", reason="the extra 'docs' is not installed")

DOCS = Path(__file__).parents[2] / "docs"


def test_the_documentation_is_built_without_a_warning(tmp_path: Path) -> None:
    source, built = tmp_path / "docs", tmp_path / "html"
    shutil.copytree(DOCS, source, ignore=shutil.ignore_patterns("_build", "generated", "*.json"))
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(source), str(built)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    gallery = (built / "generated" / "gallery.html").read_text()
    assert "the true error rate is at most 0.55%" in gallery
    assert "gengap certify" in (built / "generated" / "commands.html").read_text()
