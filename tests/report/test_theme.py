import altair as alt
import pandas as pd
import pytest
import vl_convert

from gengap.report.theme import DARK, LIGHT, specification

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
