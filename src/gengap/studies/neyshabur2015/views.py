"""What a report shows of the figures: errors by the number of hidden units, and every network."""

from typing import TYPE_CHECKING

from gengap.studies.neyshabur2015.published import curves
from gengap.studies.neyshabur2015.width import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure, Table

LINES = ("train_error", "test_error", "early_test_error", "decayed_test_error")


def errors_by_width(figure: int, data: str, rows: "pd.DataFrame") -> "Figure | None":
    """Errors against the number of hidden units, ours and the paper's."""
    import altair as alt
    import pandas as pd

    from gengap.report import Figure, charts

    chosen = rows[rows["data"].isin([data] if data != "mnist" else ["mnist", "digits"])]
    ours = [
        {"curve": name.replace("_", " "), "labels": each["labels"], "source": charts.OURS, "units": each["units"]}
        | {"error": each[name], "seed": each["seed"]}
        for each in chosen.to_dict("records")
        for name in LINES
        if pd.notna(each[name])
    ]
    if not ours:
        return None
    theirs = [
        {
            "curve": column.replace("_", " "),
            "labels": kind,
            "source": charts.PAPER,
            "units": units,
            "error": error,
            "seed": -1,
        }
        for where, kind, column, units, error in curves(figure)
        if where == data and kind in set(chosen["labels"]) and rows["scale"].iloc[0] != "smoke"
    ]
    drawn = pd.DataFrame([*ours, *theirs])
    dash = alt.Scale(domain=[charts.OURS, charts.PAPER], range=[[1, 0], [5, 4]])
    base = alt.Chart(drawn).encode(
        x=alt.X("units:Q", scale=alt.Scale(type="log", base=2), title="hidden units"),
        y=alt.Y("error:Q", title="error", axis=alt.Axis(format=".0%")),
        color=alt.Color("curve:N", legend=alt.Legend(title=None)),
        strokeDash=alt.StrokeDash("source:N", scale=dash, legend=alt.Legend(title=None)),
        detail=["labels:N", "seed:N"],
        tooltip=["curve", "labels", "source", "units", alt.Tooltip("error:Q", format=".2%")],
    )
    text = "; ".join(f"{r.curve}, {r.labels}, {r.units} units, {r.source}: {r.error:.2%}" for r in drawn.itertuples())
    return Figure(
        f"figure-{figure}-{data}",
        (base.mark_line() + base.mark_point(filled=True, opacity=1)).properties(height=280),
        f"Errors of networks with one hidden layer on {data}, ours and the paper's.",
        f"{text}.",
        drawn,
        {"error": ".2%", "units": ",d"},
    )


def table(rows: "pd.DataFrame") -> "Table":
    """All networks."""
    from gengap.report import Table

    formats = dict.fromkeys(LINES, ".2%") | {"loss": ".2g", "weight_decay": ".1g", "seconds": ".0f"}
    return Table(rows[["data", "labels", "units", "seed", *COLUMNS]], "Networks with one hidden layer", formats)
