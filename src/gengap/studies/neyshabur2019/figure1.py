"""Width of Neyshabur et al. 2019: test error and the capacity that their bound measures fall as a network widens.

Claim: with one hidden layer of more units, beyond what fits the training set, the test error goes on falling; capacity
and impact of each unit fall, and the complexity that their bound is made of falls where older ones rise.

Reported: the curves of Figure 1 for one hidden layer on CIFAR-10 and of the figure of measures, read off the figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gengap.studies.neyshabur2019.published import PAPER, curves
from gengap.studies.rows import image_data, measured
from gengap.studies.study import Reported, Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.data import Problem
    from gengap.report import Figure, Table
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "neyshabur2019/figure1"
WIDTHS: dict[Scale, tuple[int, ...]] = {
    "smoke": (8, 32),
    "desk": tuple(2**k for k in range(3, 12)),
    "paper": tuple(2**k for k in range(3, 16)),
}
SIZES: dict[Scale, tuple[int | None, int | None]] = {"smoke": (150, 100), "desk": (2_000, 2_000), "paper": (None, None)}
EPOCHS: dict[Scale, int] = {"smoke": 15, "desk": 100, "paper": 1_000}
RATES: dict[Scale, float] = {"smoke": 0.05, "desk": 0.01, "paper": 0.001}
TARGET = 0.01  # cross entropy at which training ends
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the channels, by which the paper normalises
MEASURES = (
    *("unit_capacity", "unit_impact", "l1max", "frobenius", "spectral_l1", "spectral_frobenius", "distance", "vc"),
    *("capacity_vc", "capacity_l1max", "capacity_frobenius", "capacity_spectral_l1"),
    *("capacity_spectral_frobenius", "capacity_distance"),
)
DRAWN = ("l1max", "frobenius", "spectral_l1", "spectral_frobenius", "distance_without_width")
RIPPLE = 0.02  # by which a value may rise, relatively, from one width to the next and still fall with width
CAPACITIES = tuple(name for name in MEASURES if name.startswith("capacity_"))
OLDER = tuple(name for name in CAPACITIES if name != "capacity_distance")
WHOLE_TEST_SPLIT = 10_000  # images of CIFAR-10
COLUMNS = ("m", "epochs", "converged", "train_error", "test_error", "distance_without_width", *MEASURES, "seconds")


@dataclass(frozen=True)
class Config:
    """A network of one width."""

    scale: Scale
    width: int
    seed: int = 0


def _reported() -> tuple[Reported, ...]:
    numbers = []
    for column, width, value in curves():
        error = column.endswith("error")
        unit, shown = ("%", round(100 * value, 4)) if error else ("1", value)
        tolerance = 2.0 if error else 0.15 * value
        what, place = (
            f"{column.replace('_', ' ')}, {width:,} units",
            "Figure 1" if error or "unit" in column else "Figure",
        )
        where = {"width": width}
        numbers.append(Reported(what, place, shown, unit, tolerance, "read off a plot", column, where))
    return tuple(numbers)


REPORTED = _reported()


def sweep(scale: Scale) -> list[Config]:
    """All widths; at paper scale with three seeds."""
    seeds = (0, 1, 2) if scale == "paper" else (0,)
    return [Config(scale, width, seed) for width in WIDTHS[scale] for seed in seeds]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a network."""
    return measured(NAME, configs, COLUMNS, work, options, data=image_data("cifar10"))


def work(configs: list[Config], context: "Context") -> list[Row]:
    """Rows of networks, one after the other."""
    return [_row(config, context) for config in configs]


def problem(scale: Scale) -> "Problem":
    """CIFAR-10 as vectors, each channel normalised as the paper does it; the embedded digits at smoke scale."""
    import numpy as np

    from gengap.data import Problem, Split, load

    if scale == "smoke":
        whole = load("digits", scale="unit").take(*SIZES[scale])
        mean, deviation = (np.full((1, 1, 1), value, dtype=np.float32) for value in (0.3, 0.35))
    else:
        whole = load("cifar10", crop=None, scale="unit").take(*SIZES[scale])
        mean, deviation = (np.array(values, dtype=np.float32)[:, None, None] for values in (MEAN, DEVIATION))

    def normalised(split: Split) -> Split:
        pixels = split.x.astype(np.float32) / 255
        return Split(((pixels - mean) / deviation).reshape(len(split), -1), split.y)

    return Problem(whole.name, normalised(whole.train), normalised(whole.test), whole.classes, whole.origin)


