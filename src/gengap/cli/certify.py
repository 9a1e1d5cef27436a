"""``gengap certify``: an upper bound on true risk from held-out predictions or counts."""

from collections.abc import Mapping
from typing import Any

from gengap.cli import certify_options as options
from gengap.cli.answer import Json, print_json
from gengap.cli.certify_answers import DELTA, answer_of
from gengap.terminal import say

_OF_EVERY_QUESTION = {"tried", "delta", "all_bounds", "as_json"}


def command(
    files: options.Files = None,
    errors: options.Errors = None,
    n: options.Examples = None,
    predictions: options.Predictions = None,
    truth: options.Truth = None,
    prediction: options.Prediction = None,
    log: options.Log = None,
    all_predictions: options.AllPredictions = None,
    compare: options.Compare = False,
    leaderboard: options.Leaderboard = None,
    labels: options.Labels = None,
    submit: options.Submit = None,
    step: options.Step = None,
    planned: options.Planned = None,
    plan: options.Plan = False,
    gap: options.Gap = None,
    expected_error: options.ExpectedError = None,
    difference: options.Difference = None,
    discordance: options.Discordance = None,
    power: options.Power = None,
    tried: options.Tried = None,
    delta: options.Delta = DELTA,
    clusters: options.Clusters = None,
    by: options.By = None,
    control: options.Control = None,
    grid: options.Grid = None,
    sequence: options.Sequence = False,
    loss: options.Loss = None,
    loss_bound: options.LossBound = None,
    accuracy: options.Accuracy = False,
    metric: options.Metric = None,
    positive: options.Positive = None,
    model: options.Model = None,
    score_range: options.ScoreRange = None,
    missing: options.Missing = None,
    graded: options.Graded = False,
    order_seed: options.OrderSeed = None,
    in_order: options.InOrder = False,
    all_bounds: options.AllBounds = False,
    as_json: Json = False,
    out: options.Out = None,
) -> None:
    """What a held-out score is worth: an upper bound on true risk, honest about how many models were tried."""
    answer = answer_of(_given(locals()), tried, delta)
    if out is not None:
        from gengap.tasks.certify.outputs import write_answer

        say(f"Report: {write_answer(answer, out)}", err=True)
    if as_json:
        print_json(answer.to_json())
    else:
        from gengap.cli.certify_terminal import show

        show(answer, all_bounds=all_bounds)


def _given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, by the names that users type, but those that go with every question."""
    names = {name: f"--{name.replace('_', '-')}" for name in arguments.keys() - _OF_EVERY_QUESTION} | {"files": "FILES"}
    return {names[name]: value for name, value in arguments.items() if name in names and not _is_absent(value)}


def _is_absent(value: Any) -> bool:
    return value is None or value is False or value == []
