"""The one chart of the tour's own: lines over epochs or another number."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure


def curves(
    data: "pd.DataFrame",
    x: str,
    y: str,
    colour: str,
    caption: str,
    *,
    dash: str | None = None,
    logarithmic: bool = False,
    percent: bool = False,
    formats: Mapping[str, str] | None = None,
) -> "Figure":
    """Lines with points.

    Args:
        data: Tidy: a row for each point.
        x: Column of the horizontal axis.
        y: Column of the vertical axis.
        colour: Column by which lines are told apart.
        caption: What to see.
        dash: A second such column.
        logarithmic: Whether the vertical axis is.
        percent: Whether it counts in percent, from 0 to 100.
        formats: Of the columns in the table behind the chart.
    """
    import altair as alt

    from gengap.report import Figure

    scale = {"type": "log"} if logarithmic else {"domain": [0, 1]} if percent else {"zero": False}
    ticks = alt.Axis(values=_powers_of_two(data[x].max())) if x == "epoch" else alt.Axis()
    channels: dict[str, Any] = {
        "x": alt.X(f"{x}:Q", title=x, scale=alt.Scale(type="symlog" if x == "epoch" else "log"), axis=ticks),
        "y": alt.Y(f"{y}:Q", title=y, scale=alt.Scale(**scale), axis=alt.Axis(format="%") if percent else alt.Axis()),
        "color": alt.Color(f"{colour}:N", sort=None, legend=alt.Legend(title=None if colour == "c" else colour)),
        "tooltip": list(data.columns),
    }
    if dash is not None:
        channels["strokeDash"] = alt.StrokeDash(f"{dash}:N", sort=None, legend=alt.Legend(title=None))
    base = alt.Chart(data).encode(**channels)
    last = data[data[x] == data[x].max()]
    ends = "; ".join(
        ", ".join(str(row[name]) for name in (colour, dash) if name) + f": {row[y]:.3g}" for _, row in last.iterrows()
    )
    return Figure(
        "-".join(f"{y} by {colour}".lower().split()),
        (base.mark_line() + base.mark_point(filled=True, opacity=1)).properties(height=280),
        caption,
        f"{y} by {x}. At the largest {x}: {ends}.",
        last,
        dict(formats or {}),
    )


def _powers_of_two(largest: float) -> list[int]:
    """0, 1, 2, 4, ... up to the largest: what stands apart on an axis that is logarithmic but for 0."""
    return [0] + [2**power for power in range(int(largest).bit_length())]
