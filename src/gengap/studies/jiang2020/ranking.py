"""The ranking of Jiang et al. 2020: which measure orders the networks of a grid as their gaps do.

Claim: flatness that is measured in sizes of the weights orders networks best by their gaps; products of spectral norms
order them the wrong way round, and so do measures that only count parameters.

Reported: granulated and overall rank correlations of eleven measures in the paper's tables, as others report them.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gengap.studies.jiang2020.claims import NORMS, claim_parts
from gengap.studies.jiang2020.networks import (
    DATA,
    EPOCHS,
    GRID,
    HYPERPARAMETERS,
    OUTCOME,
    PAPER,
    PROBES,
    SEARCHED,
    TARGET,
    Config,
    networks,
    train,
    trained_together,
)
from gengap.studies.rows import measured
from gengap.studies.study import Reported, Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure, Table
    from gengap.sweep import Options
    from gengap.verdicts import ClaimPart

NAME = "jiang2020/ranking"
# Our name -> the paper's overall tau and Psi, by memory of its tables as a secondary source has them.
NUMBERS = {
    "vc": (-0.251, -0.154),
    "params": (-0.175, -0.154),
    "sharpness_init": (0.282, 0.248),
    "pacbayes_init": (0.064, 0.066),
    "sharpness_orig": (0.400, 0.398),
    "pacbayes_orig": (0.293, 0.360),
    "sharpness_mag_flatness": (0.484, 0.516),
    "pacbayes_mag_flatness": (0.365, 0.315),
    "steps_to_ce_0_1": (-0.264, -0.136),
    "steps_ce_0_1_to_0_01": (-0.088, -0.016),
    "gradient_noise_final": (0.311, 0.292),
}
TESTED: dict[Scale, int] = {"smoke": 200, "desk": 10_000, "paper": 10_000}  # test examples behind each gap
TOLERANCE = 0.1  # of a rank correlation
REVISION = 1  # of what is stored: desk scale trains for up to 1,000 epochs
SHOWN = 24  # measures in the heat map: the best and the worst
MOST = 0.5  # of the networks: measures that fewer have are ranked last
SCATTERS = 3  # measures against the gap, for each data set


def _reported() -> tuple[Reported, ...]:
    numbers = []
    for name, (tau, psi) in NUMBERS.items():
        where = {"scale": "paper", "kind": "ranking", "data": "cifar10", "measure": name}
        for what, column, value in (("overall tau", "kendall_tau", tau), ("Psi", "granulated_tau", psi)):
            place = "the tables of correlations with seven hyperparameters"
            numbers.append(
                Reported(f"{what} of {name}", place, value, "1", TOLERANCE, "secondary source", column, where)
            )
    return tuple(numbers)


def sweep(scale: Scale) -> list[Config]:
    """Every network, and the rankings that the paper reports; those of all other measures follow in the rows."""
    rankings = [Config(scale, "ranking", data, name) for data in DATA[scale] for name in (*NUMBERS, *NORMS)]
    return networks(scale) + rankings


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row for each network, which is stored; and from these one for each measure and data set."""
    from gengap.measures import all_measures

    signs = {one.name: one.sign for one in all_measures()} | PROBES
    own = [config for config in configs if config.kind == "network"]
    rows = measured(
        NAME,
        own,
        (*OUTCOME, *signs),
        train,
        options,
        together=trained_together,
        data=lambda c: c.data,
        revision=REVISION,
    )
    return rows + [
        ranking for data in DATA[configs[0].scale] for ranking in rankings(configs[0].scale, data, rows, signs)
    ]


def rankings(scale: Scale, data: str, rows: Sequence[Row], signs: dict[str, int]) -> list[Row]:
    """One row a measure: its rank correlations with the gap over the networks of a data set, each by its sign."""
    import pandas as pd

    from gengap.errors import InputError
    from gengap.ranking import grid_from_frame, rank_measures

    here = [row for row in rows if row["data"] == data and row.get("gap") is not None]
    empty = [asdict(Config(scale, "ranking", data, name)) for name in signs]
    try:
        if not here:
            raise InputError("no network has reached its target")
        frame = pd.DataFrame(here)
        varied = [name for name in HYPERPARAMETERS if frame[name].nunique() > 1]
        for name, sign in signs.items():
            frame[name] = sign * pd.to_numeric(frame[name])
        table = rank_measures(grid_from_frame(frame, "gap", varied, list(signs)), n_test=TESTED[scale])
    except InputError as error:
        return [row | {"status": "done", "reason": str(error)} for row in empty]
    found = {str(record["measure"]): _flat(record) for record in table.to_dict("records")}
    return [row | {"status": "done", "reason": None} | found[row["measure"]] for row in empty]


