"""``gengap probe sensitivity``: how the loss depends on each training input, through training and directly."""

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd

from gengap.arrays import Floats
from gengap.errors import InputError, counted
from gengap.network.inputs import examples
from gengap.probes import gini, input_gradient_log_norms, loss_sensitivity
from gengap.report import Fact, Figure
from gengap.report.plain import plain
from gengap.tasks.probe.answer import NOT_TRAINED, ProbeAnswer
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
        batch_size: Their minibatch; all examples where there are fewer.

    Raises:
        InputError: As ``gengap.probes.loss_sensitivity``.
    """
    subject.problem.require_numbers("Sensitivity to inputs")
    x, y = examples(subject.problem, slice(None), subject.model)
    batch_size = min(batch_size, len(y))
    measured = loss_sensitivity(
        subject.model, x, y, lr=lr, steps=(steps,), batch_size=batch_size, seed=subject.words["seed"]
    )
    through = measured.values[0]
    logs = input_gradient_log_norms(subject.model, x, y).cpu().numpy()
    direct, lost = _numbers(logs)
    relative = np.exp(logs - logs.max()) if np.isfinite(logs).any() else np.zeros(len(logs))
    used = through > 0
    rows = pd.DataFrame(
        {
            "index": subject.rows,
            "label": y.cpu().numpy(),
            "loss_sensitivity": through,
            "input_gradient": direct,
            **({} if subject.corrupt is None else {"corrupt": subject.corrupt}),
        }
    )
    mean = float(np.nan_to_num(direct).mean())  # where some are lost, they add less than a rounding to it
    values = {
        "loss_sensitivity_gini": _gini(through),
        "loss_sensitivity_mean": float(through.mean()),
        "input_gradient_gini": _gini(relative),
        "input_gradient_mean": mean if mean or not lost else None,
        "examples_used": int(used.sum()),
        "loss_after": measured.losses[0],
        "accuracy_after": measured.accuracies[0],
        "saturated_share": measured.saturated[0],
    }
    share = values["loss_sensitivity_gini"]
    zero = [name for name in ("loss_sensitivity_gini", "input_gradient_gini") if values[name] is None]
    fixed = [NOT_TRAINED] if measured.not_covered else []
    reasons = fixed + _reasons(zero, int((~used).sum()), measured.reason, lost)
    return ProbeAnswer(
        "sensitivity",
        f"Over {steps} steps of SGD the loss depends on {int(used.sum()):,} of {len(y):,} inputs, with a Gini "
        f"coefficient of {'–' if share is None else plain(share)}.",
        values,
        rows,
        _figure({"loss sensitivity": through, "input gradient": relative}),
        subject.seconds,
        subject.words | {"steps_of_sgd": steps, "lr": lr, "batch_size": batch_size},
        "partial" if reasons else "ok",
        "; ".join(reasons) or None,
        measured.not_covered,
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


def _numbers(logs: Floats) -> tuple[Floats, int]:
    """Norms from their logarithms, NaN where float64 cannot hold one, and how many those are."""
    with np.errstate(under="ignore"):
        norms: Floats = np.exp(logs)
    lost = (norms < np.finfo(np.float64).tiny) & np.isfinite(logs)
    return np.where(lost, np.nan, norms), int(lost.sum())


def _reasons(zero: list[str], unused: int, saturation: str | None, lost: int) -> list[str]:
    return [
        *([saturation] if saturation else []),
        *([f"{', '.join(zero)}: all gradients are 0"] if zero else []),
        *([f"used by no step, or without influence: {counted(unused, 'example')}"] if unused else []),
        *([f"above 0 but below the least number of float64: {counted(lost, 'input gradient')}"] if lost else []),
    ]


def _figure(quantities: Mapping[str, Floats]) -> Figure:
    ordered = pd.concat(
        [
            pd.DataFrame(
                {
                    "share_of_examples": np.linspace(0, 1, len(values) + 1),
                    "share_of_sum": np.concatenate([[0.0], np.cumsum(np.sort(values)) / (values.sum() or 1.0)]),
                    "quantity": name,
                }
            )
            for name, values in quantities.items()
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
