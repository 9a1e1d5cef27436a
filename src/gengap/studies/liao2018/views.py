"""Charts and tables of the paper's lines, as pure functions of rows."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gengap.studies.liao2018.trainings import NAMES

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure, Table

NORMS = {"frobenius": "Frobenius", "l1": "L1 over 100"}
METHODS = {
    "pretraining": "pretrained on corrupted labels",
    "deviation": "initial weights of growing deviation",
    "seeds": "seeds",
    "seeds and random labels": "seeds, and random labels",
}
FORMS = {"slope": ".4f", "intercept": ".4f", "r2": ".4f", "adjusted_r2": ".4f", "rmse": ".3e", "fixed_point": ".4f"}
SMALL = ".6g"


def unnormalised(rows: "pd.DataFrame") -> "Figure | None":
    """Test against training loss of the networks as they are."""
    return _scatter(
        rows, "train_loss", "test_loss", "losses", "training loss", "test loss",
        "Losses of the networks as they are: about the same on the training set, different on the test set.",
    )  # fmt: skip


def product_norm(rows: "pd.DataFrame") -> "Figure | None":
    """Test error against the product of the layers' norms."""
    return _scatter(
        rows, "product_norm", "test_error", "product-norm", "product of the layers' norms", "test error",
        "Test error against the product of the layers' norms: the paper says that they grow together.",
        log=True,
    )  # fmt: skip


def normalised(rows: "pd.DataFrame") -> "Figure | None":
    """Test against training loss of the normalised networks, with the fitted line."""
    return _scatter(
        rows, "normalised_train_loss", "normalised_test_loss", "normalised-losses", "normalised training loss",
        "normalised test loss",
        "Losses of the networks with every layer's norm divided out, and the least-squares line. Every normalised loss "
        "is a little below ln C, and the line goes nearly through (ln C, ln C): see the second table.",
        fitted=True,
    )  # fmt: skip


def fits(rows: "pd.DataFrame") -> "Table | None":
    """The fits with their 95 % intervals."""
    import pandas as pd

    from gengap.report import Table

    lines = _lines(rows)
    if lines.empty:
        return None
    summary = [
        {"line": row["line"], "n": row["n"]}
        | {name: _with_interval(row, name, form) for name, form in FORMS.items()}
        | {"ln C": row["ln_classes"], "unnormalised R2": row["unnormalised_r2"]}
        for row in lines.to_dict("records")
    ]
    caption = (
        "Normalised test loss against normalised training loss: the least-squares line, with 95 % intervals (Student's "
        "t for slope and intercept, a bootstrap over networks for the others). The fixed point is intercept / (1 - "
        "slope); beside it ln C. Last, R2 of the losses as they are."
    )
    return Table(pd.DataFrame(summary), caption, {"ln C": ".4f", "unnormalised R2": ".4f"})


def remains(rows: "pd.DataFrame") -> "Table | None":
    """What is left when the common point (ln C, ln C) is taken out."""
    from gengap.report import Table

    lines = _lines(rows)
    if lines.empty:
        return None
    columns = {
        "line": "line",
        "signal_ratio": "test / training signal",
        "ratio_deviation": "its deviation over networks",
        "r2": "R2",
        "dealt_r2_low": "R2, ratios dealt: low",
        "dealt_r2_high": "high",
        "dealt_p": "share of deals as high",
        "ratio_r2": "R2 of ratio on training loss",
        "ratio_slope_p": "p of its slope",
        "tau_product_norm": "tau: product norm",
        "tau_normalised_train_loss": "tau: normalised loss",
        "tau_train_loss": "tau: plain loss",
    }
    caption = (
        "What is left beyond the common point. Normalised logits are tiny, so each loss is ln C less a small signal, "
        "the mean of f_y - mean f; networks with one ratio of test to training signal lie on one line through "
        "(ln C, ln C), whatever they have learned. So R2 stands beside the R2 that the same ratios give when they are "
        "dealt to the networks at random (95 % of deals), and beside how far the ratio itself follows from the "
        "normalised training loss. Last, Kendall's tau of three candidates with the test error."
    )
    return Table(lines[list(columns)].rename(columns=columns), caption, dict.fromkeys(columns.values(), ".3g"))


