from xml.etree import ElementTree

import altair as alt
import pandas as pd
import pytest
import vl_convert

from gengap.report.theme import DARK, LIGHT, PALETTE, pictures, specification

BLACK = ('fill="black"', 'fill="#000"', 'fill="#000000"')


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_of_a_chart_has_a_colour_of_the_theme(theme: dict[str, object]) -> None:
    data = pd.DataFrame({"x": [0, 1], "y": [1, 2], "panel": ["a", "b"], "kind": ["c", "d"]})
    chart = (
        alt.Chart(data, title="A title")
        .mark_point()
        .encode(x="x:Q", y="y:Q", color="kind:N")
        .facet(column="panel:N", title="Panels")
    )
    svg = vl_convert.vegalite_to_svg(specification(chart, "two panels"), config=theme)
    texts = [part.split(">")[0] for part in svg.split("<text")[1:]]
    assert texts
    assert not [text for text in texts if any(black in text for black in BLACK)]


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x85", "\ufffe"], ids=ascii)
def test_a_control_character_in_the_data_leaves_a_chart_that_can_be_drawn(character: str) -> None:
    name = f"a{character}b"
    chart = alt.Chart(pd.DataFrame({"x": [1, 2], "y": [name, "c"]})).mark_point()
    chart = chart.encode(x="x:Q", y=alt.Y("y:N", sort=[name, "c"], title=name))
    picture, svg = pictures(specification(chart, f"of {name}"))
    assert picture.startswith(b"\x89PNG")
    assert svg.count("a\ufffdb") >= 2
    assert character not in svg
    assert ElementTree.fromstring(svg).tag.endswith("svg")


def test_marks_in_a_legend_of_shapes_alone_are_grey_and_others_keep_their_colours() -> None:
    rows = pd.DataFrame({"x": [0, 1], "a": ["p", "q"], "b": ["r", "s"]})
    base = alt.Chart(rows).mark_point().encode(x="x:Q", color="a:N")
    alone = specification(base.encode(shape="b:N"), "points")["encoding"]["shape"]
    assert alone["legend"]["symbolFillColor"] == PALETTE[5]
    assert "legend" not in specification(base.encode(shape="a:N"), "points")["encoding"]["shape"]
    hidden = specification(base.encode(shape=alt.Shape("b:N", legend=None)), "points")["encoding"]["shape"]
    assert hidden["legend"] is None
