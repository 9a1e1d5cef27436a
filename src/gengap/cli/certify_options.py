"""The options of ``gengap certify``, in the order of its help."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Files = Annotated[list[Path] | None, typer.Argument(help="With --compare: the files.")]
Errors = Annotated[int | None, typer.Option(help="Errors among the held-out examples.")]
Examples = Annotated[int | None, typer.Option("--n", help="Held-out examples.")]
Predictions = Annotated[
    Path | None,
    typer.Option(
        help="A table (CSV, TSV, JSON, JSON lines, Parquet; - for standard input): y_true with y_pred, or with a "
        "probability column p_CLASS for each class."
    ),
]
Truth = Annotated[str | None, typer.Option(help="Column of labels, if it is not y_true.")]
Prediction = Annotated[str | None, typer.Option(help="Column of predicted labels, if it is not y_pred.")]
Log = Annotated[
    Path | None,
    typer.Option(help="A log of inspect_ai or lm-evaluation-harness, JSON lines or a table with a column score."),
]
AllPredictions = Annotated[
    Path | None, typer.Option(help="CSV or Parquet, models x examples: a row for each model and a row y_true.")
]
Compare = Annotated[
    bool,
    typer.Option(
        "--compare",
        help="Which to ship? Two files or more of predictions, scores or logs, or one that holds several models; "
        "rows in one order or with a column id.",
    ),
]
Leaderboard = Annotated[
    Path | None, typer.Option(help="Add one submission to the leaderboard in this file, which is made if missing.")
]
Labels = Annotated[Path | None, typer.Option(help="With --leaderboard: table with y_true.")]
Submit = Annotated[Path | None, typer.Option(help="With --leaderboard: table with y_pred.")]
Step = Annotated[
    float | None, typer.Option(help="With a new --leaderboard: error rates are published as multiples of it; 0.01.")
]
Planned = Annotated[int | None, typer.Option(help="With a new --leaderboard: looks that will be answered; 100.")]
Plan = Annotated[bool, typer.Option("--plan", help="How many held-out examples are needed?")]
Gap = Annotated[float | None, typer.Option(help="With --plan: how far the bound may lie above the error.")]
ExpectedError = Annotated[
    float | None, typer.Option(help="With --plan: the error rate not to be exceeded; worst case if not given.")
]
Difference = Annotated[
    float | None, typer.Option(help="With --plan --compare, without files: the difference of error rates to find.")
]
Discordance = Annotated[
    float | None, typer.Option(help="With --difference: the share of questions on which exactly one model errs.")
]
Power = Annotated[
    float | None, typer.Option(help="With --plan --compare: the probability of a verdict; 0.8 if not given.")
]
Tried = Annotated[
    int | None,
    typer.Option(help="Models compared on these examples; if not given: 1, or as many as the files hold."),
]
Delta = Annotated[float, typer.Option(help="Probability that the promise fails.")]
Clusters = Annotated[
    str | None,
    typer.Option("--clusters", "--groups", help="Column of clusters (patients, documents): the cluster is the unit."),
]
By = Annotated[
    str | None,
    typer.Option(help="Column of subgroups: a bound for each of its values, all at once, the worst first."),
]
Control = Annotated[
    float | None,
    typer.Option(help="The confidence from which on at most this share of what is accepted is wrong."),
]
Grid = Annotated[
    str | None,
    typer.Option(help="With --control: thresholds, as 0.5,0.6,0.7, fixed beforehand; 0, 0.02 … 0.98 if not given."),
]
Sequence = Annotated[
    bool, typer.Option("--sequence", help="With --control: a fixed sequence from the largest threshold down.")
]
Loss = Annotated[
    str | None,
    typer.Option(help="Loss of predictions: zero-one if not given; brier, absolute, squared, top-K as top-5."),
]
LossBound = Annotated[float | None, typer.Option(help="With --loss absolute or squared: the largest possible error.")]
Accuracy = Annotated[
    bool, typer.Option("--accuracy", help="Promise an accuracy of at least, in place of an error rate of at most.")
]
Metric = Annotated[
    str | None,
    typer.Option(
        help="Of predictions: accuracy, recall, precision, balanced-accuracy, f1, macro-f1, auc. Of a log: "
        "which to read, where it has several."
    ),
]
Positive = Annotated[str | None, typer.Option(help="The positive class of f1 and auc.")]
Model = Annotated[str | None, typer.Option(help="The model of a log to read, where it has several.")]
ScoreRange = Annotated[
    tuple[float, float] | None, typer.Option(help="Smallest and largest possible score; 0 1 if not given.")
]
Missing = Annotated[
    Literal["refuse", "wrong"] | None, typer.Option(help="Questions of a log without a score: refuse if not given.")
]
Graded = Annotated[
    bool, typer.Option("--graded", help="The metric can lie between right and wrong, though no score here does.")
]
OrderSeed = Annotated[
    int | None,
    typer.Option(
        help="Where betting decides (clusters, graded losses): repeat the answer that recorded this seed; fixed "
        "before scores are seen. A fresh one if not given."
    ),
]
InOrder = Annotated[
    bool, typer.Option("--in-order", help="The rows stand in the order in which the examples were drawn.")
]
AllBounds = Annotated[
    bool,
    typer.Option("--bounds", help="Show every bound beside the promise; on the page and in JSON they always are."),
]
Out = Annotated[Path | None, typer.Option(help="Folder for the page, or a file .html, .json, .csv, .md or .png.")]
