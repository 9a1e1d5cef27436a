"""``gengap probe critical-samples``: the share of examples with another prediction near by."""

from collections.abc import Callable

import altair as alt
import numpy as np
import pandas as pd
import torch
from scipy.stats import binomtest
from torch import Tensor

from gengap.arrays import Ints
from gengap.data import Preprocessing
from gengap.errors import InputError, unknown
from gengap.network.inputs import centre_crop, floating_parameter, scaled
from gengap.probes import CriticalSamples, critical_samples
from gengap.report import Fact, Figure
from gengap.report.plain import plain
from gengap.tasks.probe.answer import ProbeAnswer
from gengap.tasks.probe.subject import ProbeSubject

PIXELS = 0.3  # Arpit et al.'s radius, of grey levels from 0 to 255
NOTES = (
    "An example is critical if a point within the box around it (each coordinate at most the radius away) is predicted "
    "otherwise. The search cannot prove that there is none, so the ratio is a lower estimate. Arpit et al. find more "
    "critical samples on noise than on real data; another network, radius or scaling of inputs is another quantity.",
)


def probe_critical_samples(
    subject: ProbeSubject, *, radius: float | None = None, steps: int = 100, split: str = "test"
) -> ProbeAnswer:
    """The critical sample ratio of a network.

    Args:
        subject: The network and its data.
        radius: Half the side of the box, in the units in which the inputs are stored; None is 0.3 for pixels.
        steps: Of the search.
        split: ``train`` or ``test``.

    Raises:
        InputError: Another split, inputs that are no pixels without a radius, or as ``gengap.probes.critical_samples``.
    """
    if split not in ("train", "test"):
        raise unknown("split", split, ("train", "test"))
    problem = subject.problem
    problem.require_numbers("The critical sample ratio")
    stored, index = problem.train.x, subject.rows
    if split == "test":
        index = subject.test_rows
        stored = problem.test.x[index]
    like = floating_parameter(subject.model)
    pixels = stored.dtype == np.uint8
    if radius is None and not pixels:
        raise InputError(
            f"The inputs are stored as {stored.dtype}: no radius is known for them.",
            expected="--radius, in their units",
        )
    x = centre_crop(torch.from_numpy(stored.copy()), problem.preprocessing.crop).to(like.device, like.dtype)
    found = critical_samples(
        subject.model,
        x,
        PIXELS if radius is None else radius,
        steps=steps,
        seed=subject.words["seed"],
        scaling=_scaling(problem.preprocessing, pixels),
    )
    hits, n = int(found.critical.sum()), len(found.critical)
    low, high = binomtest(hits, n).proportion_ci(method="exact")
    rows = _rows(found, index)
    return ProbeAnswer(
        "critical-samples",
        f"{hits:,} of {n:,} {split} examples ({hits / n:.2%}) have another prediction where no coordinate changes by "
        f"more than {plain(found.radius)} ({_unit(pixels)}).",
        {"ratio": found.ratio, "ratio_low": float(low), "ratio_high": float(high), "critical": hits, "examples": n},
        rows,
        _figure(rows, steps),
        subject.seconds,
        subject.words
        | {"split": split, "radius": found.radius, "unit_of_radius": _unit(pixels), "steps_of_search": steps},
        facts=[Fact("Critical sample ratio", f"{hits / n:.2%}", f"95 %: {low:.2%} to {high:.2%} of such examples")],
        notes=NOTES,
    )


def _scaling(preprocessing: Preprocessing, pixels: bool) -> Callable[[Tensor], Tensor]:
    """From stored inputs as floats to what the network takes; only integers are divided by 255 there."""
    divisor = 255.0 if pixels and preprocessing.scale != "none" else 1.0
    if preprocessing.scale == "whiten":  # scaled works in place there, which has no gradient
        return lambda x: _whitened(x / divisor)
    return lambda x: scaled(x / divisor, preprocessing, x.dtype)


def _whitened(x: Tensor) -> Tensor:
    values = x.flatten(1)
    values = values - values.mean(1, keepdim=True)
    floor = values.shape[1] ** -0.5
    deviation: Tensor = torch.linalg.vector_norm(values, dim=1, keepdim=True) * floor
    whitened: Tensor = values / deviation.clamp_min(floor)
    return whitened.reshape(x.shape)


def _unit(pixels: bool) -> str:
    return "grey levels from 0 to 255" if pixels else "the units in which the inputs are stored"


def _rows(found: CriticalSamples, index: Ints) -> pd.DataFrame:
    return pd.DataFrame({"index": index, "critical": found.critical, "found_after_steps": found.steps})


def _figure(rows: pd.DataFrame, steps: int) -> Figure:
    reached = [float((rows["found_after_steps"].between(1, step)).mean()) for step in range(steps + 1)]
    data = pd.DataFrame({"steps": np.arange(steps + 1), "ratio": reached})
    chart = (
        alt.Chart(data)
        .mark_line()
        .encode(
            x=alt.X("steps:Q", title="steps of the search"),
            y=alt.Y("ratio:Q", title="critical sample ratio", axis=alt.Axis(format="%")),
        )
        .properties(height=280)
    )
    return Figure(
        "critical-samples",
        chart,
        "Share of examples with another prediction found so far; a curve that still rises asks for more steps.",
        f"Critical sample ratio against steps of the search, {reached[-1]:.2%} at the end.",
        data,
        {"ratio": ".2%"},
    )
