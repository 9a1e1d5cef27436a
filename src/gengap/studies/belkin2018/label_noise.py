"""Label noise of Belkin, Ma and Mandal 2018: what fits every noisy label does not repeat the noise.

Claim: kernel machines that fit every training label, wrong ones too, do not repeat the noise on test points: it adds
less to their error than to that of a rule that repeats the training labels, and on labels as noisy as those fitted they
stay as near to the Bayes error as they are without noise. ``claim.py`` says how each part is judged.

Reported: test errors of interpolating kernel machines on all of MNIST, from memory.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from gengap.studies.belkin2018 import views
from gengap.studies.belkin2018.claim import check
from gengap.studies.belkin2018.grid import DISTANCES, EXAMPLES, MIXTURE_TEST, TREES, WHOLE, Config, sweep
from gengap.studies.rows import measured
from gengap.studies.study import Reported, Row, Scale, Study, study

if TYPE_CHECKING:
    from gengap.data import Problem
    from gengap.studies.belkin2018.learners import Learner, Task
    from gengap.sweep import Context, Options

NAME = "belkin2018/label_noise"
PAPER = (
    "Belkin, Ma and Mandal 2018, To understand deep learning we need to understand kernel learning, ICML, "
    "arXiv:1802.01396v3"
)
COLUMNS = (
    *("train_error", "test_error", "noisy_error", "bayes_error", "noisy_bayes_error", "wrong"),
    *("strength", "held_out_error", "residual", "n_classes", "test_examples"),
)
REVISION = 1  # with held-out errors


def _reported() -> tuple[Reported, ...]:
    return tuple(
        Reported(
            f"test error of the interpolating {method}, all of MNIST",
            "place not known",
            value,
            "%",
            0.3,
            "from memory",
            "test_error",
            {"data": "mnist", "method": method, "fit": "interpolating", "level": 0.0, "examples": WHOLE},
        )
        for method, value in (("Gaussian kernel", 1.2), ("Laplacian kernel", 1.6))
    )


REPORTED = _reported()


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a fit; the levels of noise and the fits of a method share their work."""
    return measured(
        NAME,
        configs,
        COLUMNS,
        learn,
        options,
        together=lambda config: (config.data, config.method, config.examples, config.seed),
        data=lambda config: None if config.data in DISTANCES else config.data,
        revision=REVISION,
    )


def problem(scale: Scale, data: str, examples: int, seed: int) -> "Problem":
    """The examples with true labels; at smoke scale the embedded digits stand for MNIST."""
    from gengap.data import load, two_gaussians

    n_test = EXAMPLES[scale][1]
    if data in DISTANCES:
        return two_gaussians(examples, n_test or MIXTURE_TEST, distance=DISTANCES[data], seed=seed)
    return load(data, scale="unit").take(examples, n_test)


def learn(configs: list[Config], context: "Context") -> list[Row]:
    """The rows of one method on one data set."""
    from gengap.sweep.threads import limited

    first = configs[0]
    true = problem(first.scale, first.data, first.examples, first.seed)
    levels = sorted({config.level for config in configs})
    context.report(0, 1, f"{first.data}, {first.method}")
    task, truth, truth_test = _task(true, levels, first)
    with limited(context.threads):
        if first.examples == WHOLE:
            fits = {"interpolating": _interpolants(task, first.method)}
        else:
            fits = _learner(first.method)(task)
    rows = []
    for config in configs:
        at = levels.index(config.level)
        one, labels = fits[config.fit][at], task.labels[at]
        rows.append(
            {
                "status": "done",
                "reason": None,
                "seen_as": true.seen_as,
                "train_error": float((one.train != labels).mean()),
                "wrong": float((labels != truth).mean()),
                "strength": one.strength,
                "held_out_error": one.held_out_error,
                "residual": one.residual,
                "n_classes": true.n_classes,
                "test_examples": len(truth_test),
                **_errors(config, float((one.test != truth_test).mean()), true.n_classes),
            }
        )
    return rows


