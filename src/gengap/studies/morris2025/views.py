"""Figures, the line and the table, drawn from rows."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure, Table
    from gengap.verdicts import Line

NETWORKS = ("perceptron", "convolutional", "transformer")
PUBLISHED = 3.6  # bits for each parameter of a transformer


def fitted_line(rows: Sequence[Mapping[Any, Any]]) -> "Line | None":
    """The line of most bits against parameters, one point a network of one kind; None of fewer than three widths."""
    from gengap.verdicts import line

    points = {(row["width"], row["seed"]): (row["parameters"], row["capacity_bits"]) for row in rows}
    if len({parameters for parameters, _ in points.values()}) < 3:
        return None
    return line([float(size) for size, _ in points.values()], [bits for _, bits in points.values()])


def plateau(rows: "pd.DataFrame") -> "Figure | None":
    """Bits memorised against bits of the data, both for each parameter, one line a width."""
    import altair as alt
    import pandas as pd

    from gengap.report import Figure

    done = rows[rows["bits"].notna()]
    if done.empty:
        return None
    groups = done.assign(data=done["storable_bits"] / done["parameters"]).groupby(["network", "width", "ratio"])
    drawn = groups.agg(
        parameters=("parameters", "first"),
        data=("data", "mean"),
        mean=("bits_per_parameter", "mean"),
        low=("bits_per_parameter", "min"),
        high=("bits_per_parameter", "max"),
        seeds=("seed", "size"),
    ).reset_index()
    drawn["size"] = (
        drawn.groupby("network")["parameters"].rank(method="dense").map({1: "small", 2: "middle", 3: "large"})
    )
    drawn["least"] = 0.0
    base = alt.Chart().encode(
        x=alt.X("data:Q", title="bits of data for each parameter", scale=alt.Scale(zero=True)),
        color=alt.Color("size:N", sort=["small", "middle", "large"], legend=alt.Legend(title=None)),
        tooltip=["network", "width", "parameters", "data", "mean", "low", "high", "seeds"],
    )
    y = alt.Y("mean:Q", title="bits memorised for each parameter", scale=alt.Scale(zero=True))
    all_of_it = (
        alt.Chart().mark_line(strokeDash=[2, 3], strokeWidth=1.25, color="#7D7D7D").encode(x="data:Q", y="data:Q")
    )
    layers = alt.layer(
        all_of_it,
        base.mark_line().encode(y=y),
        base.mark_rule().encode(y="low:Q", y2="high:Q"),
        base.mark_point(filled=True, opacity=1, size=35).encode(y=y),
        data=drawn,
    )
    chart = layers.properties(width=180, height=220).facet(
        column=alt.Column("network:N", title=None, sort=list(NETWORKS))
    )
    text = "; ".join(
        f"{r.network}, {r.parameters:,} parameters, data of {r.data:.2f} bits each: {r.mean:.2f}"
        for r in drawn.itertuples()
    )
    return Figure(
        "bits-by-data",
        chart,
        "Bits memorised against the bits that random data hold, both for each parameter, of three widths; bars from "
        "the smallest to the largest seed. Dotted: all that the data hold. Where a line leaves it and turns flat the "
        "network is full; where it falls again, more data are harder to train on.",
        f"{text}.",
        pd.DataFrame(drawn.drop(columns=["least", "size"])),
        {"data": ".2f", "mean": ".3f", "low": ".3f", "high": ".3f", "parameters": ",d"},
    )


def against_parameters(rows: "pd.DataFrame") -> "Figure | None":
    """The most bits of each network against its parameters, with a line for each kind and the published one."""
    import altair as alt
    import pandas as pd

    from gengap.report import Figure

    done = rows[rows["capacity_bits"].notna()].drop_duplicates(["network", "width", "seed"])
    if done.empty:
        return None
    wanted = ["network", "width", "seed", "parameters", "capacity_bits", "capacity_per_parameter", "plateau"]
    drawn = done[wanted].assign(state=done["plateau"].map({1.0: "full", 0.0: "not full: at least so many"}))
    ends, words = [], []
    for network in NETWORKS:
        own = drawn[drawn["network"] == network]
        fit = fitted_line(own.to_dict("records"))
        if fit is None:
            continue
        low, high = fit.intervals["slope"]
        words.append(f"{network} {fit.slope:.2f} ({low:.2f} to {high:.2f})")
        ends += [
            {"network": network, "parameters": p, "capacity_bits": fit.intercept + fit.slope * p}
            for p in (own["parameters"].min(), own["parameters"].max())
        ]
    largest = float(drawn["parameters"].max())
    published = pd.DataFrame({"parameters": [0.0, largest], "capacity_bits": [0.0, PUBLISHED * largest]})
    colour = alt.Color("network:N", sort=list(NETWORKS), legend=alt.Legend(title=None))
    x = alt.X("parameters:Q", title="parameters")
    y = alt.Y("capacity_bits:Q", title="most bits memorised")
    shape = alt.Shape(
        "state:N",
        scale=alt.Scale(domain=["full", "not full: at least so many"], range=["circle", "triangle-up"]),
        legend=alt.Legend(title=None) if drawn["state"].nunique() > 1 else None,
    )
    layers: list[Any] = [alt.Chart(published).mark_line(strokeDash=[5, 4], color="#7D7D7D").encode(x=x, y=y)]
    if ends:
        layers.append(alt.Chart(pd.DataFrame(ends)).mark_line().encode(x=x, y=y, color=colour))
    points = alt.Chart(drawn).mark_point(filled=True, opacity=1)
    layers.append(points.encode(x=x, y=y, color=colour, shape=shape, tooltip=wanted))
    slopes = f" Slopes in bits for each parameter, with 95 % intervals: {'; '.join(words)}." if words else ""
    return Figure(
        "capacity-by-parameters",
        alt.layer(*layers).properties(height=300),
        "The most bits that a network memorised, over amounts of data, against its parameters: a lower estimate of "
        f"what it can hold.{slopes} Dashed: {PUBLISHED} bits for each parameter, as published for transformers.",
        "; ".join(f"{r.network}, {r.parameters:,}: {r.capacity_bits:,.0f} bits" for r in drawn.itertuples()) + ".",
        drawn.drop(columns="state"),
        {"capacity_bits": ",.0f", "capacity_per_parameter": ".3f", "parameters": ",d", "plateau": ".0f"},
    )


def table(rows: "pd.DataFrame") -> "Table":
    """All trainings."""
    from gengap.report import Table

    wanted = ["network", "width", "seed", "parameters", "symbols", "storable_bits", "bits", "bits_per_parameter"]
    wanted += ["capacity_per_parameter", "plateau"]
    formats = {"storable_bits": ",.0f", "bits": ",.0f", "bits_per_parameter": ".3f", "capacity_per_parameter": ".3f"}
    return Table(rows[wanted], "Trainings on random data", formats | {"symbols": ",d", "plateau": ".0f"})
