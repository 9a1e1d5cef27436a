"""The stops of the tour, in order."""

from pathlib import Path
from typing import TYPE_CHECKING

from gengap.report import Table
from gengap.sweep import Options
from gengap.tasks.tour.stop import Shown, Stop, study_stop

if TYPE_CHECKING:
    import gengap
    from gengap.train import Run

NETWORK = "mlp-1x512"
TRIED = 300
FEATURES, POINTS = 400, 100  # of the linear model that SGD fits


def stops() -> list[Stop]:
    """All stops."""
    return [
        Stop(
            "random labels",
            "Random labels are memorised",
            "One network and one recipe, on the embedded digits with their own labels, with half of the labels "
            "redrawn, and with all of them redrawn.",
            _random_labels,
            20,
        ),
        study_stop(
            "same loss",
            "One training loss, different test losses",
            "Networks are pretrained on wrong labels, then trained on true ones until all have the same training loss. "
            "Divided by the norms of their layers, the losses differ, and lie near a line.",
            "liao2018/figure3",
            25,
            views=(0, 1),
        ),
        Stop(
            "certificate",
            "What a held-out score is worth",
            "The network of the first stop made some errors on its test images. What may be promised of it, if it was "
            f"the only one, and if it was the best of {TRIED}?",
            _certificate,
            1,
        ),
        study_stop(
            "theorem 1",
            "Two layers fit any labels",
            "Theorem 1 of Zhang et al. 2017 is a construction: as many ReLUs as points, and a triangular system.",
            "zhang2017/theorem1",
            5,
        ),
        Stop(
            "minimum norm",
            "SGD finds the solution of least norm",
            f"A linear model on {FEATURES} random features of {POINTS} images has infinitely many exact solutions. SGD "
            "from zero is compared with the one of least norm.",
            _minimum_norm,
            5,
        ),
        study_stop(
            "double descent",
            "The test error peaks, and falls again",
            "Least squares on ever more random features: at the peak they are as many as the examples.",
            "belkin2019/figure2",
            10,
        ),
        study_stop(
            "coherence",
            "Gradients agree on real labels",
            "How far the gradients of different examples agree, on true and on random labels, over training.",
            "chatterjee2020/coherence",
            20,
        ),
        study_stop(
            "winsorising",
            "Without the extremes, noise is not memorised",
            "SGD that clips each coordinate of the per-example gradients to percentiles, where many labels are wrong.",
            "chatterjee2020/winsorized",
            20,
        ),
        study_stop(
            "two phases",
            "Gates need few examples",
            "Which ReLUs are on is learned from a part of the examples and frozen; the weights see all of them.",
            "kawaguchi2017/figure2",
            20,
        ),
        study_stop(
            "theorem 7",
            "What keeps the gap of this network small",
            "For squared loss the gap is an exact sum of norms, eigenvalues and angles: all terms, for a network "
            "that learned and one that memorised.",
            "kawaguchi2017/theorem7",
            20,
        ),
        Stop(
            "audit",
            "An audit of the network that memorised",
            "The network of random labels is audited as if a stranger had sent it, with its data.",
            _audit,
            40,
        ),
    ]


def _random_labels(folder: Path) -> Shown:
    from gengap.tasks.randomize import randomize

    test = randomize("digits", model=NETWORK, store=folder / "store", options=Options(progress=False))
    figures = {figure.name: figure for figure in test.page.figures()}
    return Shown(test.page.lead, [figures["generalization-gap"]])


def _certificate(folder: Path) -> Shown:
    import pandas as pd

    from gengap.tasks.certify import certify
    from gengap.tasks.randomize import randomize

    (row,) = randomize(
        "digits", model=NETWORK, levels=[0.0], store=folder / "store", options=Options(progress=False)
    ).rows
    n = row["n_test"]
    errors = round((1 - row["test_accuracy"]) * n)
    bounds = {tried: certify(errors=errors, n=n, tried=tried).upper for tried in (1, TRIED)}
    frame = pd.DataFrame({"models tried": list(bounds), "error rate at most": list(bounds.values())})
    return Shown(
        f"{errors} errors in {n} images: with 95% confidence the true error rate is at most {bounds[1]:.2%}, and "
        f"{bounds[TRIED]:.2%} if this network was the best of {TRIED} that were compared on these images.",
        [Table(frame, "The bound by the number of models compared", {"error rate at most": ".2%"})],
    )


def _minimum_norm(folder: Path) -> Shown:
    import numpy as np
    import pandas as pd

    from gengap.data import load
    from gengap.interpolate import RandomFourierFeatures
    from gengap.interpolate.implicit_bias import nearest_interpolator, sgd

    digits = load("digits")
    x = np.asarray(digits.train.x[:POINTS], dtype=float).reshape(POINTS, -1) / 255
    y = np.eye(digits.n_classes)[np.asarray(digits.train.y[:POINTS])]
    features = RandomFourierFeatures("relu", n_features=FEATURES, random_state=0).fit_transform(x)
    least = nearest_interpolator(features, y)
    rng = np.random.default_rng(0)
    rows = []
    for name, start in (("zero", np.zeros_like(least)), ("random", rng.normal(size=least.shape))):
        run = sgd(features, y, start, epochs=2_000, tolerance=1e-6)
        norm, apart = np.linalg.norm(run.weights), np.linalg.norm(run.weights - least) / np.linalg.norm(least)
        rows.append((name, float(norm), float(apart), float(run.residual), run.converged))
    columns = ["start", "norm of the weights", "distance from the least-norm solution", "residual", "converged"]
    frame = pd.DataFrame(rows, columns=columns)
    return Shown(
        f"From zero SGD ends {rows[0][2]:.1e} of its norm away from the solution of least norm, which has norm "
        f"{np.linalg.norm(least):.3g}; from a random start it fits the labels as well, with norm {rows[1][1]:.3g}.",
        [Table(frame, "Two runs that fit every label", {columns[1]: ".4g", columns[2]: ".2e", columns[3]: ".1e"})],
    )


def _audit(folder: Path) -> Shown:
    from gengap.report import Fact, Facts
    from gengap.tasks.audit import audit

    problem, run = memorised()
    found = audit(run.model(), data=problem, quick=True)
    facts = [Fact("verdict", str(found.verdict)), Fact("parts", str(len(found.parts)))]
    page = found.write(folder / "audit")
    return Shown(f"{found.sentence} The whole report: {page.parent.name}/{page.name}.", [Facts(facts)])


def memorised() -> "tuple[gengap.Problem, Run]":
    """A network trained on random labels until it fits them, and its data."""
    from gengap.data import load
    from gengap.train import preset, train

    problem = load("digits").corrupt("labels", level=1.0, seed=0)
    return problem, train(problem, preset("digits").model_copy(update={"model": NETWORK}))
