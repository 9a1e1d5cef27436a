"""``gengap study``: the papers."""

from dataclasses import asdict
from enum import StrEnum
from numbers import Real
from pathlib import Path
from typing import Annotated, Any

import typer

from gengap.cli import inputs, running
from gengap.cli.answer import Json, ReportFolder, print_json
from gengap.cli.table import print_table
from gengap.errors import counted
from gengap.studies import SCALES, Outcome, Study, all_studies, find_studies, run_study
from gengap.studies.account import topic
from gengap.studies.skeleton import write_skeleton
from gengap.terminal import say

app = typer.Typer()

MOST_COLUMNS = 10  # of a table in the terminal; the page has all
Name = Annotated[str, typer.Argument(help="A paper (zhang2017: all of it) or one artifact (zhang2017/table1).")]


class ScaleName(StrEnum):
    """How much of a study is run."""

    smoke = "smoke"
    desk = "desk"
    paper = "paper"


@app.command("list")
def list_studies(as_json: Json = False) -> None:
    """The studies, each one table or figure of a paper."""
    studies = all_studies()
    if as_json:
        print_json({"studies": [_short(study) for study in studies]})
        return
    rows = [[study.name, topic(study), len(study.reported), study.claim] for study in studies]
    print_table(["study", "what", "numbers", "claim"], rows)


@app.command("show")
def show_study(name: Name, as_json: Json = False) -> None:
    """What a study claims, what it costs, how it differs from the paper, and the paper's numbers."""
    studies = find_studies(name)
    if as_json:
        print_json({"studies": [_whole(study) for study in studies]})
        return
    for study in studies:
        _show(study)


@app.command("run")
def run_studies(
    name: Name,
    scale: Annotated[
        ScaleName, typer.Option(help="smoke: seconds, embedded data; desk: two cores; paper: as published, for a GPU.")
    ] = ScaleName.smoke,
    out: ReportFolder = None,
    as_json: Json = False,
    device: inputs.Device = "auto",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes at once. Default: the fastest, measured once.")
    ] = None,
    runner: running.Runner = running.RunnerName.local,
    cpus_per_cell: running.CpusPerCell = None,
    gpus_per_cell: running.GpusPerCell = None,
    timeout: Annotated[float, typer.Option(help="Longest time for one run, in seconds. Default: a day.")] = 86_400.0,
    stored: Annotated[bool, typer.Option("--stored", help="Show what is stored; train nothing.")] = False,
) -> None:
    """Run a study: what is stored already is not run again. Exit status 3 if a run failed."""
    studies = find_studies(name)
    ray = running.ray_share(runner, cpus_per_cell, gpus_per_cell, device=device, workers=workers)
    from gengap.report import check_folder
    from gengap.studies.report import write_report
    from gengap.sweep import Options

    if out is not None:
        check_folder(out)

    options = Options(device=device, workers=workers, timeout_s=timeout, stored=stored, ray=ray)
    outcomes = [run_study(study, scale.value, options) for study in studies]
    if out is not None:
        say(f"Report: {write_report(name, scale.value, outcomes, out)}", err=True)
    if as_json:
        print_json({"name": name, "scale": scale.value, "studies": [outcome.to_json() for outcome in outcomes]})
    else:
        for outcome in outcomes:
            _print_outcome(outcome)
        if out is None:
            say("All rows: --json. Figures and tables as a page: --out DIR.")
    failed = [row for outcome in outcomes for row in outcome.failed]
    if failed and not stored:
        say(f"gengap: no result of {counted(len(failed), 'run')}; run the command again to retry.", err=True)
        raise typer.Exit(3)


@app.command("new")
def new_study(
    name: Annotated[str, typer.Argument(help="paper/artifact, such as zhang2017/table4.")],
    into: Annotated[
        Path | None, typer.Option(help="Folder of the studies. Default: that of the package.", show_default=False)
    ] = None,
) -> None:
    """Write the skeleton of a study, which runs as it stands, for you to rewrite."""
    file = write_skeleton(name, into)
    then = f"gengap study run {name}" if into is None else "move it to the folder of the package's studies to run it"
    say(f"Wrote {file}. Next: rewrite it, then {then}")


def _short(study: Study) -> dict[str, Any]:
    return {
        "name": study.name,
        "artifact": study.artifact,
        "claim": study.claim,
        "paper": study.paper,
        "cost": study.cost,
        "runs": {scale: len(study.sweep(scale)) for scale in SCALES},
        "reported": len(study.reported),
    }


def _whole(study: Study) -> dict[str, Any]:
    reported = [asdict(number) for number in study.reported]
    return _short(study) | {"differences": study.differences, "scaled": study.scaled, "reported": reported}


def _show(study: Study) -> None:
    say(f"{study.name}: {study.artifact} of {study.paper}\n\n{study.claim}\n\nScales")
    for scale in SCALES:
        say(f"  {scale}: {len(study.sweep(scale))} runs, {study.cost[scale]}")
        if scale in study.scaled:
            say(f"    differs: {study.scaled[scale]}")
    say("\nDifferences from the paper")
    for number, text in enumerate(study.differences, start=1):
        say(f"  {number}. {text}")
    rows = [[n.what, n.place, n.value, n.unit, n.tolerance, n.source] for n in study.reported]
    say("\nReported")
    print_table(["what", "place", "value", "unit", "tolerance", "source"], rows)


def _print_outcome(outcome: Outcome) -> None:
    say(f"{outcome.study.name} at {outcome.scale} scale: {outcome.study.claim}")
    if outcome.seen_as:
        say(f"Seen as: {' / '.join(outcome.seen_as)}.")
    asked = [c for c in outcome.comparisons() if not c.left_out]
    rows = [[c.what, c.place, c.reported, c.ours, len(c.values), c.unit, c.verdict, c.absence] for c in asked]
    if rows:
        print_table(["what", "place", "paper", "ours", "n", "unit", "verdict", "no value because"], rows)
    else:
        _print_tables(outcome)
    _print_claim(outcome)
    left_out = len(outcome.study.reported) - len(rows)
    if left_out:
        say(f"{left_out} more of the paper's numbers are of settings that {outcome.scale} scale leaves out.")
    say(f"Indicative only: {outcome.indicative}\n" if outcome.indicative else "")


def _print_claim(outcome: Outcome) -> None:
    """Each part of the claim, and whether it holds in these rows."""
    from gengap.verdicts import whole_claim

    parts = outcome.claim_parts()
    runs = "; smoke scale only shows that the study runs" if outcome.scale == "smoke" else ""
    say(f"The claim in these rows: {whole_claim(parts)}{runs}.")
    print_table(["part", "in these rows", "figures"], [[part.part, part.finding, part.figures] for part in parts])


def _print_tables(outcome: Outcome) -> None:
    """The study's own tables, where there is no number of the paper to stand beside."""
    from gengap.report import Table

    for table in outcome.artifact().views:
        if not isinstance(table, Table):
            continue
        say(f"\n{table.caption}.")
        shown = table.frame.iloc[:, :MOST_COLUMNS]
        names = [str(name) for name in shown]
        rows = [
            [_cell(value, table.formats.get(name)) for name, value in zip(names, row, strict=True)]
            for row in shown.itertuples(index=False, name=None)
        ]
        print_table(names, rows)
        if left := [str(name) for name in table.frame.columns[MOST_COLUMNS:]]:
            say(f"With --out also: {', '.join(left)}.")


def _cell(value: Any, form: str | None) -> Any:
    import pandas as pd

    if pd.isna(value):
        return None
    return format(value, form) if form and isinstance(value, Real) else value
