"""``gengap probe paths``: the paths of a network, and its exact gap of squared loss, term by term."""

import altair as alt
import pandas as pd

from gengap.errors import InputError
from gengap.network.inputs import network_inputs
from gengap.probes import Theorem7, theorem7
from gengap.probes.paths import path_count
from gengap.probes.paths.kernel import Progress
from gengap.probes.theorem7 import Population
from gengap.report import Fact, Figure
from gengap.report.plain import plain
from gengap.tasks.probe.answer import ProbeAnswer
from gengap.tasks.probe.subject import ProbeSubject

NOTES = (
    "Every output of the network is a sum over paths of path weight times path feature. Theorem 7 of Kawaguchi et al. "
    "2017 splits the gap of squared loss on one-hot labels into a term of labels, 2 |v| |w| cos theta(2), and one of "
    "concentration, |w|^2 times the sum of eigenvalue times cos^2 theta(1), for each output. It is an identity without "
    "any probability: it describes this network on these examples, and promises nothing of others.",
    "Beside each term stands what it would be at the worst angle: that is the size that norms and eigenvalues alone "
    "allow. Where a term is a small fraction of it, the direction of the path weights keeps the gap small, and not "
    "their size.",
)
LEGEND = (
    "gap = labels_value + concentration_value + c_y: how labels go with path features, how path features spread, and "
    "the difference of the mean squared label norms, 0 for classes. labels_aligned and concentration_aligned are both "
    "terms at the worst angles, with the same norms and eigenvalues; bound is their sum with c_y. All of it is squared "
    "loss of one-hot labels: a network trained on another loss, such as cross-entropy, was not trained for it."
)
LABELS = {"labels": "labels and path features", "concentration": "spread of path features"}


def probe_paths(
    subject: ProbeSubject,
    *,
    held_out: int = 2000,
    population: Population = "test",
    tile: int | None = None,
    progress: Progress | None = None,
) -> ProbeAnswer:
    """The paths of a network and Theorem 7's terms on its training examples and the first held-out ones.

    Args:
        subject: The network and its data.
        held_out: Examples of the test split that make the finite population, at least 1.
        population: As for ``gengap.probes.theorem7``.
        tile: Likewise.
        progress: Likewise.

    Raises:
        InputError: As ``gengap.probes.theorem7``.
    """
    if held_out < 1:
        raise InputError(f"A population of {held_out} held-out examples.", expected="at least one")
    subject.problem.require_numbers("The path kernel")
    problem = subject.problem.take(None, held_out)
    found = theorem7(subject.model, problem, population=population, tile=tile, progress=progress)
    first = network_inputs(problem.train.x[:2], problem.preprocessing, next(subject.model.parameters()).cpu())
    values = {
        "paths": path_count(subject.model, first),
        "gap": found.gap,
        "risk": found.risk,
        "empirical_risk": found.empirical_risk,
        **{
            f"{row['term']}_{name}": row[name]
            for row in found.terms.to_dict("records")
            for name in ("value", "aligned")
        },
        "c_y": found.c_y,
        "bound": found.bound,
        "identity_error": found.identity_error,
        "spectral_error": found.spectral_error,
        "rank": found.spectra[0].rank,
    }
    return ProbeAnswer(
        "paths",
        found.sentence,
        values,
        rows_of(found),
        _figure(found),
        subject.seconds,
        {**subject.words, "population": found.population, "population_is": found.conditions["population_is"]},
        "partial" if found.real_gates else "ok",
        "some gates are real numbers, so that the network is not piecewise linear" if found.real_gates else None,
        found.not_covered,
        [
            Fact("Gap of squared loss", plain(found.gap), f"{found.m:,} examples, population of {found.population:,}"),
            Fact("Paths", f"{values['paths']:.3g}"),
            Fact("At the worst angles", plain(found.bound), "what norms and eigenvalues alone allow"),
        ],
        NOTES,
        LEGEND,
    )


def rows_of(found: Theorem7) -> pd.DataFrame:
    """A row for each output: norms, angles, both terms and the largest eigenvalue."""
    return pd.DataFrame(
        {
            "output": range(len(found.weight_norms)),
            "weight_norm": found.weight_norms,
            "v_norm": found.v_norms,
            "v_cosine": found.v_cosines,
            "largest_eigenvalue": found.largest_eigenvalues,
            "labels": found.labels,
            "labels_aligned": 2 * found.v_norms * found.weight_norms,
            "concentration": found.concentration,
            "concentration_aligned": found.largest_eigenvalues * found.weight_norms**2,
        }
    )


def _figure(found: Theorem7) -> Figure:
    rows = [
        {"term": LABELS[row["term"]], "at": at, "size": abs(row[name])}
        for row in found.terms.to_dict("records")
        for name, at in (("value", "as it is"), ("aligned", "at the worst angle"))
    ]
    data = pd.DataFrame([*rows, {"term": "gap", "at": "as it is", "size": abs(found.gap)}])
    data = data[data["size"] > 0]
    chart = (
        alt.Chart(data)
        .mark_point(filled=True, opacity=1, size=120)
        .encode(
            x=alt.X("size:Q", scale=alt.Scale(type="log"), title="absolute value, squared loss"),
            y=alt.Y("term:N", sort=None, title=None),
            color=alt.Color("at:N", title=None),
            shape=alt.Shape("at:N", title=None),
            tooltip=list(data),
        )
        .properties(height=120)
    )
    return Figure(
        "paths",
        chart,
        "Each term of the gap as it is, and as norms and eigenvalues would allow it at the worst angle.",
        "; ".join(f"{row.term} {row.at} {row.size:.3g}" for row in data.itertuples()) + ".",
        data,
        {"size": ".4g"},
    )
