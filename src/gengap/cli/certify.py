"""`gengap certify`: an upper bound on true risk from held-out predictions or counts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from gengap.cli.answer import print_json
from gengap.errors import InputError
from gengap.terminal import say

if TYPE_CHECKING:
    from gengap.tasks.certify import Certificate
    from gengap.tasks.certify.compare import Comparison
    from gengap.tasks.certify.family import Family
    from gengap.tasks.certify.files import Predictions
    from gengap.tasks.certify.plan import Plan

# What is certified -> the options that only go with it.
_KINDS = {
    "--errors": {"--n", "--out"},
    "--predictions": {"--groups", "--loss", "--out", "--order-seed", "--in-order"},
    "--all-predictions": {"--out"},
    "--compare": set(),
    "--plan": {"--gap", "--expected-error"},
}


def command(
    errors: Annotated[int | None, typer.Option(help="Errors among the held-out examples.")] = None,
    n: Annotated[int | None, typer.Option("--n", help="Held-out examples.")] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(help="CSV or Parquet: y_true with y_pred, or with a probability column p_CLASS for each class."),
    ] = None,
    all_predictions: Annotated[
        Path | None, typer.Option(help="CSV or Parquet, models x examples: a row for each model and a row y_true.")
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Two prediction files A B, their rows in one order or with a column id: which to ship?"),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="How many held-out examples are needed?")] = False,
    gap: Annotated[float | None, typer.Option(help="With --plan: how far the bound may lie above the error.")] = None,
    expected_error: Annotated[
        float | None, typer.Option(help="With --plan: the error rate not to be exceeded; worst case if not given.")
    ] = None,
    tried: Annotated[
        int | None,
        typer.Option(help="Models compared on these examples; if not given: 1, or as many as the files hold."),
    ] = None,
    delta: Annotated[float, typer.Option(help="Probability that the promise fails.")] = 0.05,
    groups: Annotated[
        str | None, typer.Option(help="Column of groups (patients, users): the group is the unit.")
    ] = None,
    loss: Annotated[
        Literal["zero-one", "brier"] | None, typer.Option(help="Loss of predictions; zero-one if not given.")
    ] = None,
    order_seed: Annotated[
        int | None,
        typer.Option(
            help="With groups or a loss that is not zero-one: repeat the answer that recorded this seed; fixed before "
            "scores are seen. A fresh one if not given."
        ),
    ] = None,
    in_order: Annotated[
        bool, typer.Option("--in-order", help="The rows stand in the order in which the examples were drawn.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the page.")] = None,
) -> None:
    """What a held-out score is worth: an upper bound on true risk, honest about how many models were tried."""
    given = {
        "--errors": errors,
        "--n": n,
        "--predictions": predictions,
        "--all-predictions": all_predictions,
        "--compare": compare,
        "--plan": plan or None,
        "--gap": gap,
        "--expected-error": expected_error,
        "--groups": groups,
        "--loss": loss,
        "--order-seed": order_seed,
        "--in-order": in_order or None,
        "--out": out,
    }
    options = {name: value for name, value in given.items() if value is not None}
    answer = _answer(_kind(set(options)), options, tried, delta)
    if out is not None:
        from gengap.report import make_folder

        make_folder(out)  # before the pictures are drawn
        from gengap.tasks.certify.page import write_certificate

        written = write_certificate(cast("Certificate | Family", answer), out)  # _kind refuses --out for the others
        say(f"Report: {written}", err=True)
    if as_json:
        print_json(answer.to_json())
    else:
        _show(answer)


def _kind(given: set[str]) -> str:
    """What is asked for, by the one option that says so; refuses options that contradict each other."""
    kinds = [kind for kind in _KINDS if kind in given]
    if not kinds and "--n" in given:
        raise InputError("--n is given without --errors.", expected="both: gengap certify --errors 30 --n 10000")
    if len(kinds) != 1:
        raise InputError(
            f"{' and '.join(kinds)} contradict each other." if kinds else "There is nothing to certify.",
            expected=f"one of {', '.join(_KINDS)}",
            next_step="" if kinds else "for example: gengap certify --errors 30 --n 10000 --tried 300",
        )
    stray = given - {kinds[0]} - _KINDS[kinds[0]]
    if stray:
        names = " and ".join(sorted(stray))
        raise InputError(
            f"{names} cannot go with {kinds[0]}.",
            expected=f"with {kinds[0]}: {', '.join(sorted(_KINDS[kinds[0]])) or 'none of its own'}",
        )
    return kinds[0]


def _answer(
    kind: str, options: dict[str, Any], tried: int | None, delta: float
) -> "Certificate | Family | Comparison | Plan":
    one = 1 if tried is None else tried
    if kind == "--errors":
        from gengap.tasks.certify import certify

        if "--n" not in options:
            raise InputError("--errors is given without --n.", expected="both: gengap certify --errors 30 --n 10000")
        return certify(errors=options["--errors"], n=options["--n"], tried=one, delta=delta)
    if kind == "--plan":
        from gengap.tasks.certify.plan import plan

        if "--gap" not in options:
            raise InputError("--plan needs --gap.", expected="how far the bound may lie above the error, as --gap 0.01")
        return plan(gap=options["--gap"], tried=one, delta=delta, expected_error=options.get("--expected-error"))
    from gengap.tasks.certify.files import read_all_predictions, read_predictions

    if kind == "--all-predictions":
        from gengap.tasks.certify.family import certify_family

        return certify_family(*read_all_predictions(options[kind]), tried=tried, delta=delta)
    if kind == "--compare":
        from gengap.tasks.certify.compare import compare_files

        return compare_files(*options[kind], tried=2 if tried is None else tried, delta=delta)
    return _of_predictions(read_predictions(options[kind]), options, one, delta)


def _of_predictions(read: "Predictions", options: dict[str, Any], tried: int, delta: float) -> "Certificate":
    from gengap.tasks.certify import certify_units

    brier = options.get("--loss") == "brier"
    return certify_units(
        read.brier() if brier else read.zero_one(),
        zero_one=not brier,
        groups=read.groups(options["--groups"]) if "--groups" in options else None,
        tried=tried,
        delta=delta,
        order_seed=options.get("--order-seed"),
        in_order="--in-order" in options,
        remarks=read.remarks(),
    )


def _show(answer: "Certificate | Family | Comparison | Plan") -> None:
    from rich.table import Table
    from rich.text import Text

    from gengap.console import Console

    console = Console(highlight=False)
    console.print(answer.sentence, markup=False, style="bold")
    certificate: Any = getattr(answer, "certificate", answer)
    if hasattr(certificate, "bounds"):
        console.print(_table(certificate))
    notes = Table.grid(padding=(0, 1))
    for note in answer.notes:
        notes.add_row("-", Text(note))
    console.print(notes)
    console.print(f"Where it holds: {certificate.scope}", markup=False, style="dim")


def _table(certificate: "Certificate") -> Any:
    from gengap.cli.table import empty_table
    from gengap.tasks.certify.words import WORDS, rate

    table = empty_table("bound", "risk at most", "remarks")
    for name, bound in certificate.bounds.items():
        words = WORDS[name]
        upper = rate(bound["upper"], certificate.zero_one, up=True) if bound["upper"] is not None else "–"
        promised = name == certificate.headline
        note = "the promise: chosen before the data" if promised else bound.get("reason", words.note)
        table.add_row(words.title, upper, note, style="bold" if promised else None)
    return table