def _flat(record: dict[Any, Any]) -> Row:
    """A ranking without nested columns: psi along each hyperparameter as ``psi_NAME``; NaN as None."""
    row = {f"psi_{name}": value for name, value in record["psi"].items()}
    row |= {name: value for name, value in record.items() if name not in ("psi", "sign_errors", "cmi_given", "measure")}
    return {name: None if value != value else value for name, value in row.items()}


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds on every data set."""
    return claim_parts(rows)


def table(rows: "pd.DataFrame") -> "Table | None":
    """Every measure's place: granulated tau with its interval, information beside a permuted measure's, worst error."""
    import pandas as pd

    from gengap.report import Table

    ranked = _ranked(rows)
    if ranked.empty:
        return None
    columns: dict[str, Any] = {"measure": list(dict.fromkeys(ranked["measure"]))}
    for data, here in ranked.groupby("data", sort=False):
        place = here.set_index("measure").reindex(columns["measure"])
        interval = [
            f"{v:.2f}" if pd.isna(low) else f"{v:.2f} ({low:.2f} to {high:.2f})"
            for v, low, high in zip(
                place["granulated_tau"], place["granulated_tau_low"], place["granulated_tau_high"], strict=True
            )
        ]
        columns |= {
            f"{data}: networks": list(place["n"].astype(float)),
            f"{data}: granulated tau": ["–" if text.startswith("nan") else text for text in interval],
            f"{data}: Kendall's tau": list(place["kendall_tau"].astype(float)),
            f"{data}: information": list(place["cmi"].astype(float)),
            f"{data}: of a permuted measure": list(place["cmi_null_high"].astype(float)),
            f"{data}: worst sign-error": list(place["worst_sign_error"].astype(float)),
            f"{data}: of environments": list(place["environments"].astype(float)),
        }
    kinds = {"networks": ",.0f", "worst sign-error": ".0%", "of environments": ",.0f"}
    numbers = [name for name in columns if not name.endswith(("measure", "granulated tau"))]
    formats = {name: kinds.get(name.partition(": ")[2], ".3f") for name in numbers}
    formats |= {name: ".3f" for name in columns if name.endswith("of a permuted measure")}
    title = (
        "Every measure, with the sign that it should have, by its mean granulated tau; those that fewer than half of "
        "the networks have come last. 95 % intervals over settings"
    )
    return Table(pd.DataFrame(columns), title, formats)


def _ranked(rows: "pd.DataFrame") -> "pd.DataFrame":
    """The rankings that have a granulated tau, by its mean over data sets, largest first.

    Measures that fewer than half of the networks have, such as those of one hidden layer, come last: they order fewer.
    """
    ranked = rows[rows["kind"] == "ranking"]
    if "granulated_tau" not in ranked:
        return ranked.iloc[:0]
    ranked = ranked[ranked["granulated_tau"].notna()].copy()
    ranked["mean"] = ranked.groupby("measure")["granulated_tau"].transform(lambda s: s.astype(float).mean())
    share = ranked["n"].astype(float) / ranked.groupby("data")["n"].transform("max").astype(float)
    ranked["of_most"] = share.groupby(ranked["measure"]).transform("min") >= MOST
    return ranked.sort_values(["of_most", "mean"], ascending=False, kind="stable")


def heat_map(rows: "pd.DataFrame") -> "Figure | None":
    """Granulated tau along each hyperparameter, of the best and the worst measures."""
    import altair as alt
    import pandas as pd

    from gengap.report import Figure

    ranked = _ranked(rows)
    ranked = ranked if ranked.empty else ranked[ranked["of_most"]]
    names = list(dict.fromkeys(ranked["measure"]))
    names = names if len(names) <= SHOWN else names[: SHOWN // 2] + names[-SHOWN // 2 :]
    along = {f"psi_{name}": name for name in HYPERPARAMETERS if f"psi_{name}" in ranked}
    data = (
        ranked[ranked["measure"].isin(names)].melt(["data", "measure"], list(along), "hyperparameter", "psi").dropna()
    )
    if data.empty:
        return None
    data["hyperparameter"] = data["hyperparameter"].map(along)
    data["psi"] = pd.to_numeric(data["psi"])
    axis = alt.Axis(orient="top", labelAngle=-90, labelOverlap=False)
    base = alt.Chart(data).encode(
        x=alt.X("hyperparameter:N", title=None, sort=list(along.values()), axis=axis),
        y=alt.Y("measure:N", title=None, sort=names, axis=alt.Axis(labelLimit=220)),
    )
    scale = alt.Scale(scheme="redblue", domain=[-1, 1])
    cells = base.mark_rect().encode(color=alt.Color("psi:Q", scale=scale, title="psi"))
    ink = alt.when("abs(datum.psi) > 0.6").then(alt.value("white")).otherwise(alt.value("#1b1d21"))
    numbers = base.mark_text(fontSize=10).encode(text=alt.Text("psi:Q", format=".1f"), color=ink)
    best = data.loc[data["measure"] == names[0], "psi"]
    return Figure(
        "granulated-tau-by-hyperparameter",
        (cells + numbers).properties(width=36 * len(along), height=alt.Step(17)).facet(alt.Facet("data:N", title=None)),
        "Mean agreement of each measure, by its sign, with the gap over pairs that differ in one hyperparameter alone; "
        f"the {len(names)} best and worst of the measures that most networks have.",
        f"{names[0]} is best on average over data sets: psi between {best.min():.2f} and {best.max():.2f}.",
        data,
        {"psi": ".2f"},
    )


def scatter(rows: "pd.DataFrame") -> "Figure | None":
    """The best measures and the disagreement of two runs against the gap, a point a network."""
    import altair as alt
    import pandas as pd

    from gengap.report import Figure

    ranked, trained = _ranked(rows), rows[(rows["kind"] == "network") & rows["gap"].notna()]
    names = list(dict.fromkeys([*list(dict.fromkeys(ranked["measure"]))[:SCATTERS], "disagreement"]))
    if ranked.empty or trained.empty:
        return None
    data = trained.melt(["data", "gap", "width", "depth", "dropout"], names, "measure", "value").dropna()
    data["value"] = pd.to_numeric(data["value"])
    chart = (
        alt.Chart(data)
        .mark_circle(size=26, opacity=0.7)
        .encode(
            x=alt.X("value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=4, format="~g")),
            y=alt.Y("gap:Q", title="gap", scale=alt.Scale(zero=False), axis=alt.Axis(format=".0%")),
            color=alt.Color("dropout:N"),
            tooltip=["measure", "value", "gap", "width", "depth", "dropout"],
        )
        .properties(width=170, height=140)
        .facet(row=alt.Row("data:N", title=None), column=alt.Column("measure:N", title=None, sort=names))
        .resolve_scale(x="independent", y="independent")
    )
    return Figure(
        "measures-against-gap",
        chart,
        "The best measures, and how often two runs of one setting disagree on test inputs, against the gap.",
        f"Each of {', '.join(names)} against the gap.",
        data,
        {"value": ".4g", "gap": ".3f"},
    )


@study
def jiang2020_ranking() -> Study:
    """The ranking of measures."""
    count = {scale: len(networks(scale)) for scale in ("smoke", "desk")}
    return Study(
        name=NAME,
        artifact="The ranking of measures",
        claim=(
            "Over a grid of trained networks, flatness measured in sizes of the weights orders them best by their "
            "generalization gaps; products of spectral norms and counts of parameters order them the wrong way round."
        ),
        paper=PAPER,
        differences=(
            "The learning rates of each optimizer and the place of dropout are ours; the paper's are not at hand.",
            "Each measure is ranked by its sign: 1 is the order that theory claims for it, whether it rises or falls.",
            "Kendall's tau is tau-b, and sign-errors are discounted by the 10,000 test examples as in Dziugaite et al. "
            "2020; every measure of the catalogue is ranked, and beside them coherence, the path kernel and the "
            "disagreement of two runs on test inputs, which sees more than the training set.",
            "A network that does not reach the cross entropy has no gap and is left out, as in the paper.",
            "Numbers of the paper are as others report them; it was not at hand.",
        ),
        scaled={
            "smoke": f"{count['smoke']} perceptrons on 100 of the embedded digits, three hyperparameters varied.",
            "desk": (
                f"{count['desk']} perceptrons of {' or '.join(map(str, GRID['desk']['depth']))} hidden layers instead "
                "of networks in networks, two values of each hyperparameter, on the first 400 training images of "
                f"CIFAR-10 and of MNIST in grey at 14 x 14 pixels, one seed, at most {EPOCHS['desk']} epochs to a "
                f"cross entropy of {TARGET['desk']:g}; searches on {SEARCHED['desk']} examples."
            ),
        },
        cost={
            "smoke": "seconds",
            "desk": "about a quarter of an hour on one core",
            "paper": "some thousand GPU hours (an estimate)",
        },
        reported=_reported(),
        sweep=sweep,
        measure=measure,
        views=(table, heat_map, scatter),
        check=check,
        seen_as=(
            "pixels divided by 255; at desk scale grey images of 14 x 14 minus their mean, "
            "at paper scale each channel minus its mean, over its standard deviation"
        ),
    )
