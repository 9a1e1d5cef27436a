import altair as alt
import pandas as pd

import gengap
from gengap.report import Figure, Section, Table, Text, fragment


def test_text_and_tables_are_escaped_and_no_script_is_left() -> None:
    table = Table(pd.DataFrame({"name": ["<b>x</b>"], "n": [3]}), "A table")
    html = fragment("Title", "The <lead>.", [Section("S", [Text(["a & b"]), table])])
    assert "&lt;lead&gt;" in html
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert "<script" not in html


def test_a_certificate_shows_its_promise_and_its_bounds() -> None:
    certificate = gengap.certify(errors=30, n=10_000, tried=300)
    html = certificate._repr_html_()
    assert certificate.sentence in html.replace("&#39;", "'")
    assert "0.5495%" in html


def test_charts_are_pictures_and_what_is_left_out_of_a_long_table_is_said() -> None:
    frame = pd.DataFrame({"x": range(150), "y": range(150)})
    chart = alt.Chart(frame).mark_line().encode(x="x:Q", y="y:Q")
    figure = Figure("line", chart, "A caption.", "A line", frame)
    html = fragment("Title", "Lead.", [Section("S", [figure, Table(frame, "Rows")])])
    assert '<img alt="A line" src="data:image/png;base64,iVBOR' in html
    assert "The first 100 of 150 rows; to_json()" in html
    assert "report.json" not in html


def test_a_ranking_shows_its_page() -> None:
    rows = [{"depth": d, "width": w, "gap": d + 0.1 * w, "norm": d - 0.1 * w} for d in range(3) for w in range(3)]
    ranking = gengap.rank(pd.DataFrame(rows), gap="gap", hyperparameters=["depth", "width"])
    html = ranking._repr_html_()
    assert "norm" in html
    assert "<img alt=" in html
