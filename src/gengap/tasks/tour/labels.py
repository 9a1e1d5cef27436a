"""Stops on labels: random ones that are memorised, what a held-out score is worth, and the audit."""

from pathlib import Path
from typing import TYPE_CHECKING

from gengap.sweep import Options
from gengap.tasks.tour.stop import Setting, Shown

if TYPE_CHECKING:
    from gengap.tasks.randomize import Randomization

TRIED = 300


def random_labels(setting: Setting, folder: Path) -> Shown:
    """The randomization test of the digits."""
    test = _randomization(setting)
    figures = {figure.name: figure for figure in test.page.figures()}
    first, *others = sorted(test.rows, key=lambda row: float(row["level"]))
    sentence = (
        f"With {first['level']:.0%} of the labels redrawn the network is right on {first['train_accuracy']:.1%} of the "
        f"training images and {first['test_accuracy']:.1%} of the test images"
    )
    for row in others:
        sentence += f"; with {row['level']:.0%} on {row['train_accuracy']:.1%} and {row['test_accuracy']:.1%}"
    return Shown(f"{sentence}.", [figures["generalization-gap"]])


def certificate(setting: Setting, folder: Path) -> Shown:
    """Bounds for the network of true labels, honest about the number of models tried and not."""
    import pandas as pd

    from gengap.report import Table
    from gengap.tasks.certify import certify

    row = min(_randomization(setting).rows, key=lambda row: float(row["level"]))
    n, errors = row["n_test"], round((1 - row["test_accuracy"]) * row["n_test"])
    bounds = {tried: certify(errors=errors, n=n, tried=tried).upper for tried in (1, 10, TRIED)}
    frame = pd.DataFrame({"models compared": list(bounds), "error rate at most": list(bounds.values())})
    return Shown(
        f"{errors} errors in {n} images: with 95 % confidence the true error rate is at most {bounds[1]:.2%}; "
        f"if it was the best of {TRIED}, only at most {bounds[TRIED]:.2%} can be promised.",
        [Table(frame, "What may be promised, by the number of models compared", {"error rate at most": ".2%"})],
    )


def audit_of_the_memorised(setting: Setting, folder: Path) -> Shown:
    """The audit of a network that fits random labels, with its own report beside the tour's page."""
    from gengap.data import load
    from gengap.report import formatted
    from gengap.tasks.audit import audit
    from gengap.train import train

    problem = load("digits").corrupt("labels", level=1.0, seed=0)
    result = audit(train(problem, setting.recipe()).model(), data=problem, quick=True)
    page = result.write(folder / "audit")
    drawn = [figure for figure in result.page.figures() if figure.name == "learned-share"]
    return Shown(
        result.sentence, [*drawn, formatted(f"[The whole report of the audit]({page.parent.name}/{page.name}).")]
    )


def _randomization(setting: Setting) -> "Randomization":
    from gengap.tasks.randomize import randomize

    return randomize("digits", recipe=setting.recipe(), levels=setting.levels, options=Options(progress=False))
