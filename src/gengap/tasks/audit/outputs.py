"""Parts that a model's answers alone give: the verdict, accuracy by class, calibration, margins."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from gengap.arrays import Floats
from gengap.bounds import clopper_pearson_interval
from gengap.probes import calibration
from gengap.report import PALETTE, PERCENT, Fact, Facts, Figure, Table, Text, percent, plain
from gengap.tasks.audit.part import NotApplicable, Part
from gengap.tasks.audit.subject import Answers, AuditSubject
from gengap.verdicts import LearnedShare, learned_share
from gengap.verdicts.learned_share import LEARNED, MEMORISED

MOST_CLASSES = 20  # in charts; the table has all
NAMED = 10  # classes without test examples
QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75)
SPLITS = {"train": ("training", PALETTE[5]), "test": ("test", PALETTE[0])}


def share_of(subject: AuditSubject) -> LearnedShare:
    """The verdict on the model.

    Raises:
        NotApplicable: There is no training split.
    """
    train = subject.trained()
    return learned_share(
        train.accuracy,
        subject.test.accuracy,
        subject.majority,
        n_train=len(train),
        n_test=len(subject.test),
        drawn_from=train.of,
    )


def verdict_part(subject: AuditSubject) -> Part:
    """Learned or memorised, with the share that decides and the rule."""
    found = share_of(subject)
    texts = [*([found.caution] if found.caution else []), f"The rule: {found.rule}"]
    return Part(
        "verdict",
        "",
        f"{found.verdict[0].upper()}{found.verdict[1:]}: {found.reason}.",
        found.record(),
        lambda: [*([_share_figure(found)] if found.share is not None else []), Text(texts)],
        f"{subject.trained().sample} training examples, {subject.test.sample} test examples",
    )


def accuracy_part(subject: AuditSubject) -> Part:
    """Accuracy on both splits, whole and by class, with intervals."""
    rows = class_rows(subject)
    splits = {"test": subject.test} | ({} if subject.train is None else {"train": subject.train})
    values: dict[str, Any] = {}
    facts = []
    for name, answers in splits.items():
        hits = int(answers.correct.sum())
        low, high = clopper_pearson_interval(hits, len(answers))
        values |= {name: answers.accuracy, f"{name}_low": low, f"{name}_high": high, f"n_{name}": len(answers)}
        note = f"95 %: {percent(low)} to {percent(high)}; {hits:,} of {len(answers):,}"
        facts.append(Fact(f"{SPLITS[name][0].capitalize()} accuracy", percent(answers.accuracy), note))
    if subject.train is not None:
        facts.append(Fact("Most frequent class", percent(subject.majority), "of the training labels"))
    frame = pd.DataFrame(rows)
    known = frame.dropna(subset="test_accuracy")
    worst = known.sort_values("test_accuracy").iloc[0]
    return Part(
        "accuracy",
        "",
        f"Test accuracy {percent(subject.test.accuracy)}; the worst class seen is {worst['class']} with "
        f"{percent(worst['test_accuracy'])}.",
        values | {"by_class": rows},
        lambda: [
            Facts(facts),
            _classes_figure(known),
            Table(frame, "Accuracy by class, each interval by itself", _formats(frame)),
        ],
        f"{subject.test.sample} test examples"
        + ("" if subject.train is None else f", {subject.train.sample} training examples"),
        not_covered=_without_test_examples(rows),
    )


def _without_test_examples(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The classes that no test example has, as one phrase."""
    unseen = [f"the class {row['class']}" for row in rows if not row["n_test"]]
    if not unseen:
        return []
    more = [f"{len(unseen) - NAMED:,} more classes"] if len(unseen) > NAMED else []
    verb = "has" if len(unseen) == 1 else "have"
    return [f"{', '.join([*unseen[:NAMED], *more])}, which {verb} no test examples"]


