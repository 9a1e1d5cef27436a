import pytest

from gengap.report import formatted
from gengap.report.formulas import mathml


def test_formulas_become_mathml_and_leave_no_latex() -> None:
    html = formatted(r"The gap is $R[f] - \hat R_S[f]$, at most $$\sqrt{\frac{\ln(1/\delta)}{2m}}.$$").html
    assert html.count("<math") == 2
    assert "\\" not in html
    assert "$" not in html


def test_displayed_formulas_are_blocks() -> None:
    assert 'display="block"' in formatted("$$a$$").html
    assert 'display="inline"' in formatted("$a$").html


def test_html_in_the_text_is_shown_as_text() -> None:
    assert "<script>" not in formatted("<script>alert(1)</script>").html


def test_a_dollar_sign_can_be_written() -> None:
    assert formatted(r"It costs \$5.").html == "<p>It costs $5.</p>\n"


def test_an_unknown_command_is_refused() -> None:
    with pytest.raises(ValueError, match="undefinedcommand"):
        mathml(r"\undefinedcommand{x}")


def test_tables_scroll_and_can_be_focused() -> None:
    assert 'tabindex="0"><table>' in formatted("| a |\n|---|\n| 1 |").html