def _row(config: Config, context: "Context") -> Row:
    import time

    import torch
    from torch.nn.functional import cross_entropy

    from gengap.measures import measure as measures_of
    from gengap.network.inputs import class_scores
    from gengap.sweep.threads import limited
    from gengap.train.width import Step, hidden_layer, train_hidden_layer

    data, epochs, started = problem(config.scale), EPOCHS[config.scale], time.perf_counter()
    x, y = torch.tensor(data.train.x), torch.tensor(data.train.y)
    with limited(context.threads):
        run = train_hidden_layer(
            hidden_layer(x.shape[1], config.width, data.n_classes, config.seed),
            *(x, y),
            loss=cross_entropy,
            step=lambda epoch: Step(RATES[config.scale], 0.9),
            epochs=epochs,
            target=TARGET,
            seed=config.seed,
            measure=lambda model: _report(context, epochs),
        )
        names = [f"neyshabur2019_{name}" for name in MEASURES]
        rows = measures_of(run.model.eval(), data, run.initial.eval(), measures=names).set_index("name")
        errors = {
            f"{name}_error": float((class_scores(run.model, data, split.x).argmax(1) != split.y).mean())
            for name, split in (("train", data.train), ("test", data.test))
        }
    values: dict[str, Any] = {name: _value(rows.loc[f"neyshabur2019_{name}"]) for name in MEASURES}
    reasons = [str(rows.loc[f"neyshabur2019_{name}", "reason"]) for name in MEASURES if values[name] is None]
    distance = values["distance"]
    return {
        "status": "done",
        "reason": reasons[0] if reasons else None,
        "m": len(data.train),
        "epochs": run.epochs,
        "converged": run.converged,
        **errors,
        **values,
        "distance_without_width": None if distance is None else distance - config.width**0.5,
        "seconds": time.perf_counter() - started,
    }


def _report(context: "Context", epochs: int) -> dict[str, float]:
    context.report(0, epochs, "training")
    return {}


def _value(row: Any) -> float | None:
    import math

    value = float(row["value"])
    return None if math.isnan(value) else value


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, clearly_less, largest_rise, means

    fitted = [row for row in rows if not (row.get("train_error") or 0.0) > 0]
    if len({row["width"] for row in fitted}) < 2:  # of one width nothing falls
        fitted = []

    def falls(name: str, done: list[Row]) -> tuple[bool, str]:
        values = means(done, "width", name, least=2)
        first, last = min(values), max(values)
        rise = max((after - before) / max(abs(before), 1e-300) for before, after in pairwise(values.values()))
        holds = clearly_less(values[last], values[first], RIPPLE) and rise <= RIPPLE
        return holds, f"{_ends(values)}; it rises by at most {max(0.0, rise):.1%} from one width to the next"

    def error_falls(done: list[Row]) -> tuple[bool, str]:
        errors = means(done, "width", "test_error", least=2)
        n = SIZES[done[0]["scale"]][1] or WHOLE_TEST_SPLIT
        rise = largest_rise(errors, n)
        figures = _ends(errors)
        if rise is not None:
            narrow, wide = rise
            figures += f"; it rises from {errors[narrow]:.4g} at {narrow:,} to {errors[wide]:.4g} at {wide:,}"
        fallen = largest_rise({0: errors[max(errors)], 1: errors[min(errors)]}, n) is not None
        return fallen and rise is None, figures

    def older_rise(done: list[Row]) -> tuple[bool, str]:
        rises = {}
        for name in OLDER:
            values = means(done, "width", name, least=2)
            rises[name.removeprefix("capacity_")] = values[max(values)] / max(min(values.values()), 1e-300)
        figures = "largest width over least value: " + ", ".join(f"{name} {value:.3g}" for name, value in rises.items())
        return all(value > 1 + RIPPLE for value in rises.values()), figures

    parts = [
        ("the capacity of a unit falls", "unit_capacity"),
        ("the impact of a unit falls", "unit_impact"),
        ("their capacity falls with width", "capacity_distance"),
    ]
    what = "beyond the width that fits, the test error falls by more than chance, and rises nowhere by more"
    return [
        claim_part(what, fitted, ["test_error"], error_falls),
        *(claim_part(what, fitted, [name], partial(falls, name)) for what, name in parts),
        claim_part("the older ones rise from their least values", fitted, OLDER, older_rise),
    ]


def _ends(values: dict[int, float]) -> str:
    first, last = min(values), max(values)
    return f"{values[first]:.4g} at {first:,} units, {values[last]:.4g} at {last:,}"


