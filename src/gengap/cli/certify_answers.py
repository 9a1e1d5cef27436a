"""What ``gengap certify`` is asked, by the options that were given, and the answer."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gengap.errors import InputError, listed

if TYPE_CHECKING:
    from gengap.tasks.certify import Certificate
    from gengap.tasks.certify.evaluation import Evaluation
    from gengap.tasks.certify.files import Predictions
    from gengap.tasks.certify.metrics import MetricCertificate
    from gengap.tasks.certify.outputs import Answer

_OF_LOSSES = {"--clusters", "--out", "--order-seed"}
_OF_LOGS = {"--metric", "--model", "--score-range", "--missing", "--graded"}
DELTA = 0.05
_CONTROL = {"--control", "--grid", "--sequence"}
# What is certified -> the options that only go with it.
_KINDS = {
    "--errors": {"--n", "--accuracy", "--out"},
    "--predictions": {
        "--truth",
        "--prediction",
        "--loss",
        "--loss-bound",
        "--metric",
        "--positive",
        "--in-order",
        "--accuracy",
        "--by",
        *_CONTROL,
        *_OF_LOSSES,
    },
    "--log": {"--in-order", "--by", *_OF_LOGS, *_OF_LOSSES},
    "--all-predictions": {"--out"},
    "--compare": {"FILES", "--loss", *_OF_LOGS, *_OF_LOSSES},
    "--leaderboard": {"--labels", "--submit", "--step", "--planned", "--out"},
    "--plan": {"--gap", "--expected-error", "--out"},
    "--plan --compare": {
        "FILES",
        "--loss",
        "--difference",
        "--discordance",
        "--power",
        "--clusters",
        "--out",
        *_OF_LOGS,
    },
}
_OF_MEANS = {"--loss", "--loss-bound", "--in-order", "--accuracy", "--order-seed"}
# What a file of predictions is asked -> the options of the other questions, which it cannot take.
_APART = {
    "--control": {"--by", "--metric", "--positive", "--clusters", *_OF_MEANS},
    "--metric": {"--by", *_OF_MEANS},
    "--by": {"--in-order", "--accuracy"},
}


def answer_of(options: dict[str, Any], tried: int | None, delta: float) -> "Answer":
    """The answer to what is asked.

    Args:
        options: Those that were given, by the names that users type; ``FILES`` for the arguments.
        tried: Models that were compared; None where it was not said.
        delta: Probability that the promise fails.

    Raises:
        InputError: Options that contradict each other or lack another, and whatever cannot be used.
    """
    return _answer(_kind(set(options)), options, tried, delta)


def _kind(given: set[str]) -> str:
    """What is asked for, by the one option that says so; refuses options that contradict each other."""
    kinds = [kind for kind in _KINDS if kind in given]
    if set(kinds) == {"--plan", "--compare"}:
        given, kinds = given - {"--plan", "--compare"} | {"--plan --compare"}, ["--plan --compare"]
    if not kinds and "FILES" in given:
        raise InputError(
            "Files are given, but not what to do with them.",
            expected="gengap certify --predictions FILE, --log FILE, or --compare FILE FILE",
        )
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
    if kind == "--plan --compare":
        return _comparison_plan(options, 2 if tried is None else tried, delta)
    if kind == "--leaderboard":
        return _look(options, tried, delta)
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


def _control(read: "Predictions", options: dict[str, Any], tried: int, delta: float) -> "Answer":
    from gengap.tasks.certify.control import DEFAULT_GRID, control_predictions

    try:
        grid = [float(part) for part in options["--grid"].split(",")] if "--grid" in options else list(DEFAULT_GRID)
    except ValueError:
        raise InputError(f"--grid {options['--grid']} holds no numbers.", expected="numbers as 0.5,0.6,0.7") from None
    return control_predictions(
        read, options["--control"], grid=grid, tried=tried, delta=delta, sequence="--sequence" in options
    )


def _metric(
    read: "Predictions", evaluation: "Evaluation", options: dict[str, Any], tried: int, delta: float
) -> "MetricCertificate":
    from gengap.tasks.certify.metrics import certify_metric, positive_class, scores_of_class

    metric, positive = options["--metric"], options.get("--positive")
    if "--clusters" in options or evaluation.losses.size != read.y_true.size:
        raise InputError(
            f"No bound on {metric} is known for examples that depend on each other (clusters, repeated ids).",
            expected="independent examples, each once",
            next_step="certify the error rate with clusters: leave --metric out",
        )
    predictions = read.y_pred
    if metric == "auc":
        positive = positive_class(read.y_true, positive)
        predictions = scores_of_class(read.table, positive)
    made = certify_metric(metric, read.y_true, predictions, positive=positive, tried=tried, delta=delta)
    return replace(made, remarks=list(evaluation.remarks))


def _check_together(kind: str, options: dict[str, Any]) -> None:
    """Refuses options that belong to two questions: none is ignored."""
    for question, others in _APART.items():
        if question in options and not (kind == "--log" and question == "--metric"):  # of a log, a choice
            stray = sorted(others & options.keys())
            if stray:
                raise InputError(
                    f"{question} cannot go with {' and '.join(stray)}.",
                    expected="one of them: each asks for another bound",
                )
    if {"--grid", "--sequence"} & options.keys() and "--control" not in options:
        raise InputError("--grid needs --control.", expected="the risk to be controlled, as --control 0.05")
    if "--positive" in options and "--metric" not in options:
        raise InputError("--positive needs --metric.", expected="--metric f1 or --metric auc")


def _of_losses(kind: str, options: dict[str, Any], tried: int, delta: float) -> "Answer":
    from gengap.tasks.certify.certificate import certify_evaluation, with_recalls

    _check_together(kind, options)
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

        read = read_predictions(options[kind], truth=options.get("--truth"), prediction=options.get("--prediction"))
        loss = options.get("--loss", "zero-one")
        evaluation = read.evaluation(loss, loss_bound=options.get("--loss-bound"))
        if "--control" in options:
            return _control(read, options, tried, delta)
        if "--metric" in options:
            return _metric(read, evaluation, options, tried, delta)
    if "--by" in options:
        from gengap.tasks.certify.subgroups import certify_subgroups

        return certify_subgroups(
            evaluation,
            options["--by"],
            clusters=options.get("--clusters"),
            tried=tried,
            delta=delta,
            order_seed=options.get("--order-seed"),
        )
    made = certify_evaluation(
        evaluation,
        clusters=options.get("--clusters"),
        tried=tried,
        delta=delta,
        order_seed=options.get("--order-seed"),
        in_order="--in-order" in options,
    )
    if kind == "--predictions" and made.errors is not None and options.get("--loss", "zero-one") == "zero-one":
        made = with_recalls(made, read.y_true, read.y_pred)
    return _as_accuracy(made) if "--accuracy" in options else made


def _look(options: dict[str, Any], tried: int | None, delta: float) -> "Answer":
    from gengap.tasks.certify.leaderboard import submit

    if "--labels" not in options or "--submit" not in options:
        raise InputError(
            "--leaderboard needs --labels and --submit.", expected="a table of labels and one of predictions"
        )
    if tried is not None:
        raise InputError("--tried cannot go with --leaderboard.", expected="the looks planned, as --planned 300")
    board = options["--leaderboard"]
    return submit(
        board,
        options["--labels"],
        options["--submit"],
        step=options.get("--step"),
        planned=options.get("--planned"),
        delta=None if board.exists() and delta == DELTA else delta,
    )


def _comparison_plan(options: dict[str, Any], tried: int, delta: float) -> "Answer":
    from gengap.tasks.certify.plan import plan_comparison, plan_comparison_by_pilot
    from gengap.tasks.certify.reading import read_evaluations

    common = {"tried": tried, "delta": delta, "power": options.get("--power", 0.8)}
    if "FILES" in options:
        pilots = read_evaluations(options["FILES"], loss=options.get("--loss", "zero-one"), **_log_options(options))
        if len(pilots) != 2:
            raise InputError(f"The pilot holds {len(pilots)} models.", expected="two")
        a, b = pilots[0], pilots[1].in_order_of(pilots[0])
        return plan_comparison_by_pilot(a, b, clusters=options.get("--clusters"), **common)
    if "--difference" not in options or "--discordance" not in options:
        raise InputError(
            "--plan --compare needs a pilot of two models, or what to expect.",
            expected="two files, or --difference with --discordance",
        )
    return plan_comparison(options["--difference"], options["--discordance"], **common)


def _log_options(options: dict[str, Any]) -> dict[str, Any]:
    """What ``read_log`` takes."""
    names = {"--metric": "metric", "--model": "model", "--score-range": "score_range", "--missing": "missing"}
    given = {name: options[option] for option, name in names.items() if option in options}
    return given | ({"graded": True} if "--graded" in options else {})


def _as_accuracy(certificate: "Certificate") -> "Certificate":
    if not certificate.zero_one:
        raise InputError("--accuracy needs predictions that are right or wrong.", expected="the loss zero-one")
    return replace(certificate, metric="accuracy", is_score=True)
