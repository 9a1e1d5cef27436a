"""Figures and the table, drawn from rows."""

from typing import TYPE_CHECKING, Any

from gengap.studies.belkin2018.grid import DATA, FITS, WHOLE

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure, Table


def _means(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Means over seeds of what was measured at each setting, and the smallest and largest test error."""
    done = rows[rows["test_error"].notna() & (rows["examples"] != WHOLE)]
    means: pd.DataFrame = (
        done.groupby(["data", "method", "fit", "level"], sort=False)
        .agg(
            noisy_error=("noisy_error", "mean"),
            test_error=("test_error", "mean"),
            low=("test_error", "min"),
            high=("test_error", "max"),
            bayes_error=("bayes_error", "mean"),
            noisy_bayes_error=("noisy_bayes_error", "mean"),
            wrong=("wrong", "mean"),
            seeds=("seed", "size"),
        )
        .reset_index()
    )
    return means


def noisy(rows: "pd.DataFrame") -> "Figure | None":
    """Interpolating rules on noisy test labels, beside the Bayes error that the noise implies."""
    import altair as alt
    import pandas as pd

    from gengap.report import Figure

    means = _means(rows)
    exact = means[means["fit"] == "interpolating"]
    if exact.empty:
        return None
    bayes = exact.drop_duplicates(["data", "level"]).assign(
        method="Bayes error", noisy_error=lambda f: f["noisy_bayes_error"]
    )
    drawn = pd.concat([exact, bayes])[["data", "method", "level", "noisy_error"]]
    order = [*FITS, "Bayes error"]
    base = alt.Chart(drawn).encode(
        x=alt.X("level:Q", title="labels redrawn", axis=alt.Axis(format=".0%", tickCount=5)),
        y=alt.Y("noisy_error:Q", title="test error, noisy labels", axis=alt.Axis(format=".0%")),
        color=alt.Color("method:N", sort=order, scale=alt.Scale(domain=order), legend=alt.Legend(title=None)),
        strokeDash=alt.StrokeDash(
            "method:N", legend=None, scale=alt.Scale(domain=order, range=[*([[1, 0]] * len(FITS)), [5, 4]])
        ),
        tooltip=["data", "method", "level", alt.Tooltip("noisy_error:Q", format=".1%")],
    )
    chart = (base.mark_line() + base.mark_point(filled=True, size=25)).properties(width=170, height=220)
    return Figure(
        "noisy-error-by-noise",
        chart.facet(column=alt.Column("data:N", title=None, sort=list(DATA))),
        "Test error on labels as noisy as those that were fitted, of rules that fit every training label. Dashed: the "
        "smallest error that any rule can have, which the noise implies.",
        "; ".join(f"{r.data}, {r.method}, {r.level:.0%} redrawn: {r.noisy_error:.1%}" for r in drawn.itertuples())
        + ".",
        drawn,
        {"level": ".0%", "noisy_error": ".2%"},
    )


def true_labels(rows: "pd.DataFrame") -> "Figure | None":
    """Interpolating and regularised rules on true test labels, method by method."""
    import altair as alt

    from gengap.report import Figure

    means = _means(rows)
    if means.empty:
        return None
    means["rule"] = means["fit"].where(
        means["fit"].isin(["interpolating", "early stopping"]), "ridge, larger k or leaves"
    )
    rules = ["interpolating", "ridge, larger k or leaves", "early stopping"]
    base = alt.Chart().encode(x=alt.X("level:Q", title="labels redrawn", axis=alt.Axis(format=".0%", tickCount=4)))
    y = alt.Y("test_error:Q", title="test error", axis=alt.Axis(format=".0%", tickCount=5))
    tooltip: list[Any] = [
        "data",
        "method",
        "fit",
        "level",
        *(alt.Tooltip(f"{n}:Q", format=".1%") for n in ("test_error", "low", "high")),
    ]
    own = base.encode(
        y=y,
        color=alt.Color("rule:N", sort=rules, scale=alt.Scale(domain=rules), legend=alt.Legend(title=None)),
        tooltip=tooltip,
    )
    wrong = base.mark_line(strokeDash=[2, 3], strokeWidth=1.25, color="#7D7D7D").encode(y="wrong:Q")
    bayes = base.mark_line(strokeDash=[6, 4], strokeWidth=1.25, color="#7D7D7D").encode(y="bayes_error:Q")
    chart = alt.layer(wrong, bayes, own.mark_line(), own.mark_point(filled=True, size=25), data=means)
    return Figure(
        "true-error-by-noise",
        chart.properties(width=120, height=120).facet(
            column=alt.Column("data:N", title=None, sort=list(DATA)),
            row=alt.Row("method:N", title=None, sort=list(FITS), header=alt.Header(labelFontSize=11)),
        ),
        "Test error on true labels against noise in the training labels: rules that fit every label, and the same "
        "learners with a strength of regularisation chosen on held-out noisy labels; means over seeds. Dotted: the "
        "share of training labels that are wrong, the error of a rule that repeats them and has none without noise. "
        "Dashed: the Bayes error, taken for 0 on MNIST.",
        "; ".join(
            f"{r.data}, {r.method}, {r.fit}, {r.level:.0%} redrawn: {r.test_error:.1%}" for r in means.itertuples()
        )
        + ".",
        means.drop(columns="rule"),
        {"level": ".0%", "seeds": "d"}
        | dict.fromkeys(("noisy_error", "test_error", "low", "high", "wrong"), ".2%")
        | dict.fromkeys(("bayes_error", "noisy_bayes_error"), ".2%"),
    )


def table(rows: "pd.DataFrame") -> "Table":
    """All fits, with the strength that was chosen."""
    from gengap.report import Table

    percent = ("train_error", "test_error", "noisy_error", "noisy_bayes_error", "wrong")
    chosen = ("strength", "held_out_error")
    wanted = ["data", "method", "fit", "level", "examples", "seed", *percent, *chosen, "residual"]
    formats = dict.fromkeys((*percent, "held_out_error"), ".2%") | {
        "level": ".0%",
        "strength": ".3g",
        "residual": ".1g",
        "examples": ",d",
    }
    return Table(
        rows[wanted],
        "Fits; strength: ridge in units of the kernel, steps of gradient descent, neighbours, examples in a leaf",
        formats,
    )
