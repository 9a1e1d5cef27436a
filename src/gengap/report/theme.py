"""How every chart looks: one colour-blind safe palette, one light and one dark theme, and pictures of a chart."""

import re
from collections.abc import Sequence
from typing import Any

import altair as alt

# Okabe and Ito's colours, those too bright for white paper darkened: each has a contrast of at least 3 to 1 both on
# white and on the dark page, so that marks keep their colour when the theme changes.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#B86F9A", "#A87B00", "#7D7D7D", "#3E8EBD", "#7A5CC4")

GREY = PALETTE[5]  # of the marks in a legend of shapes alone

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"
PICTURE_WIDTH = 680  # pixels, of a chart that fills its container on the page
# Fonts of one metric: what was measured here is what fits wherever the picture is shown.
PICTURE_FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"

_COLOUR = re.compile("#[0-9a-fA-F]{6}")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")


def _theme(ink: str, soft: str, grid: str, page: str, palette: Sequence[str]) -> dict[str, Any]:
    label = {"labelColor": soft, "titleColor": ink, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": 500}
    return {
        "font": FONT,
        "background": page,
        "padding": 4,
        "view": {"stroke": None},
        "axis": {
            **label,
            "gridColor": grid,
            "domainColor": grid,
            "tickColor": grid,
            "labelOverlap": True,
            "labelPadding": 6,
            "titlePadding": 10,
        },
        "legend": {
            **label,
            "labelColor": ink,
            "titleColor": soft,
            "orient": "top",
            "symbolSize": 220,
            "symbolStrokeWidth": 2.5,
            "labelLimit": 240,
            "columnPadding": 16,
            "columns": 4,
            "offset": 14,
            "layout": {"top": {"anchor": "start", "direction": "vertical", "margin": 6}},
        },
        "title": {"color": ink, "fontSize": 12, "fontWeight": 500, "anchor": "start"},
        "header": label,
        "mark": {"color": palette[0]},
        "range": {"category": list(palette)},
        "line": {"strokeWidth": 2.25, "strokeJoin": "round"},
        "point": {"size": 60},
        "rule": {"color": soft},
        "text": {"color": soft, "fontSize": 12},
    }


def blend(start: str, end: str, fraction: float) -> str:
    """The colour that lies a fraction of the way from one ``#rrggbb`` to another.

    >>> blend("#000000", "#ff8000", 0.5)
    '#804000'
    """
    channels = [(int(start[i : i + 2], 16), int(end[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * fraction):02x}" for a, b in channels)


def lightened(colour: str) -> str:
    """What a colour becomes on the dark page, where thin strokes of it would be dim."""
    return blend(colour, "#ffffff", 0.35)


LIGHT = _theme(ink="#1b1d21", soft="#5c6068", grid="#e3e4e7", page="#ffffff", palette=PALETTE)
DARK = _theme(
    ink="#e8e8e6", soft="#a3a7af", grid="#33373f", page="#1b1e24", palette=[lightened(colour) for colour in PALETTE]
)


def dark_colours(specification: Any) -> dict[str, str]:
    """Each colour that marks of a chart have by name or by a list -> what it becomes on the dark page.

    The colours of the palette are always among them. A scale that interpolates keeps its colours: the numbers on it are
    dark or white by its shade.
    """
    return {colour.lower(): lightened(colour) for colour in (*PALETTE, *_listed(specification))}


def _listed(value: Any) -> list[str]:
    """The colours in ranges of scales that do not interpolate."""
    if isinstance(value, list):
        return [colour for one in value for colour in _listed(one)]
    if not isinstance(value, dict) or "interpolate" in value:
        return []
    listed = value.get("range")
    own = [one for one in listed if isinstance(one, str) and _COLOUR.fullmatch(one)] if isinstance(listed, list) else []
    return own + [colour for key, one in value.items() if key != "datasets" for colour in _listed(one)]


def specification(chart: Any, description: str) -> dict[str, Any]:
    """The chart's Vega-Lite specification; a single view or layers fill the page's column.

    Args:
        chart: An Altair chart of any kind.
        description: The text alternative, for screen readers.
    """
    with alt.data_transformers.enable("default", max_rows=None):
        spec: dict[str, Any] = chart.to_dict()
    spec = _with_grey_shapes(_printable(spec | {"description": description}))
    if "mark" in spec or "layer" in spec:
        spec |= {"width": "container", "autosize": {"type": "fit-x", "contains": "padding"}}
    return spec


def _with_grey_shapes(value: Any) -> Any:
    """The same with grey marks in legends of shapes alone, which would be black on the dark page too."""
    if isinstance(value, list):
        return [_with_grey_shapes(one) for one in value]
    if not isinstance(value, dict):
        return value
    made = {key: _with_grey_shapes(one) for key, one in value.items()}
    shape, color = made.get("shape"), made.get("color")
    if not isinstance(shape, dict) or "field" not in shape or shape.get("legend", {}) is None:
        return made
    if not (isinstance(color, dict) and color.get("field") == shape["field"]):
        made["shape"] = shape | {"legend": {"symbolFillColor": GREY} | shape.get("legend", {})}
    return made


def _printable(value: Any) -> Any:
    """A specification with U+FFFD for every character that XML, and so an SVG, must not hold."""
    if isinstance(value, str):
        return _UNPRINTABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value


def pictures(specification: dict[str, Any]) -> tuple[bytes, str]:
    """A chart as (PNG at twice the screen's resolution, SVG text), both in the light theme, without a browser."""
    import vl_convert

    spec = specification | ({"width": PICTURE_WIDTH} if specification.get("width") == "container" else {})
    config = LIGHT | {"font": PICTURE_FONT}
    svg = vl_convert.vegalite_to_svg(spec, vl_version=vegalite_version(), config=config, allowed_base_urls=[])
    return vl_convert.svg_to_png(svg, scale=2), svg


def vegalite_version() -> str:
    """The Vega-Lite version that Altair writes for, as vl-convert names it, e.g. ``"6.1"``."""
    return ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
