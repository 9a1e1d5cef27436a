"""What Figures 1b and 1c share: models against levels of label corruption, the paper's points, and the chart."""

from typing import TYPE_CHECKING, Any

from gengap.studies.study import Reported, Scale
from gengap.studies.zhang2017.published import MODELS, curves, points
from gengap.studies.zhang2017.trainings import ALEXNET, INCEPTION, LEVELS, MLP_1, MLP_3, NAMES, Config, seeds

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure

ENDS_AND_MIDDLE = (0.0, 0.5, 1.0)


def sweep(scale: Scale) -> list[Config]:
    """The paper's three models at all levels; desk scale adds the deeper MLP and thins out the slow models."""
    levels: dict[Scale, dict[str, tuple[float, ...]]] = {
        "smoke": {MLP_1: ENDS_AND_MIDDLE},
        "desk": {MLP_1: LEVELS, MLP_3: LEVELS, ALEXNET: ENDS_AND_MIDDLE, INCEPTION: ENDS_AND_MIDDLE},
        "paper": dict.fromkeys((INCEPTION, ALEXNET, MLP_1), LEVELS),
    }
    return [
        Config(scale, model, level=level, seed=seed)
        for model, own in levels[scale].items()
        for level in own
        for seed in seeds(scale)
    ]


def reported(
    figure: str, column: str, quantity: str, unit: str, tolerance: float, relative: bool
) -> tuple[Reported, ...]:
    """Every point of a figure.

    Args:
        figure: ``"fig1b"`` or ``"fig1c"``.
        column: The quantity in the file of the paper's points.
        quantity: The same in our rows.
        unit: See ``Reported``; with ``"%"`` the points are fractions.
        tolerance: In the unit, or a part of the value.
        relative: Whether it is a part of the value.
    """
    numbers = []
    for point in points(figure):
        model, level = MODELS[point["model"]], float(point["label_corruption"])
        value = float(point[column]) * (100 if unit == "%" else 1)
        numbers.append(
            Reported(
                what=f"{quantity.replace('_', ' ')}, {NAMES[model]}, level {level:g}",
                place=f"Figure {figure.removeprefix('fig')}, {point['model']}",
                value=round(value, 4),
                unit=unit,
                tolerance=round(tolerance * value, 4) if relative else tolerance,
                source="read off a plot",
                quantity=quantity,
                where={"model": model, "corruption": "labels", "level": level},
            )
        )
    return tuple(numbers)


def level_points(rows: "pd.DataFrame", quantity: str, figure: str, column: str) -> "pd.DataFrame":
    """Mean, smallest and largest value over seeds at each level; with CIFAR-10 also the paper's points."""
    import pandas as pd

    from gengap.report import OURS, PAPER

    done = (
        rows[rows["status"] == "done"].assign(value=lambda frame: pd.to_numeric(frame[quantity])).dropna(subset="value")
    )
    grouped = done.groupby(["model", "level"], sort=False)["value"].agg(mean="mean", low="min", high="max", n="size")
    ours = grouped.reset_index().assign(source=OURS, at_least=False)
    paper = curves()[figure].rename(columns={"label_corruption": "level", column: "mean"})
    paper = paper.assign(source=PAPER, n=1, at_least=False)
    shown = [ours, paper] if "cifar10" in set(done["problem"]) else [ours]
    together: pd.DataFrame = pd.concat(shown, ignore_index=True)
    return together.assign(model=together["model"].replace(NAMES))


def level_figure(points: "pd.DataFrame", caption: str, **chart: Any) -> "Figure | None":
    """A chart of ``level_points``; None without a point of ours.

    Args:
        points: What to draw.
        caption: What to see.
        chart: Arguments of ``gengap.report.charts.by_level``: ``title``, ``form``, ``reference``.
    """
    from gengap.report import PALETTE, Figure, charts

    ours = points[points["source"] == charts.OURS]
    if ours.empty:
        return None
    colours = dict(zip(points["model"].unique(), PALETTE, strict=False))
    bars = " Bars reach from the smallest to the largest seed." if (ours["n"] > 1).any() else ""
    dashed = " Dashed: the paper's." if len(points) > len(ours) else ""
    summary = ", ".join(f"{p.model} {p.mean:.3g} at level {p.level:g}" for p in ours.itertuples())
    return Figure(
        chart["title"].replace(",", "").replace(" ", "-"),
        charts.by_level(points, colours, **chart),
        f"{caption}{bars}{dashed}",
        f"{chart['title'].capitalize()} against label corruption. Ours: {summary}.",
        points,
        dict.fromkeys(("mean", "low", "high"), ".4g"),
    )
