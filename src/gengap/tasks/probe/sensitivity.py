"""``gengap probe sensitivity``: how the loss depends on each training input, through training and directly."""

import altair as alt
import numpy as np
import pandas as pd

from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.network.inputs import examples
from gengap.probes import gini, input_gradient_norms, loss_sensitivity
from gengap.report import Fact, Figure
from gengap.report.plain import plain
from gengap.tasks.probe.answer import ProbeAnswer
from gengap.tasks.probe.subject import ProbeSubject

NOTES = (
    "The loss sensitivity of an example is the L1 norm of the gradient, by that example's input, of the mean loss "
    "after further steps of SGD that used it. The input gradient is the L1 norm of the gradient of an example's own "
    "loss by its own input, without any training: another quantity under another name.",
    "A Gini coefficient of 0 says that all examples matter alike, one near 1 that a few have all the influence. Arpit "
    "et al. find it higher on real data than on noise, and rising in training.",
)


def probe_sensitivity(subject: ProbeSubject, *, steps: int, lr: float, batch_size: int) -> ProbeAnswer:
    """The sensitivity of the mean loss to each training input, over further steps from these weights.

    Args:
        subject: The network and its data.
        steps: Steps of SGD that are differentiated.
        lr: Their learning rate.
        batch_size: Their minibatch.

    Raises:
        InputError: As ``gengap.probes.loss_sensitivity``.
    """
    x, y = examples(subject.problem, slice(None), subject.model)
    measured = loss_sensitivity(
        subject.model, x, y, lr=lr, steps=(steps,), batch_size=min(batch_size, len(y)), seed=subject.words["seed"]
    )
    through, direct = measured.values[0], input_gradient_norms(subject.model, x, y).cpu().numpy()
    used = through > 0
    rows = pd.DataFrame(
        {
            "index": np.arange(len(y)),
            "label": y.cpu().numpy(),
            "loss_sensitivity": through,
            "input_gradient": direct,
            **({} if subject.corrupt is None else {"corrupt": subject.corrupt}),
        }
    )
    values = {
        "loss_sensitivity_gini": _gini(through),
        "loss_sensitivity_mean": float(through.mean()),
        "input_gradient_gini": _gini(direct),
        "input_gradient_mean": float(direct.mean()),
        "examples_used": int(used.sum()),
        "loss_after": measured.losses[0],
        "accuracy_after": measured.accuracies[0],
        "saturated_share": measured.saturated[0],
    }
    share, undefined = values["loss_sensitivity_gini"], [name for name, value in values.items() if value is None]
    return ProbeAnswer(
        "sensitivity",
        f"Over {steps} steps of SGD the loss depends on {int(used.sum()):,} of {len(y):,} inputs, with a Gini "
        f"coefficient of {'–' if share is None else plain(share)}.",
        values,
        rows,
        _figure(rows),
        subject.seconds,
        subject.words | {"steps_of_sgd": steps, "lr": lr, "batch_size": batch_size},
        "partial" if undefined or not used.all() or measured.reason else "ok",
        "; ".join(_reasons(undefined, int((~used).sum()), measured.reason)) or None,
        (),
        [
            Fact("Gini of loss sensitivity", "–" if share is None else plain(share), f"over {steps} steps"),
            Fact("Accuracy after them", f"{measured.accuracies[0]:.1%}"),
        ],
        NOTES,
    )


def _gini(values: Floats) -> float | None:
    try:
        return gini(values)
    except InputError:  # all are 0
        return None


def _reasons(undefined: list[str], unused: int, saturation: str | None) -> list[str]:
    return [
        *([saturation] if saturation else []),
        *([f"{', '.join(undefined)}: all gradients are 0"] if undefined else []),
        *([f"{unused} examples were used by no step, or have no influence"] if unused else []),
    ]


def _figure(rows: pd.DataFrame) -> Figure:
    ordered = pd.concat(
        [
            pd.DataFrame(
                {
                    "share_of_examples": np.linspace(0, 1, len(rows) + 1),
                    "share_of_sum": np.concatenate([[0.0], np.cumsum(np.sort(values)) / (values.sum() or 1.0)]),
                    "quantity": name.replace("_", " "),
                }
            )
            for name, values in (
                ("loss_sensitivity", rows["loss_sensitivity"].to_numpy()),
                ("input_gradient", rows["input_gradient"].to_numpy()),
            )
        ]
    )
    chart = (
        alt.Chart(ordered)
        .mark_line()
        .encode(
            x=alt.X("share_of_examples:Q", title="share of examples, the least sensitive first"),
            y=alt.Y("share_of_sum:Q", title="their share of the sum"),
            color=alt.Color("quantity:N", legend=alt.Legend(title=None)),
        )
        .properties(height=300)
    )
    return Figure(
        "lorenz",
        chart,
        "Lorenz curves: how much of the whole sensitivity the least sensitive examples have.",
        "Lorenz curves of loss sensitivity and input gradient.",
        ordered.iloc[:: max(1, len(ordered) // 64)],
        {"share_of_examples": ".3f", "share_of_sum": ".3f"},
    )
