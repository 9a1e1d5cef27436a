"""``gengap rank``: which measure orders a grid of networks as their gaps do."""

import math
from typing import TYPE_CHECKING, Annotated

import typer

from gengap.cli.answer import Json, ReportFolder, give
from gengap.cli.progress import progress_bar
from gengap.cli.table import print_table
from gengap.terminal import say

if TYPE_CHECKING:
    from gengap.tasks.rank import Ranking


def command(
    source: Annotated[
        str, typer.Argument(help="A table with a row for each network, or a gengap store or its folder.")
    ],
    hyperparameters: Annotated[str, typer.Option(help="Columns that were varied, such as depth,width,lr.")],
    gap: Annotated[str, typer.Option(help="Column of the generalization gap.")] = "gap",
    measures: Annotated[
        str | None,
        typer.Option(
            help="Columns of the measures, taken to rise with the gap: negate one that should fall. "
            "Default: every other column of numbers that vary."
        ),
    ] = None,
    n_test: Annotated[
        int | None,
        typer.Option(min=1, help="Test examples behind each gap: discounts differences they cannot resolve."),
    ] = None,
    study: Annotated[str | None, typer.Option(help="Of a store: the study whose rows are ranked.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of what is sampled.")] = 0,
    out: ReportFolder = None,
    as_json: Json = False,
) -> None:
    """Which measure orders a grid of networks as their generalization gaps do."""
    from gengap.tasks.rank import rank

    with progress_bar("reading the table") as progress:
        ranking = rank(
            source,
            gap=gap,
            hyperparameters=_names(hyperparameters),
            measures=None if measures is None else _names(measures),
            n_test=n_test,
            study=study,
            seed=seed,
            out=out,
            progress=progress,
        )
    give(ranking, as_json=as_json, show=_print, out=out)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _print(ranking: "Ranking") -> None:
    from gengap.tasks.rank.words import number

    rows = [
        [
            row["measure"],
            number(row["granulated_tau"], row["granulated_tau_low"], row["granulated_tau_high"]),
            number(row["kendall_tau"], row["kendall_tau_low"], row["kendall_tau_high"]),
            *(f"{row[name]:.3f}" if math.isfinite(row[name]) else "–" for name in ("cmi", "cmi_null")),
            "–" if row["worst_environment"] is None else f"{row['worst_sign_error']:.0%} (of {row['environments']:,})",
            row["reason"] or "",
        ]
        for row in ranking.table.to_dict("records")
    ]
    headings = ["measure", "granulated tau", "Kendall's tau", "information", "permuted", "worst sign-error", "note"]
    print_table(headings, rows, whole=headings[:6])
    say(ranking.sentence)
    for caution in ranking.cautions:
        say(f"- {caution}")
