import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    sys.path.insert(0, str(DOCS))
    try:
        return import_module("tables")
    finally:
        sys.path.remove(str(DOCS))


def test_every_table_is_current(tables: ModuleType) -> None:
    documents = tables.documents()
    assert set(documents) == {tables.README, tables.ALL_BENCHMARKS}
    for document, made in documents.items():
        text = document.read_text(encoding="utf-8")
        assert all(f"<!-- table {name} -->\n\n| " in text for name in made)
        assert tables.with_tables(text, made) == text, "make tables writes them anew"
    assert "[zhang2017/table1](docs/results/zhang2017/table1)" in tables.README.read_text(encoding="utf-8")


def test_every_headline_is_one_recorded_comparison(tables: ModuleType) -> None:
    lines = tables.recorded_lines()
    for headline in tables.HEADLINES:
        matching = [
            line
            for name, line in lines
            if name == headline.benchmark and headline.what in line.what and headline.against in line.opponent
        ]
        assert matching
        assert len({line.machine for line in matching}) == len(matching), headline  # one a machine
        assert tables.line_of(headline, lines) is matching[0]


@pytest.mark.parametrize(
    ("cell", "figure"),
    [
        ("1.89 s (1.61 to 1.93)\n34% of peak", "1.89 s"),
        ("13.7 s (13.1 to 13.8), 1.22 GiB, test error 2.13%", "13.7 s"),
        ("0.639 s at the peak of bfloat16", "0.639 s"),
        ("6.97 s of processor time by auto", "6.97 s"),
        ("", ""),
    ],
)
def test_a_figure_is_what_a_cell_begins_with(tables: ModuleType, cell: str, figure: str) -> None:
    assert tables.figure(cell) == figure


@pytest.mark.parametrize(
    ("ours", "theirs", "faster"),
    [
        ("2 s", "5.2 s", "2.6 x"),
        ("0.25 s", "500 s", "2,000 x"),
        ("0.83 x", "114.37 x", "138 x"),
        ("1.25 s", "1 s", "0.8 x"),
    ],
)
def test_a_ratio_is_how_many_times_as_fast_gengap_is(tables: ModuleType, ours: str, theirs: str, faster: str) -> None:
    assert tables.faster(ours, theirs) == faster


def test_seconds_are_not_compared_with_multiples(tables: ModuleType) -> None:
    with pytest.raises(ValueError, match="different units"):
        tables.faster("2 s", "3 x")


def test_each_ratio_follows_from_its_row_and_an_extrapolated_figure_is_called_so(tables: ModuleType) -> None:
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in tables.headlines_table().splitlines()[2:]]
    assert len(rows) == len(tables.HEADLINES)
    for (_, ours, opponent, theirs, ratio, *_), headline in zip(rows, tables.HEADLINES, strict=True):
        quotient = float(theirs.split()[0]) / float(ours.split()[0])
        assert float(ratio.split()[0].replace(",", "")) == pytest.approx(quotient, rel=0.005)
        extrapolated = "extrapolated" in tables.line_of(headline, tables.recorded_lines()).ratio
        assert ("extrapolated" in opponent) is extrapolated
