from collections import Counter
from pathlib import Path

CHANGELOG = (Path(__file__).parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")


def test_no_line_stands_twice() -> None:
    """Lists that are merged by union keep both versions of a line that one side has edited."""
    lines = Counter(line for line in CHANGELOG.splitlines() if line.strip())
    assert [line for line, count in lines.items() if count > 1] == []
