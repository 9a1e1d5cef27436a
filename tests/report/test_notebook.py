import pandas as pd

import gengap
from gengap.report import Section, Table, Text, fragment


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