def class_rows(subject: AuditSubject) -> list[dict[str, Any]]:
    """Accuracy of each class on both splits, with the 95 % interval (Clopper-Pearson) of that on the test split."""
    rows = []
    for index, name in enumerate(subject.problem.classes):
        here = subject.test.labels == index
        n, hits = int(here.sum()), int(subject.test.correct[here].sum())
        low, high = clopper_pearson_interval(hits, n) if n else (None, None)
        row = {"class": name, "n_test": n, "test_accuracy": hits / n if n else None, "low": low, "high": high}
        if subject.train is not None:
            mine = subject.train.labels == index
            row["n_train"] = int(mine.sum())
            row["train_accuracy"] = float(subject.train.correct[mine].mean()) if mine.any() else None
        rows.append(row)
    return rows


def calibration_part(subject: AuditSubject) -> Part:
    """Whether confidence is the probability of being right, with the bias of its estimate."""
    test = subject.test
    found = calibration(test.probabilities.max(1), test.correct, seed=subject.seed)
    over = "overconfident" if found.confidence > found.accuracy else "underconfident"
    differs = found.p_value < 0.05
    sentence = (
        f"Expected calibration error {percent(found.ece)}; a calibrated model with these confidences would show "
        f"{percent(found.if_calibrated)} on as many examples (up to {percent(found.if_calibrated_high)}): "
        + (f"it is {over}." if differs else "no miscalibration is seen beyond that.")
    )
    values = {name: value for name, value in found._asdict().items() if name != "bins"}
    bins = pd.DataFrame([b._asdict() for b in found.bins])
    return Part(
        "calibration",
        "",
        sentence,
        values | {"bins": bins.to_dict("records")},
        lambda: [
            Facts(
                [
                    Fact("Expected calibration error", percent(found.ece), "15 bins of equal width"),
                    Fact("Of a calibrated model", percent(found.if_calibrated), "the bias of the estimate"),
                    Fact("Mean confidence", percent(found.confidence), f"accuracy {percent(found.accuracy)}"),
                ]
            ),
            _reliability_figure(bins),
        ],
        f"{test.sample} test examples",
    )


def margins_part(subject: AuditSubject) -> Part:
    """The distribution of f_y - max_{j != y} f_j on both splits."""
    splits = {"test": subject.test} | ({} if subject.train is None else {"train": subject.train})
    margins = {name: answers.seen.margins.double().cpu().numpy() for name, answers in splits.items()}
    if not all(answers.probable for answers in splits.values()):
        raise NotApplicable("the model gives labels without scores")
    known = {name: of[~np.isnan(of)] for name, of in margins.items()}
    if not all(len(of) for of in known.values()):
        raise NotApplicable("the model's scores are infinite")
    values = {name: {f"{100 * q:g}": _quantile(of, q) for q in QUANTILES} for name, of in known.items()}
    undefined = sum(int(np.isnan(of).sum()) for of in margins.values())
    medians = " and ".join(
        f"{plain(values[name]['50']).replace('inf', 'infinite')} on the {SPLITS[name][0]} split" for name in values
    )
    return Part(
        "margins",
        "",
        f"The median margin is {medians}; a margin below 0 is an error.",
        values,
        lambda: [
            _margins_figure(known),
            Text(
                [
                    "The margin is the score of the label less the largest other score. Its scale is that of the last "
                    "layer, so that margins of two networks compare only after normalisation. Networks that memorise "
                    "have margins on training examples that their test examples do not share."
                ]
            ),
        ],
        ", ".join(f"{answers.sample} {SPLITS[name][0]} examples" for name, answers in splits.items()),
        status="partial" if undefined else "ok",
        reason=f"{undefined:,} margins are differences of infinite scores" if undefined else "",
    )


def _quantile(values: Floats, q: float) -> float:
    """``np.quantile``, also of values some of which are infinite."""
    low, high = (float(np.quantile(values, q, method=side)) for side in ("lower", "higher"))
    if low == high or np.isinf(low):
        return low
    return high if np.isinf(high) else float(np.quantile(values, q))


