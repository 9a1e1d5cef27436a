import sys
from importlib import import_module
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_tables_of_the_readme_are_current() -> None:
    sys.path.insert(0, str(DOCS))
    try:
        tables = import_module("tables")
    finally:
        sys.path.remove(str(DOCS))
    text = tables.README.read_text(encoding="utf-8")
    assert "[zhang2017/table1](docs/results/zhang2017/table1)" in text
    assert tables.with_tables(text) == text, "make tables writes them anew"
