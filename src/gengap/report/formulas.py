r"""Markdown with LaTeX formulas as HTML with MathML: no script and no network are needed to read it."""

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from gengap.report.page import Formatted

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_FORMULA = re.compile(r"\$\$(?P<display>.+?)\$\$|\$(?P<inline>[^$\s](?:[^$]*[^$\s])?)\$", re.DOTALL)
_PLACE = re.compile(r"\ue000(\d+)\ue001")  # private-use characters, which no text holds


def formatted(markdown: str) -> Formatted:
    r"""Markdown as HTML, with ``$inline$`` and ``$$displayed$$`` LaTeX as MathML.

    HTML in the text is shown as text. A dollar sign is written ``\$``.

    Raises:
        ValueError: A formula holds a command that has no MathML here.

    >>> formatted("risk $<$ 1, *surely*").html.split("<math")[0]
    '<p>risk '
    """
    formulas: list[str] = []

    def place(match: re.Match[str]) -> str:
        display = match["display"] is not None
        formulas.append(mathml(match["display"] if display else match["inline"], display=display))
        return f"\ue000{len(formulas) - 1}\ue001"

    text = _FORMULA.sub(place, markdown.replace(r"\$", "\ue002")).replace("\ue002", "$")
    html: str = _renderer().render(text)
    return Formatted(_PLACE.sub(lambda match: formulas[int(match[1])], html))


def mathml(latex: str, *, display: bool = False) -> str:
    """One LaTeX formula as a ``math`` element.

    Raises:
        ValueError: It cannot be converted, or a command is left over.
    """
    from latex2mathml.converter import convert

    try:
        element: str = convert(latex.strip(), display="block" if display else "inline")
    except Exception as error:
        raise ValueError(f"cannot convert the formula {latex!r}: {error}") from error
    left = re.search(r"\\[A-Za-z]+", element)
    if left:
        raise ValueError(f"the command {left[0]} in the formula {latex!r} has no MathML")
    return element


@cache
def _renderer() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    renderer.add_render_rule("table_open", _scrolling_table)
    renderer.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return renderer


def _scrolling_table(*_: Any) -> str:
    """A table that scrolls inside the page; reachable by keyboard."""
    return '<div class="scroll" role="region" aria-label="Table" tabindex="0"><table>\n'
