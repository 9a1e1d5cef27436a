"""Double-descent curves: their peaks, and their figures with the paper's curve beside ours."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gengap.studies.study import Row

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure

TITLES = {"test_error": "test error", "test_loss": "squared test loss", "norm": "norm of the coefficients"}
FORMATS = {"test_error": ".2%", "test_loss": ".3g", "norm": ".3g"}
TRAIN = {"test_error": "train_error", "test_loss": "train_loss"}


def with_peaks(
    rows: Sequence[Row], capacity: str, curve: Sequence[str], threshold: Callable[[Row], float]
) -> list[Row]:
    """The rows with where the test loss of their curve peaks, and between which neighbours on the grid.

    The new columns: ``peak_at``, ``peak_low``, ``peak_high``; ``peak_over_threshold``, the first over the capacity at
    which interpolation begins. None where a curve has fewer than three points with a result, or no peak.

    Args:
        rows: With ``test_loss`` and the columns named.
        capacity: The column that a curve is followed along; None in a row that is no point of it.
        curve: The columns whose values identify a curve.
        threshold: Capacity at which a row's curve interpolates.
    """
    from gengap.interpolate.double_descent import find_peak

    curves: dict[tuple[Any, ...], dict[float, float]] = {}
    for row in rows:
        if row[capacity] is not None and row["test_loss"] is not None:
            curves.setdefault(tuple(row[name] for name in curve), {})[row[capacity]] = row["test_loss"]
    peaks = {key: find_peak(sorted(c), [c[x] for x in sorted(c)]) for key, c in curves.items() if len(c) >= 3}
    peaked = []
    for row in rows:
        peak = peaks.get(tuple(row[name] for name in curve))
        summary = (peak.at, peak.low, peak.high, peak.at / threshold(row)) if peak else (None, None, None, None)
        peaked.append(
            row | dict(zip(("peak_at", "peak_low", "peak_high", "peak_over_threshold"), summary, strict=True))
        )
    return peaked


def figure(
    rows: "pd.DataFrame",
    quantity: str,
    capacity: str,
    axis: str,
    paper: Sequence[dict[str, float | str]] = (),
    threshold: float | None = None,
) -> "Figure | None":
    """One quantity against capacity, this on a logarithmic axis: ours solid, the paper's dashed, training lighter.

    Args:
        rows: With the columns ``capacity`` names, ``noise``, ``seed`` and the quantity's.
        quantity: ``test_error``, ``test_loss`` or ``norm``.
        capacity: The column of the horizontal axis.
        axis: Its title.
        paper: The paper's points, with ``capacity``, ``quantity`` and ``value``.
        threshold: Where interpolation begins: a vertical line.
    """
    import altair as alt
    import pandas as pd

    from gengap.report import Figure, charts

    drawn = [quantity, *([TRAIN[quantity]] if quantity in TRAIN else [])]
    ours = [
        {"split": name, "source": charts.OURS, "noise": f"{row['noise']:.0%} noise", "seed": row["seed"]}
        | {"capacity": row[capacity], "value": row[name]}
        for name in drawn
        for row in rows[rows[capacity].notna() & rows[quantity].notna()].to_dict("records")
    ]
    if not ours:
        return None
    theirs = [
        {"split": p["quantity"], "source": charts.PAPER, "noise": "0% noise", "seed": None, **p}
        for p in paper
        if p["quantity"] in drawn and p["capacity"] != float("inf")
    ]
    data = pd.DataFrame([*ours, *theirs])[["split", "source", "noise", "seed", "capacity", "value"]]
    data["split"] = data["split"].map({TRAIN.get(quantity, ""): "training", quantity: "test"})
    floor = _floor(quantity, data)
    dash = alt.Scale(domain=[charts.OURS, charts.PAPER], range=[[1, 0], [5, 4]])
    base = alt.Chart(data.assign(shown=data["value"].clip(lower=floor))).encode(
        x=alt.X("capacity:Q", title=axis, scale=alt.Scale(type="log")),
        y=alt.Y("shown:Q", title=TITLES[quantity], **_scale(quantity)),
        color=alt.Color("noise:N", legend=alt.Legend(title=None) if data["noise"].nunique() > 1 else None),
        strokeDash=alt.StrokeDash("source:N", scale=dash, legend=alt.Legend(title=None) if theirs else None),
        opacity=alt.Opacity("split:O", scale=alt.Scale(domain=["test", "training"], range=[1, 0.35]), legend=None),
        detail=["seed:N", "split:N"],
        tooltip=["split", "source", "noise", "seed", "capacity", alt.Tooltip("value:Q", format=FORMATS[quantity])],
    )
    layers: list[Any] = [base.mark_line(), base.mark_point(filled=True, size=25)]
    if threshold is not None:
        line = alt.Chart(pd.DataFrame({"threshold": [threshold]})).mark_rule(strokeDash=[2, 3])
        layers.insert(0, line.encode(x="threshold:Q"))
    test = data[(data["split"] == "test") & (data["source"] == charts.OURS)]
    top = test.nlargest(1, "value").iloc[0]
    return Figure(
        f"{quantity.replace('_', '-')}-by-capacity",
        alt.layer(*layers).properties(height=300),
        f"{TITLES[quantity].capitalize()} against {axis}. {_reading(quantity, theirs, threshold)}",
        f"{TITLES[quantity]} by {axis}: largest {format(top['value'], FORMATS[quantity])} at {top['capacity']:g}.",
        data,
        {"value": ".4g"},
    )


def _scale(quantity: str) -> dict[str, Any]:
    """Roots show errors of 2 and of 80 % and have room for zero; what spans more decades is on a logarithmic axis."""
    import altair as alt

    if quantity != "test_error":
        return {"scale": alt.Scale(type="log"), "axis": alt.Axis(format="~g", tickCount=6)}
    ticks = [0, 0.01, 0.03, 0.1, 0.2, 0.4, 0.6, 0.8, 1]
    return {"scale": alt.Scale(type="sqrt", zero=True), "axis": alt.Axis(format=".0%", values=ticks)}


def _floor(quantity: str, data: "pd.DataFrame") -> float:
    """The least value that the axis shows: a twentieth of the least on the test set where it is logarithmic."""
    test = data.loc[(data["split"] == "test") & (data["value"] > 0), "value"]
    return 0.0 if quantity == "test_error" else float(test.min()) / 20


def _reading(quantity: str, theirs: Sequence[object], threshold: float | None) -> str:
    parts = [
        "Fainter: on the training set." if quantity in TRAIN else "",
        "Training losses below a twentieth of the least test loss are drawn at that height."
        if quantity == "test_loss"
        else "",
        "Dashed: the paper's." if theirs else "",
        "Vertical line: where interpolation begins." if threshold is not None else "",
    ]
    return " ".join(part for part in parts if part)
