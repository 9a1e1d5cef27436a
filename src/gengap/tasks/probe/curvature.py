"""``gengap probe curvature``: the Hessian of the mean loss, and the gradient noise scale."""

from typing import Any

import altair as alt
import pandas as pd

from gengap.errors import InputError
from gengap.probes import Curvature, NoiseScale, coherence, curvature, gradient_noise_scale
from gengap.probes.hessian_products import Progress
from gengap.report import Fact, Figure
from gengap.report.plain import plain
from gengap.tasks.probe.answer import ProbeAnswer
from gengap.tasks.probe.subject import ProbeSubject

NOTES = (
    "The Hessian is that of the mean cross-entropy in evaluation mode. Its size changes when a ReLU layer is "
    "multiplied and the next one divided by the same number, though the function stays (Dinh et al. 2017): compare "
    "networks of one architecture only. Sharpness has been seen to follow the learning rate more than generalization "
    "(Andriushchenko et al. 2023).",
    "Eigenvalues are Lanczos' with their residuals; the trace is Hutchinson's with its standard error; the density is "
    "smoothed, and its change is the largest difference between two halves of its runs.",
)


def probe_curvature(
    subject: ProbeSubject, *, eigenvalues: int = 5, probes: int = 30, progress: Progress | None = None
) -> ProbeAnswer:
    """The curvature of a network's mean loss over its training examples, and its gradient noise scale.

    Args:
        subject: The network and its data.
        eigenvalues: How many of the largest.
        probes: Random vectors of the trace.
        progress: As for ``gengap.probes.curvature``.

    Raises:
        InputError: As ``gengap.probes.curvature`` and ``gengap.probes.coherence``.
    """
    found = curvature(
        subject.model,
        subject.problem,
        eigenvalues=eigenvalues,
        probes=probes,
        density=True,
        seed=subject.words["seed"],
        progress=progress,
    )
    noise = _noise_scale(subject)
    values: dict[str, Any] = {
        "largest_eigenvalues": list(found.whole.largest),
        "smallest_eigenvalue": found.whole.smallest,
        "smallest_eigenvalue_residual": found.whole.smallest_residual,
        "eigenvalue_residual": found.whole.residual,
        "trace": found.whole.trace,
        "trace_error": found.whole.trace_error,
        "saturated_share": found.saturated,
        "gradient_noise_scale": noise.value,
        "gradient_noise_scale_error": noise.error,
        "density_change": None if found.density is None else found.density.change,
    }
    top, trace = found.whole.largest[0], found.whole.trace
    status, reason = _status(found, noise.reason)
    return ProbeAnswer(
        "curvature",
        f"The Hessian of the mean loss over {found.n:,} examples has a largest eigenvalue of {plain(top)} and a trace "
        f"of {plain(trace)} ± {plain(found.whole.trace_error)}.",
        values,
        _rows(found),
        _figure(found),
        subject.seconds,
        subject.words,
        status,
        reason,
        found.not_covered,
        [
            Fact("Largest eigenvalue", plain(top), f"residual {found.whole.residual:.1g}"),
            Fact("Trace", plain(trace), f"± {plain(found.whole.trace_error)}"),
            Fact("Gradient noise scale", "–" if noise.value is None else plain(noise.value), "examples"),
        ],
        NOTES,
    )


def _noise_scale(subject: ProbeSubject) -> NoiseScale:
    """The noise scale, or why there is none: a single example, say."""
    try:
        return gradient_noise_scale(coherence(subject.model, subject.problem))
    except InputError as error:
        return NoiseScale(None, None, f"there is no gradient noise scale: {error.what}")


def _status(found: Curvature, noise: str | None) -> tuple[str, str | None]:
    if not found.converged:
        loose = [name or "(network)" for name, value in found.layers.items() if not value.converged]
        parts = [
            *(["eigenvalues of the whole network"] if not found.whole.converged else []),
            *([f"eigenvalues of {', '.join(loose)}"] if loose else []),
            *(["the spectral density"] if found.density is not None and not found.density.converged else []),
            *([found.reason] if found.reason else []),
        ]
        return "not converged", "; ".join(parts)
    if found.not_covered or noise or found.reason:
        fixed = "frozen parameters, and those without influence on the loss, have no curvature"
        reasons = (fixed if found.not_covered else None, noise, found.reason)
        return "partial", "; ".join(part for part in reasons if part)
    return "ok", None


def _rows(found: Curvature) -> pd.DataFrame:
    parts = {"(whole network)": found.whole, **{name or "(network)": value for name, value in found.layers.items()}}
    return pd.DataFrame(
        [
            {
                "layer": name,
                "parameters": value.parameters,
                "largest_eigenvalue": value.largest[0],
                "smallest_eigenvalue": value.smallest,
                "residual": value.residual,
                "trace": value.trace,
                "trace_error": value.trace_error,
                "converged": value.converged,
            }
            for name, value in parts.items()
        ]
    )


def _figure(found: Curvature) -> Figure:
    density = found.density
    data = pd.DataFrame() if density is None else pd.DataFrame({"eigenvalue": density.grid, "density": density.density})
    floor = 0.0 if data.empty else float(data["density"].max()) * 1e-8
    chart = alt.Chart(data.assign(density=data["density"].clip(lower=floor))).mark_line(strokeWidth=1.5)
    chart = chart.encode(
        x=alt.X("eigenvalue:Q", title="eigenvalue of the Hessian"),
        y=alt.Y("density:Q", title="density", scale=alt.Scale(type="log")),
    )
    return Figure(
        "spectral-density",
        chart.properties(height=300),
        "Density of the Hessian's eigenvalues, smoothed; on a logarithmic scale.",
        f"Density of eigenvalues from {found.whole.smallest:.3g} to {found.whole.largest[0]:.3g}.",
        data.iloc[:: max(1, len(data) // 64)],
        {"eigenvalue": ".4g", "density": ".3g"},
    )
