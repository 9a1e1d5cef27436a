"""`gengap certify`: an upper bound on true risk from held-out predictions or counts."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gengap.cli.answer import print_json
from gengap.errors import InputError, listed
from gengap.terminal import say

if TYPE_CHECKING:
    from gengap.tasks.certify import Certificate
    from gengap.tasks.certify.outputs import Answer

_OF_LOSSES = {"--clusters", "--out", "--order-seed"}
_OF_LOGS = {"--metric", "--model", "--score-range", "--missing", "--graded"}
# What is certified -> the options that only go with it.
_KINDS = {
    "--errors": {"--n", "--accuracy", "--out"},
    "--predictions": {"--loss", "--in-order", "--accuracy", *_OF_LOSSES},
    "--log": {"--in-order", *_OF_LOGS, *_OF_LOSSES},
    "--all-predictions": {"--out"},
    "--compare": {"FILES", "--loss", *_OF_LOGS, *_OF_LOSSES},
    "--plan": {"--gap", "--expected-error"},
}


def command(
    files: Annotated[list[Path] | None, typer.Argument(help="With --compare: the files.")] = None,
    errors: Annotated[int | None, typer.Option(help="Errors among the held-out examples.")] = None,
    n: Annotated[int | None, typer.Option("--n", help="Held-out examples.")] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(help="CSV or Parquet: y_true with y_pred, or with a probability column p_CLASS for each class."),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(help="A log of inspect_ai or lm-evaluation-harness, JSON lines or a table with a column score."),
    ] = None,
    all_predictions: Annotated[
        Path | None, typer.Option(help="CSV or Parquet, models x examples: a row for each model and a row y_true.")
    ] = None,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Which to ship? Two files or more of predictions, scores or logs, or one that holds several models; "
            "rows in one order or with a column id.",
        ),
    ] = False,
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
    clusters: Annotated[
        str | None,
        typer.Option(
            "--clusters", "--groups", help="Column of clusters (patients, documents): the cluster is the unit."
        ),
    ] = None,
    loss: Annotated[
        Literal["zero-one", "brier"] | None, typer.Option(help="Loss of predictions; zero-one if not given.")
    ] = None,
    accuracy: Annotated[
        bool, typer.Option("--accuracy", help="Promise an accuracy of at least, in place of an error rate of at most.")
    ] = False,
    metric: Annotated[str | None, typer.Option(help="The metric of a log to read, where it has several.")] = None,
    model: Annotated[str | None, typer.Option(help="The model of a log to read, where it has several.")] = None,
    score_range: Annotated[
        tuple[float, float] | None, typer.Option(help="Smallest and largest possible score; 0 1 if not given.")
    ] = None,
    missing: Annotated[
        Literal["refuse", "wrong"] | None, typer.Option(help="Questions of a log without a score: refuse if not given.")
    ] = None,
    graded: Annotated[
        bool, typer.Option("--graded", help="The metric can lie between right and wrong, though no score here does.")
    ] = False,
    order_seed: Annotated[
        int | None,
        typer.Option(
            help="Where betting decides (clusters, graded losses): repeat the answer that recorded this seed; fixed "
            "before scores are seen. A fresh one if not given."
        ),
    ] = None,
    in_order: Annotated[
        bool, typer.Option("--in-order", help="The rows stand in the order in which the examples were drawn.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the page, or a file .html, .json, .csv, .md or .png.")
    ] = None,
) -> None:
    """What a held-out score is worth: an upper bound on true risk, honest about how many models were tried."""
    given = {
        "FILES": files or None,
        "--errors": errors,
        "--n": n,
        "--predictions": predictions,
        "--log": log,
        "--all-predictions": all_predictions,
        "--compare": compare or None,
        "--plan": plan or None,
        "--gap": gap,
        "--expected-error": expected_error,
        "--clusters": clusters,
        "--loss": loss,
        "--accuracy": accuracy or None,
        "--metric": metric,
        "--model": model,
        "--score-range": score_range,
        "--missing": missing,
        "--graded": graded or None,
        "--order-seed": order_seed,
        "--in-order": in_order or None,
        "--out": out,
    }
    options = {name: value for name, value in given.items() if value is not None}
    answer = _answer(_kind(set(options)), options, tried, delta)
    if out is not None:
        from gengap.tasks.certify.outputs import write_answer

        say(f"Report: {write_answer(answer, out)}", err=True)
    if as_json:
        print_json(answer.to_json())
    else:
        from gengap.cli.certify_terminal import show

        show(answer)


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


def _answer(kind: str, options: dict[str, Any], tried: int | None, delta: float) -> "Answer":
    one = 1 if tried is None else tried
    if kind == "--errors":
        from gengap.tasks.certify import certify

        if "--n" not in options:
            raise InputError("--errors is given without --n.", expected="both: gengap certify --errors 30 --n 10000")
        made = certify(errors=options["--errors"], n=options["--n"], tried=one, delta=delta)
        return _as_accuracy(made) if "--accuracy" in options else made
    if kind == "--plan":
        from gengap.tasks.certify.plan import plan

        if "--gap" not in options:
            raise InputError("--plan needs --gap.", expected="how far the bound may lie above the error, as --gap 0.01")
        return plan(gap=options["--gap"], tried=one, delta=delta, expected_error=options.get("--expected-error"))
    if kind == "--all-predictions":
        from gengap.tasks.certify.family import certify_family
        from gengap.tasks.certify.files import read_all_predictions

        return certify_family(*read_all_predictions(options[kind]), tried=tried, delta=delta)
    if kind == "--compare":
        from gengap.tasks.certify.ranking import compare_files

        return compare_files(
            *options.get("FILES", []),
            loss=options.get("--loss", "zero-one"),
            clusters=options.get("--clusters"),
            tried=tried,
            delta=delta,
            order_seed=options.get("--order-seed"),
            **_log_options(options),
        )
    return _of_losses(kind, options, one, delta)


def _of_losses(kind: str, options: dict[str, Any], tried: int, delta: float) -> "Certificate":
    from gengap.tasks.certify.certificate import certify_evaluation

    if kind == "--log":
        from gengap.tasks.certify.logs import read_log

        evaluations = read_log(options[kind], **_log_options(options))
        if len(evaluations) > 1:
            names = listed([evaluation.model for evaluation in evaluations])
            raise InputError(
                f"{evaluations[0].source} holds {len(evaluations)} models: {names}.",
                expected="one model",
                next_step=f"choose one with --model, or compare them: gengap certify --compare {options[kind]}",
            )
        evaluation = evaluations[0]
    else:
        from gengap.tasks.certify.files import read_predictions

        evaluation = read_predictions(options[kind]).evaluation(options.get("--loss", "zero-one"))
    made = certify_evaluation(
        evaluation,
        clusters=options.get("--clusters"),
        tried=tried,
        delta=delta,
        order_seed=options.get("--order-seed"),
        in_order="--in-order" in options,
    )
    return _as_accuracy(made) if "--accuracy" in options else made


def _log_options(options: dict[str, Any]) -> dict[str, Any]:
    """What ``read_log`` takes."""
    names = {"--metric": "metric", "--model": "model", "--score-range": "score_range", "--missing": "missing"}
    given = {name: options[option] for option, name in names.items() if option in options}
    return given | ({"graded": True} if "--graded" in options else {})


def _as_accuracy(certificate: "Certificate") -> "Certificate":
    if not certificate.zero_one:
        raise InputError("--accuracy needs predictions that are right or wrong.", expected="the loss zero-one")
    return replace(certificate, metric="accuracy", is_score=True)