def each_network(rows: "pd.DataFrame") -> "Table | None":
    """The networks behind the lines."""
    from gengap.report import Table

    own = _networks(rows)
    if own.empty:
        return None
    columns = ["line", "what", "seed", "epoch", "pretraining_accuracy", "train_loss", "test_loss", "train_error"]
    columns += ["test_error", "product_norm", "normalised_train_loss", "normalised_test_loss"]
    forms = dict.fromkeys(("train_error", "test_error", "pretraining_accuracy"), ".1%")
    forms |= dict.fromkeys(("train_loss", "test_loss", "product_norm"), ".4g")
    forms |= dict.fromkeys(("normalised_train_loss", "normalised_test_loss"), ".8g")
    return Table(own[columns], "The networks", forms)


def _scatter(
    rows: "pd.DataFrame",
    x: str,
    y: str,
    name: str,
    x_title: str,
    y_title: str,
    caption: str,
    *,
    log: bool = False,
    fitted: bool = False,
) -> "Figure | None":
    from gengap.report import Figure

    own = _networks(rows)
    if own.empty:
        return None
    charts = [_panel(part, line, x, y, x_title, y_title, log, fitted) for line, part in own.groupby("line", sort=False)]
    ranges = [
        f"{line}: {x_title} {part[x].min():{SMALL}} to {part[x].max():{SMALL}}, {y_title} {part[y].min():{SMALL}} to "
        f"{part[y].max():{SMALL}}"
        for line, part in own.groupby("line", sort=False)
    ]
    summary = f"{y_title.capitalize()} against {x_title}. " + "; ".join(ranges)
    data = own[["line", "what", "seed", x, y]]
    stem = "-".join(str(own["figure"].iloc[0]).lower().split())  # unlike on the page of all of the paper
    return Figure(f"{stem}-{name}", _side_by_side(charts), caption, summary, data, {x: ".8g", y: ".8g"})


def _side_by_side(charts: list[Any]) -> Any:
    import altair as alt

    if len(charts) == 1:
        return charts[0].properties(height=300)
    return alt.concat(*(chart.properties(width=270, height=220) for chart in charts), columns=2)


def _panel(part: "pd.DataFrame", line: Any, x: str, y: str, x_title: str, y_title: str, log: bool, fitted: bool) -> Any:
    import altair as alt

    from gengap.report.theme import PALETTE

    kinds = ["true labels", "random labels"]
    scale = alt.Scale(zero=False, nice=False, padding=12, type="log" if log else "linear")
    base = alt.Chart(part, title=str(line)).encode(
        x=alt.X(f"{x}:Q", title=x_title, scale=scale),
        y=alt.Y(f"{y}:Q", title=y_title, scale=alt.Scale(zero=False, padding=12)),
    )  # fmt: skip
    points = base.mark_point(filled=True, opacity=0.9).encode(
        color=alt.Color(
            "labels:N",
            scale=alt.Scale(domain=kinds, range=list(PALETTE[:2])),
            legend=alt.Legend(title=None) if part["random_labels"].any() else None,
        ),
        tooltip=["what", "seed", alt.Tooltip(f"{x}:Q", format=".8g"), alt.Tooltip(f"{y}:Q", format=".8g")],
    )
    if not fitted:
        return points
    return base.transform_regression(x, y).mark_line(color=PALETTE[5], strokeWidth=1.5) + points


def _networks(rows: "pd.DataFrame") -> "pd.DataFrame":
    own = rows[(rows["kind"] == "network") & (rows["status"] == "done")]
    return own.assign(
        line=_labels(own),
        what=[_what(row) for row in own.to_dict("records")],
        labels=["random labels" if random else "true labels" for random in own["random_labels"]],
    )


def _lines(rows: "pd.DataFrame") -> "pd.DataFrame":
    own = rows[(rows["kind"] == "line") & (rows["status"] == "done")]
    return own.assign(line=_labels(own))


def _labels(rows: "pd.DataFrame") -> list[str]:
    """The settings in which the lines of one artifact differ."""
    return [
        f"{'CIFAR-100, ' * (row['data'] == 'cifar100')}{NAMES[row['model']]}, {METHODS[row['method']]}, "
        f"{NORMS[row['norm']]}"
        for row in rows.to_dict("records")
    ]


def _what(row: Mapping[Any, Any]) -> str:
    import pandas as pd

    if row["random_labels"]:
        return "random labels"
    if pd.notna(row["initial_std"]):
        return f"deviation {row['initial_std']:g}"
    return f"level {row['pretraining_level']:g}" if pd.notna(row["pretraining_level"]) else "no pretraining"


def _with_interval(row: Mapping[Any, Any], name: str, form: str) -> str:
    return f"{row[name]:{form}} ({row[f'{name}_low']:{form}} to {row[f'{name}_high']:{form}})"
