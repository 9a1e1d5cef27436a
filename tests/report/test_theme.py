from pathlib import Path
from xml.etree import ElementTree

import altair as alt
import pandas as pd
import pytest
import vl_convert

from gengap.report import theme
from gengap.report.theme import DARK, LIGHT, PALETTE, dark_colours, lightened, pictures, specification

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


def luminance(colour: str) -> float:
    """WCAG 2.2's relative luminance of ``#rrggbb``."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", PALETTE)
def test_colours_have_the_contrast_of_text_on_the_dark_page(colour: str) -> None:
    page = str(DARK["background"])
    assert (luminance(lightened(colour)) + 0.05) / (luminance(page) + 0.05) >= 4.5


def test_colours_by_name_are_lightened_and_those_of_a_scale_that_interpolates_are_not() -> None:
    base = alt.Chart(pd.DataFrame({"x": [0.0, 1.0], "a": ["p", "#123456"]})).mark_rect()
    named = alt.Color("a:N", scale=alt.Scale(domain=["p", "#123456"], range=["#336699", "#009E73"]))
    shades = alt.Color("x:Q", scale=alt.Scale(range=["#fedcba", "#abcdef"], interpolate="lab"))
    colours = dark_colours(specification(base.encode(color=named) | base.encode(color=shades), "cells"))
    assert set(colours) == {"#336699", *(colour.lower() for colour in PALETTE)}


def test_live_pieces_have_the_palette_of_charts() -> None:
    style = (Path(theme.__file__).parent / "templates/site.css").read_text()
    for k, colour in enumerate(PALETTE[:6]):
        assert f"--hue-{k}: {colour};" in style
        assert f"--hue-{k}: {lightened(colour)};" in style