def summary_of(answers: Answers) -> dict[str, float]:
    """Accuracy and mean cross entropy in nats."""
    return {"accuracy": answers.accuracy, "loss": float(answers.seen.losses.mean())}


def _share_figure(found: LearnedShare) -> Figure:
    zones = pd.DataFrame(
        [
            {"zone": "memorised", "from": -0.1, "to": MEMORISED},
            {"zone": "mixed", "from": MEMORISED, "to": LEARNED},
            {"zone": "learned", "from": LEARNED, "to": 1.1},
        ]
    )
    clip = {name: float(np.clip(getattr(found, name), -0.1, 1.1)) for name in ("share", "low", "high")}
    points = pd.DataFrame([clip])
    x = alt.X(
        "from:Q",
        title="share of the accuracy gained in training that carries over",
        scale=alt.Scale(domain=[-0.1, 1.1]),
    )
    band = (
        alt.Chart(zones)
        .mark_rect(opacity=0.18)
        .encode(
            x=x,
            x2="to:Q",
            color=alt.Color(
                "zone:N", scale=alt.Scale(domain=list(zones["zone"]), range=[PALETTE[1], PALETTE[5], PALETTE[2]])
            ),
        )
    )
    names = (
        alt.Chart(zones.assign(middle=(zones["from"] + zones["to"]) / 2))
        .mark_text(baseline="top", y=4)
        .encode(x="middle:Q", text="zone:N")
    )
    base = alt.Chart(points)
    chart = alt.layer(
        band.encode(
            color=alt.Color(
                "zone:N",
                legend=None,
                scale=alt.Scale(domain=list(zones["zone"]), range=[PALETTE[1], PALETTE[5], PALETTE[2]]),
            )
        ),
        names,
        base.mark_rule(strokeWidth=4, color=PALETTE[0], y=40).encode(x="low:Q", x2="high:Q"),
        base.mark_point(filled=True, size=160, color=PALETTE[0], opacity=1, y=40).encode(x="share:Q"),
    ).properties(height=64)
    return Figure(
        "learned-share",
        chart,
        "The share of what training gained over the most frequent class that carries over to test examples, with its "
        "95 % interval from the test examples"
        + ("" if found.drawn_from is None else " and from the draw of training examples")
        + ", and the lines of the rule.",
        f"A share of {found.share:.3f}, interval {found.low:.3f} to {found.high:.3f}, {found.verdict}.",
        pd.DataFrame([{"share": found.share, "low": found.low, "high": found.high}]),
        {"share": ".3f", "low": ".3f", "high": ".3f"},
    )


def _classes_figure(rows: pd.DataFrame) -> Figure:
    shown = rows.sort_values("test_accuracy").head(MOST_CLASSES)
    axis = alt.Axis(format="%")
    domain = alt.Scale(domain=[float(np.floor(10 * shown["low"].min()) / 10), 1.0])
    base = alt.Chart(shown).encode(
        y=alt.Y("class:N", sort=list(shown["class"]), title=None, axis=alt.Axis(labelLimit=170))
    )
    layers = [
        base.mark_rule(strokeWidth=3, color=PALETTE[0]).encode(
            x=alt.X("low:Q", title="accuracy: ● test, ○ training", axis=axis, scale=domain), x2="high:Q"
        ),
        base.mark_point(filled=True, size=80, opacity=1, color=PALETTE[0]).encode(
            x="test_accuracy:Q", tooltip=list(shown)
        ),
    ]
    if "train_accuracy" in shown:
        layers.append(base.mark_point(size=80, strokeWidth=2, color=PALETTE[5]).encode(x="train_accuracy:Q"))
    which = "" if len(shown) == len(rows) else f", the worst {len(shown)} of {len(rows)}"
    return Figure(
        "accuracy-by-class",
        alt.layer(*layers).properties(height=24 * len(shown) + 20),
        f"Accuracy of each class on the test split with its 95 % interval{which}; open circles: on the training split.",
        "Test accuracy by class: "
        + ", ".join(f"{r['class']} {percent(r['test_accuracy'])}" for r in shown.to_dict("records"))
        + ".",
        shown,
        _formats(shown),
    )


