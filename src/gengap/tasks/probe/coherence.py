"""``gengap probe coherence``: how far the gradients of different examples agree."""

import altair as alt
import pandas as pd

from gengap.probes import Coherence, coherence
from gengap.probes.coherent_gradients import Progress
from gengap.report import Fact, Figure
from gengap.report.plain import plain
from gengap.tasks.probe.answer import ProbeAnswer
from gengap.tasks.probe.subject import ProbeSubject

NOTES = (
    "m-coherence is the number of examples that a small step along the gradient of one helps: 1 where gradients are "
    "orthogonal, N where they are the same. By the authors' own figures it reaches hundreds on random labels too "
    "(Chatterjee and Zielinski 2020), so that a large value alone shows no learning; compare it with that of the same "
    "network on random labels, over training.",
    "The sample version pairs each example with itself too and so is at least 1/N in expectation; the unbiased one "
    "does not. Errors are standard errors over the draw of the examples, by the jackknife.",
)


def probe_coherence(subject: ProbeSubject, *, progress: Progress | None = None) -> ProbeAnswer:
    """The coherence of a network's gradients on its training examples, in evaluation mode.

    Args:
        subject: The network and its data.
        progress: As for ``gengap.probes.coherence``.

    Raises:
        InputError: As ``gengap.probes.coherence``.
    """
    found = coherence(subject.model, subject.problem, progress=progress)
    rows = _rows(found)
    values = {
        "alpha": found.whole.alpha,
        "alpha_error": found.whole.alpha_error,
        "m_coherence": found.whole.m_coherence,
        "m_coherence_error": found.whole.m_coherence_error,
        "alpha_unbiased": found.whole.unbiased,
        "alpha_unbiased_error": found.whole.unbiased_error,
        "mean_squared_gradient_norm": found.whole.mean_squared_norm or None,  # 0: float64 cannot hold it
    }
    error = found.whole.m_coherence_error
    opposed = "below 1 where gradients oppose one another, as here, " if found.m_coherence < 1 else ""
    helped = plain(found.m_coherence) + ("" if error is None else f" ± {plain(error)}")
    facts = [
        Fact("m-coherence", helped, f"of {found.n:,} examples"),
        Fact("alpha", plain(found.alpha), f"± {plain(found.whole.alpha_error or 0.0)}"),
    ]
    if subject.corrupt is not None and subject.corrupt.any() and not subject.corrupt.all():
        parts = found.contributions(subject.corrupt, seed=subject.words["seed"])
        values |= {f"contribution_{name}": value for name, value in parts._asdict().items()}
        null = f"permuted designations: {parts.null_low:.1%} to {parts.null_high:.1%}"
        facts.append(Fact("Share of uncorrupted examples in the mean gradient", f"{parts.pristine:.1%}", null))
    missing = "some parameters have no gradient: frozen, or without influence on the loss"
    reasons = [*([missing] if found.not_covered else []), *([found.reason] if found.reason else [])]
    return ProbeAnswer(
        "coherence",
        f"A small step along one example's gradient helps about {helped} of {found.n:,} examples "
        f"(m-coherence with its standard error; {opposed}1 for orthogonal gradients, {found.n:,} for equal ones).",
        values,
        rows,
        _figure(rows, found.n),
        subject.seconds,
        subject.words,
        "partial" if reasons else "ok",
        "; ".join(reasons) or None,
        found.not_covered,
        facts,
        NOTES,
    )


def _rows(found: Coherence) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "layer": name or "(network)",
                "m_coherence": value.m_coherence,
                "m_coherence_error": value.m_coherence_error,
                "alpha": value.alpha,
                "alpha_unbiased": value.unbiased,
                "alpha_unbiased_error": value.unbiased_error,
                "share_of_squared_norm": found.layer_shares[name],
            }
            for name, value in found.layers.items()
        ]
    )


def _figure(rows: pd.DataFrame, n: int) -> Figure:
    data = rows.assign(
        low=rows["m_coherence"] - rows["m_coherence_error"].astype(float).fillna(0.0),
        high=rows["m_coherence"] + rows["m_coherence_error"].astype(float).fillna(0.0),
    )
    base = alt.Chart(data).encode(y=alt.Y("layer:N", sort=None, title=None))
    chart = alt.layer(
        base.mark_rule(strokeWidth=3, opacity=0.5).encode(x="low:Q", x2="high:Q"),
        base.mark_point(filled=True, opacity=1, size=80).encode(
            x=alt.X("m_coherence:Q", title=f"m-coherence, of {n:,} examples"), tooltip=list(rows)
        ),
    ).properties(height=24 * len(rows) + 20)
    return Figure(
        "coherence",
        chart,
        "m-coherence by layer, with its standard error.",
        "m-coherence by layer: " + ", ".join(f"{r.layer} {r.m_coherence:.3g}" for r in rows.itertuples()) + ".",
        rows,
        {str(name): ".4g" for name in rows if name != "layer"},
    )
