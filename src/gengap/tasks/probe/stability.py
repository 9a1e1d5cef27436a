"""``gengap probe stability``: how far trainings drift apart that differ in one example."""

from typing import Any

import altair as alt
import pandas as pd

from gengap.probes import TwinRuns, twin_runs
from gengap.report import Fact, Figure
from gengap.report.plain import plain
from gengap.tasks.probe.answer import NOT_TRAINED, ProbeAnswer
from gengap.tasks.probe.subject import ProbeSubject
from gengap.train import Execution, Recipe

NOTES = (
    "Twins train from the same weights, in the same order, on sets that differ in one example. What is seen for a few "
    "twins is a lower estimate of uniform stability: it may refute a promise, never make one.",
    "Hardt et al.'s expressions are filled with the largest gradient norm and the largest change of the mean gradient "
    "seen on the way. Those are lower estimates of the constants L and beta, so the values are no bounds; and a "
    "network with a hidden layer is not convex. The strongly convex one needs weight decay, and steps projected onto a "
    "bounded set, which these are not.",
    "All three theorems take one example a step, where these trainings take minibatches. The non-convex one asks for a "
    "loss in [0, 1], and its value is cut at 1; the constants here are those of the cross-entropy, which has no upper "
    "limit.",
)


MEASUREMENTS = 40  # over the training, where nothing else is asked for


def probe_stability(
    subject: ProbeSubject,
    *,
    epochs: int,
    lr: float,
    batch_size: int,
    twins: int,
    every: int | None = None,
    weight_decay: float = 0.0,
) -> ProbeAnswer:
    """Distances of twin runs over further epochs of plain SGD from these weights.

    Args:
        subject: The network and its data.
        epochs: Of training.
        lr: Its constant learning rate.
        batch_size: Its minibatch; all examples where there are fewer.
        twins: Runs with one example replaced.
        weight_decay: Of its steps.
        every: Steps from one measurement to the next; None for about ``MEASUREMENTS`` in all.

    Raises:
        InputError: As ``gengap.probes.twin_runs``.
    """
    batch_size = max(1, min(batch_size, len(subject.problem.train) - twins))
    recipe = Recipe.parse(
        {
            "model": subject.words["model"],
            "learning_rate": lr,
            "momentum": 0.0,
            "weight_decay": weight_decay,
            "decay": 1.0,
            "batch_size": batch_size,
            "epochs": epochs,
            "precision": "float32",
            "memory_format": "contiguous",
        }
    )
    start = {name: value.detach().cpu() for name, value in subject.model.state_dict().items()}
    last_step = epochs * -(-max(1, len(subject.problem.train) - twins) // batch_size)
    found = twin_runs(
        subject.problem,
        recipe,
        twins=twins,
        steps=[*range(0, last_step, every or -(-last_step // MEASUREMENTS)), last_step],
        seed=subject.words["seed"],
        execution=Execution(),
        start=start,
    )
    last, promises = found.drifts[-1], found.promises()
    values: dict[str, Any] = {
        "distance": last.distance,
        "loss_change_nats": last.loss_change,
        "gap": last.gap,
        "lipschitz_seen": found.lipschitz,
        "smoothness_seen": found.smoothness,
    }
    values |= {f"hardt2016_{name}": v if isinstance(v, float) else None for name, v in promises.items()}
    fixed = [NOT_TRAINED] if found.not_covered else []
    missing = fixed + [f"hardt2016_{name}: {v}" for name, v in promises.items() if isinstance(v, str)]
    return ProbeAnswer(
        "stability",
        f"After {epochs} epochs twins that differ in one of {found.n:,} examples are {plain(last.distance)} apart "
        f"(distance of weights over the root of their summed squares); the gap is {last.gap:.1%}.",
        values,
        _rows(found),
        _figure(found),
        subject.seconds,
        subject.words
        | {"epochs": epochs, "lr": lr, "batch_size": batch_size, "twins": twins, "as_replicas": found.together},
        "partial" if missing else "ok",
        "; ".join(missing) or None,
        found.not_covered,
        [
            Fact("Normalised distance", plain(last.distance), f"mean of {twins} twins"),
            Fact("Largest change of a test loss", f"{plain(last.loss_change)} nats"),
            Fact("Trained", "as replicas of one step" if found.together else "in turn, step by step"),
        ],
        NOTES,
    )


def _rows(found: TwinRuns) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "epoch": drift.epoch,
                "steps": drift.steps,
                "distance": drift.distance,
                "loss_change_nats": drift.loss_change,
                "train_error": drift.train_error,
                "test_error": drift.test_error,
                "gap": drift.gap,
            }
            for drift in found.drifts
        ]
    )


def _figure(found: TwinRuns) -> Figure:
    data = pd.DataFrame(
        [
            {"steps": drift.steps, "parameter": name or "all", "distance": value}
            for drift in found.drifts
            for name, value in {"": drift.distance, **drift.layers}.items()
        ]
    )
    chart = (
        alt.Chart(data)
        .mark_line(point=True)
        .encode(
            x=alt.X("steps:Q", title="steps of SGD"),
            y=alt.Y("distance:Q", title="normalised distance of twins"),
            color=alt.Color("parameter:N", legend=alt.Legend(title=None)),
        )
        .properties(height=300)
    )
    return Figure(
        "twin-distance",
        chart,
        "Distance of twins' weights over the root of their summed squares, whole and by parameter.",
        f"Normalised distance of twins over steps, {found.drifts[-1].distance:.3g} at the end.",
        data,
        {"distance": ".4g"},
    )