def _reliability_figure(bins: pd.DataFrame) -> Figure:
    scale = alt.Scale(domain=[0, 1])
    axis = alt.Axis(format="%")
    diagonal = alt.Chart(pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]})).mark_line(
        strokeDash=[2, 3], strokeWidth=1.25, color=PALETTE[5]
    )
    base = alt.Chart(bins).encode(x=alt.X("confidence:Q", title="confidence", scale=scale, axis=axis))
    chart = alt.layer(
        diagonal.encode(x="x:Q", y="y:Q"),
        base.mark_rule(strokeWidth=2, color=PALETTE[0]).encode(
            y=alt.Y("accuracy_low:Q", title="accuracy", scale=scale, axis=axis), y2="accuracy_high:Q"
        ),
        base.mark_point(filled=True, opacity=1, color=PALETTE[0]).encode(
            y="accuracy:Q", size=alt.Size("n:Q", legend=None, scale=alt.Scale(range=[25, 260])), tooltip=list(bins)
        ),
    ).properties(height=320)
    shown = bins[["confidence", "accuracy", "accuracy_low", "accuracy_high", "n"]]
    return Figure(
        "reliability",
        chart,
        "Reliability diagram: the accuracy of test examples of about one confidence, with 95 % intervals; the larger a "
        "dot, the more examples. On the dotted line confidence is the probability of being right.",
        f"Accuracy against confidence in {len(bins)} bins.",
        shown,
        dict.fromkeys(("confidence", "accuracy", "accuracy_low", "accuracy_high"), PERCENT),
    )


def _margins_figure(margins: dict[str, Floats]) -> Figure:
    every = np.concatenate(list(margins.values()))
    finite = every[np.isfinite(every)]
    low, high = (float(end) for end in np.quantile(finite, [0.002, 0.998])) if len(finite) else (0.0, 0.0)
    edges = np.linspace(low, high, 49) if low < high else np.linspace(low - 1, low + 1, 3)
    rows = []
    for name, values in margins.items():
        counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        middles = (edges[1:] + edges[:-1]) / 2
        rows.append(pd.DataFrame({"split": SPLITS[name][0], "margin": middles, "share": counts / len(values)}))
    data = pd.concat(rows, ignore_index=True)
    names = [SPLITS[name][0] for name in margins]
    colours = alt.Scale(domain=names, range=[SPLITS[name][1] for name in margins])
    zero = alt.Chart(pd.DataFrame({"x": [0.0]})).mark_rule(strokeDash=[2, 3], strokeWidth=1.25).encode(x="x:Q")
    lines = (
        alt.Chart(data)
        .mark_line(interpolate="step")
        .encode(
            x=alt.X("margin:Q", title="margin"),
            y=alt.Y("share:Q", title="share of the split", axis=alt.Axis(format="%")),
            color=alt.Color("split:N", scale=colours, legend=alt.Legend(title=None)),
        )
    )
    return Figure(
        "margins",
        alt.layer(zero, lines).properties(height=280),
        "Margins of training and test examples; left of the dotted line is an error. The outermost two in a thousand "
        "and infinite ones, of classes that are given probability 0, are counted at the ends.",
        "Histogram of margins on " + " and ".join(names) + " examples.",
        data,
        {"margin": ".3g", "share": ".2%"},
    )


def _formats(frame: pd.DataFrame) -> dict[str, str]:
    return {name: PERCENT for name in ("test_accuracy", "train_accuracy", "low", "high") if name in frame}
