"""Stops on what training leaves behind: one loss and different norms, gates of few examples, terms of the gap."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gengap.tasks.tour.stop import Setting, Shown

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure
    from gengap.train import Execution

TARGET = 0.01  # training loss at which networks are compared, in nats
SECOND_EPOCHS = 10  # of phase two, and of phase one times alpha


def same_loss(setting: Setting, folder: Path) -> Shown:
    """Networks with one training loss after pretraining on wrong labels, as they are and normalised."""
    import pandas as pd

    from gengap.data import load
    from gengap.measures.normalisation import normalised_losses
    from gengap.report import Table
    from gengap.train import Pretraining, train_pretrained

    digits, rows = load("digits"), []
    for level in setting.pretraining_levels:
        before = setting.recipe() if level else None
        after = setting.recipe(target_loss=TARGET, interpolate=False)
        _, run = train_pretrained(digits, after, Pretraining(before, level), execution=_on_cpu())
        losses = normalised_losses(run.model(), digits)
        rows.append({"pretraining": f"{level:.0%} wrong labels" if level else "none"} | _named(losses))
    data = pd.DataFrame(rows)
    test, norms = data["test loss"], data["product of norms"]
    return Shown(
        f"All training losses are {data['training loss'].max():.3f} nats or less, but test losses go from "
        f"{test.min():.3f} to {test.max():.3f}, and products of norms from {norms.min():.3g} to {norms.max():.3g}. "
        "Normalised losses lie near a line, mostly for a reason of geometry: normalised logits are small, so that all "
        "these losses are near ln 10.",
        [
            _normalised_line(data),
            Table(
                data,
                "Losses in nats, as they are and of networks divided by the norms of their layers",
                {name: ".1%" if name == "test error" else ".4g" for name in data.columns[1:]},
            ),
        ],
    )


def _named(losses: dict[str, Any]) -> dict[str, Any]:
    return {
        "training loss": losses["train_loss"],
        "test loss": losses["test_loss"],
        "test error": losses["test_error"],
        "product of norms": losses["frobenius_product_norm"],
        "normalised training loss": losses["frobenius_train_loss"],
        "normalised test loss": losses["frobenius_test_loss"],
    }


def _normalised_line(data: "pd.DataFrame") -> "Figure":
    import altair as alt

    from gengap.report import Figure

    def axis(name: str) -> dict[str, Any]:
        return {"shorthand": f"{name}:Q", "title": name, "scale": alt.Scale(zero=False)}

    chart = alt.Chart(data).encode(
        x=alt.X(**axis("normalised training loss")), y=alt.Y(**axis("normalised test loss")), tooltip=list(data.columns)
    )
    points = chart.mark_point(filled=True, size=90, opacity=1).encode(
        color=alt.Color("pretraining:N", sort=None, legend=alt.Legend(title="pretraining on"))
    )
    return Figure(
        "normalised-losses",
        points.properties(height=260),
        "Normalised test loss against normalised training loss, a point for each network.",
        "Normalised losses in training and on test images: "
        + "; ".join(
            f"{name}: {seen:.4f} and {unseen:.4f}"
            for name, seen, unseen in zip(data.iloc[:, 0], data.iloc[:, 5], data.iloc[:, 6], strict=True)
        ),
        data,
        dict.fromkeys(data.columns[1:], ".4g"),
    )


def two_phases(setting: Setting, folder: Path) -> Shown:
    """Test accuracy with gates of a fraction alpha of the examples, after each phase, beside ordinary training."""
    import pandas as pd

    from gengap.data import load
    from gengap.tasks.tour.curves import curves
    from gengap.train import TwoPhase, train

    digits = load("digits")
    epochs = min(SECOND_EPOCHS, setting.epochs)
    whole, second = (setting.recipe(epochs=count, interpolate=False) for count in (2 * epochs, epochs))
    ordinary = train(digits, whole, execution=_on_cpu()).history[-1]["test_accuracy"]
    rows, examples = [], {}
    for alpha in setting.alphas:
        first = setting.recipe(epochs=round(epochs / alpha), interpolate=False)
        run = TwoPhase(alpha).train(digits, first, second=second, execution=_on_cpu())
        examples[alpha] = run.m_first
        rows += [
            {"alpha": alpha, "network": name, "test accuracy": record["test_accuracy"]}
            for name, record in (("phase one alone", run.history[0]), ("both phases", run.history[-1]))
        ] + [{"alpha": alpha, "network": "ordinary training", "test accuracy": ordinary}]
    least = min(setting.alphas)
    at = {row["network"]: row["test accuracy"] for row in rows if row["alpha"] == least}
    return Shown(
        f"Phase one on {examples[least]} examples reaches a test accuracy of {at['phase one alone']:.1%}; with its "
        f"gates frozen, phase two on all {len(digits.train):,} reaches {at['both phases']:.1%}, and ordinary training "
        f"{ordinary:.1%}.",
        [
            curves(
                pd.DataFrame(rows),
                "alpha",
                "test accuracy",
                "network",
                "Test accuracy by the fraction alpha of the examples from which it is learned which ReLUs are on.",
                percent=True,
                formats={"test accuracy": ".1%"},
            )
        ],
    )


def theorem7_terms(setting: Setting, folder: Path) -> Shown:
    """The terms of Theorem 7 for a network of true and one of random labels."""
    import pandas as pd

    from gengap.data import load
    from gengap.probes import theorem7
    from gengap.report import Table
    from gengap.train import train

    recipe = setting.recipe(loss="squared")
    few, rows = load("digits").take(*setting.paths), []
    for kind in ("true", "random"):
        problem = few if kind == "true" else few.corrupt("random-labels", seed=0, test=True)
        terms = theorem7(train(problem, recipe, execution=_on_cpu()).model(), problem)
        rows.append(
            {
                "labels": kind,
                "gap": terms.gap,
                "term of labels": float(terms.labels.sum()),
                "term of concentration": float(terms.concentration.sum()),
                "allowed by norms and eigenvalues": terms.bound,
            }
        )
    data = pd.DataFrame(rows)
    gaps, most = data["gap"], data["allowed by norms and eigenvalues"]
    return Shown(
        f"The gap of squared loss is {gaps[0]:.2f} on true labels and {gaps[1]:.2f} on random ones. Norms and "
        f"eigenvalues alone would allow {most[0]:,.0f} and {most[1]:,.0f}: the angles do the rest.",
        [
            Table(
                data,
                f"The gap and its terms, {setting.paths[0]} training and {setting.paths[1]} test images",
                dict.fromkeys(data.columns[1:], ".4g"),
            )
        ],
    )


def _on_cpu() -> "Execution":
    from gengap.train import Execution, resolve_device

    return Execution(resolve_device("cpu"), "float32", "contiguous")