LARGE = 1e6  # beyond which the axis has powers of ten


def _words(quantity: str) -> str:
    return quantity.removeprefix("capacity_").replace("_", " ")


def lines(name: str, quantities: Sequence[str], title: str, log: bool, rows: "pd.DataFrame") -> "Figure | None":
    """Quantities over width, ours and the paper's."""
    import altair as alt
    import pandas as pd

    from gengap.report import Figure, charts

    ours = [
        {"quantity": _words(quantity), "source": charts.OURS, "seed": row["seed"], "width": row["width"]}
        | {"value": row[quantity]}
        for row in rows.to_dict("records")
        for quantity in quantities
        if pd.notna(row[quantity])
    ]
    if not ours:
        return None
    smoke = rows["scale"].iloc[0] == "smoke"
    theirs = [
        {"quantity": _words(column), "source": charts.PAPER, "seed": -1, "width": width, "value": value}
        for column, width, value in ([] if smoke else curves())
        if column in quantities
    ]
    drawn = pd.DataFrame([*ours, *theirs])
    drawn = drawn[drawn["value"] > 0] if log else drawn
    scale = alt.Scale(type="log") if log else alt.Scale(domainMin=0)
    axis = alt.Axis(format=".0e") if drawn["value"].max() > LARGE else alt.Axis()
    dash = alt.Scale(domain=[charts.OURS, charts.PAPER][: drawn["source"].nunique()], range=[[1, 0], [5, 4]])
    base = alt.Chart(drawn).encode(
        x=alt.X("width:Q", scale=alt.Scale(type="log", base=2), title="hidden units"),
        y=alt.Y("value:Q", scale=scale, title=title, axis=axis),
        color=alt.Color("quantity:N", legend=alt.Legend(title=None)),
        strokeDash=alt.StrokeDash("source:N", scale=dash, legend=alt.Legend(title=None)),
        detail="seed:N",
        tooltip=["quantity", "source", "seed", "width", "value"],
    )
    text = "; ".join(f"{r.quantity}, {r.width} units, {r.source}: {r.value:.4g}" for r in drawn.itertuples())
    caption = f"{title[0].upper()}{title[1:]} against width."
    chart = (base.mark_line() + base.mark_point(filled=True, opacity=1)).properties(height=280)
    return Figure(name, chart, caption, f"{text}.", drawn, {"value": ".4g", "width": ",d"})


def table(rows: "pd.DataFrame") -> "Table":
    """All networks."""
    from gengap.report import Table

    formats: dict[str, Any] = dict.fromkeys(COLUMNS, ".4g") | {"width": ",d"}
    formats |= dict.fromkeys(("train_error", "test_error"), ".2%")
    kept = [name for name in COLUMNS if name != "converged"]
    return Table(rows[["width", "seed", *kept]], "Networks with one hidden layer", formats)


@study
def neyshabur2019_figure1() -> Study:
    """Figure 1 and the measures, for one hidden layer."""
    views = (
        partial(lines, "errors-by-width", ("train_error", "test_error"), "error", False),
        partial(lines, "units-by-width", ("unit_capacity", "unit_impact"), "mean over hidden units", True),
        partial(lines, "measures-by-width", DRAWN, "complexity measure", True),
        partial(lines, "capacities-by-width", CAPACITIES, "capacity with all constants", True),
        table,
    )
    return Study(
        name=NAME,
        artifact="Figure 1",
        claim=(
            "As one hidden layer widens beyond what fits the training set, the test error and the capacity and impact "
            "of each unit fall, and so does the capacity of the paper's bound, where those of older bounds rise."
        ),
        paper=PAPER,
        differences=(
            "Training ends where the running cross entropy of an epoch is below 0.01, as in the authors' code.",
            "Networks have biases, as in the authors' code; measures and bounds count weights alone.",
            "Only the networks with one hidden layer; ResNet-18 is left out.",
        ),
        scaled={
            "smoke": "150 of the embedded digits instead of CIFAR-10, and two widths.",
            "desk": "The first 2,000 training and test examples, widths to 2,048, a learning rate of 0.01, at most 100 "
            "epochs, one seed.",
        },
        cost={
            "smoke": "seconds",
            "desk": "about four minutes on one core (an estimate)",
            "paper": "about a day on a GPU (an estimate)",
        },
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=views,
        check=check,
        seen_as="pixels divided by 255, each channel minus its mean, over its standard deviation",
    )