def _task(true: "Problem", levels: Sequence[float], config: Config) -> "tuple[Task, Any, Any]":
    """The labellings of all levels, the true labels of both splits."""
    import numpy as np

    from gengap.data import as_points
    from gengap.seeds import stream
    from gengap.studies.belkin2018.learners import Task

    points = as_points(true, np.float64)
    labels = [true.corrupt("labels", level=level, seed=config.seed).train.y if level else points.y for level in levels]
    seed = stream(config.seed, "learners") % 2**32
    return Task(points.x, points.x_test, labels, true.n_classes, seed, TREES[config.scale]), points.y, points.y_test


def _learner(method: str) -> "Learner":
    from gengap.studies.belkin2018 import learners

    known: dict[str, Learner] = {
        "Gaussian kernel": partial(learners.kernel_machine, kernel="gaussian"),
        "Laplacian kernel": partial(learners.kernel_machine, kernel="laplacian"),
        "nearest neighbours": learners.nearest_neighbours,
        "random forest": learners.forest,
    }
    return known[method]


def _interpolants(task: "Task", method: str) -> list[Any]:
    from gengap.studies.belkin2018.learners import interpolants

    return interpolants(task, method.split()[0].lower())


def _errors(config: Config, error: float, n_classes: int) -> Row:
    """Errors on true and on noisy labels, and the Bayes errors of both; MNIST's is taken for 0."""
    from gengap.data import error_on_noisy_labels, two_gaussians_bayes_error

    bayes = two_gaussians_bayes_error(DISTANCES[config.data]) if config.data in DISTANCES else 0.0
    return {
        "test_error": error,
        "noisy_error": error_on_noisy_labels(error, config.level, n_classes),
        "bayes_error": bayes,
        "noisy_bayes_error": error_on_noisy_labels(bayes, config.level, n_classes),
    }


@study
def belkin2018_label_noise() -> Study:
    """Label noise."""
    return Study(
        name=NAME,
        artifact="Interpolation of noisy labels",
        claim=(
            "Kernel machines that fit every training label, wrong ones too, do not repeat the noise on test points: "
            "noise adds less to their error than to that of a rule that repeats the training labels, and on labels as "
            "noisy they stay as near to the Bayes error as without noise."
        ),
        paper=PAPER,
        differences=(
            "No copy of the paper was at hand. Data and kernels are as others report of it, and the two numbers are "
            "remembered. That errors follow the Bayes error is read here as: on labels as noisy as those fitted, they "
            "are no farther above it than without noise, up to twice the standard error.",
            "Kernels have bandwidth 5 (Gaussian) and 10 (Laplacian), in pixels of [0, 1] or standard deviations of a "
            "mixture; kernel machines solve K alpha = y instead of iterating to zero error.",
            "Two mixtures of Gaussians in 50 dimensions, means 10 and 2 standard deviations apart; a coordinate that "
            "says nothing is normal.",
            "A label is redrawn evenly from all classes with the probability given, and may come out as it was.",
            "Errors on noisy labels are computed from those on true labels, (1 - level) error + level (1 - 1/C), which "
            "is their expectation. The Bayes error of MNIST's own labels is not known and taken for 0.",
            "Nearest neighbours, forests, ridge and early stopping stand beside the paper's machines; strengths are "
            "chosen on the last fifth of the training examples, with their noisy labels, and fitted again to all. Of "
            "ridge and early stopping the one with the smaller error there is compared, a ridge where they are equal.",
            "At paper scale the comparison has 10,000 training examples, since ridge and early stopping decompose K; "
            "the two interpolating machines are also fitted to all 60,000 of MNIST without noise.",
        ),
        scaled={
            "smoke": "100 of the embedded digits in place of MNIST, 100 points of a mixture, one level of noise.",
            "desk": "1,000 training and 3,000 test examples of each data set, forests of 20 trees, two seeds.",
        },
        cost={
            "smoke": "seconds",
            "desk": "about five minutes on one core (an estimate)",
            "paper": "about a day on two cores with 32 GB (an estimate)",
        },
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=(views.noisy, views.true_labels, views.table),
        check=check,
    )
