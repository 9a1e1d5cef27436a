"""The stops of the tour, in order."""

from collections.abc import Sequence

from gengap.studies.study import Row
from gengap.tasks.tour import gradients, interpolation, labels, training
from gengap.tasks.tour.stop import Stop, study_stop


def stops() -> list[Stop]:
    """All stops."""
    return [
        Stop(
            "random labels",
            "Random labels are memorised",
            "One network and one recipe, on the embedded digits with their own labels, with half of the labels "
            "redrawn, and with all of them redrawn.",
            labels.random_labels,
            12,
            "zhang2017/table1",
        ),
        Stop(
            "same loss",
            "One training loss, different test losses",
            "Networks are pretrained on wrong labels, then trained on true ones until all have a training loss of "
            f"{training.TARGET:g} nats or less. Then each is divided by the norms of its layers.",
            training.same_loss,
            8,
            "liao2018/figure3",
        ),
        Stop(
            "certificate",
            "What a held-out score is worth",
            "The network that learned true labels made some errors on its test images. What may be promised of it, if "
            f"it was the only one, and if it was the best of {labels.TRIED} compared on these images?",
            labels.certificate,
            1,
            None,
        ),
        study_stop(
            "theorem 1",
            "Two layers fit any labels",
            "Theorem 1 of Zhang et al. 2017 is a construction: project the points on a line, let one ReLU begin before "
            "each of them, and solve a triangular system for the weights.",
            "zhang2017/theorem1",
            _theorem1,
            2,
        ),
        Stop(
            "minimum norm",
            "SGD finds the solution of least norm",
            f"A linear model on {interpolation.FEATURES} random features of a few images has infinitely many exact "
            "solutions. Where SGD ends is compared with the one of least norm.",
            interpolation.minimum_norm,
            4,
            "zhang2017/table3",
        ),
        study_stop(
            "double descent",
            "The test error peaks, and falls again",
            "Least squares on ever more random features, for 100 images. With as many features as images every label "
            "is fitted for the first time.",
            "belkin2019/figure2",
            _double_descent,
            5,
        ),
        Stop(
            "coherence",
            "Gradients agree on real labels",
            "m-coherence counts how many examples a small step along the gradient of one of them helps. It is measured "
            "while one network learns true labels, and one memorises random ones.",
            gradients.coherence_of_labels,
            5,
            "chatterjee2020/coherence",
        ),
        Stop(
            "winsorising",
            "Without the extremes, less noise is memorised",
            "Half of the labels are redrawn. Winsorised SGD clips each coordinate of the gradient to the percentiles c "
            "and 100 - c over the examples of a minibatch, so that a few examples cannot move it.",
            gradients.winsorising,
            15,
            "chatterjee2020/winsorized",
        ),
        Stop(
            "two phases",
            "Which ReLUs are on can be learned from few examples",
            "Phase one trains a network on a part of the examples. Phase two freezes which ReLUs are on for which "
            "input, and trains the weights on all examples.",
            training.two_phases,
            5,
            "kawaguchi2017/figure2",
        ),
        Stop(
            "theorem 7",
            "What keeps the gap of this very network small",
            "For squared loss the gap is exactly the sum of two terms: how the labels go with the network's paths, and "
            "how the paths' values spread. Each is a product of norms, eigenvalues and cosines of angles.",
            training.theorem7_terms,
            5,
            "kawaguchi2017/theorem7",
        ),
        Stop(
            "audit",
            "An audit of the network that memorised",
            "A second network is trained, on other random labels than the first claim's, so that its accuracies are "
            "not the same. It is audited as if a stranger had sent it, with its data.",
            labels.audit_of_the_memorised,
            10,
        ),
    ]


def _theorem1(rows: Sequence[Row]) -> str:
    largest = max(rows, key=lambda row: float(row["n"]))
    missed = float(largest["relative_error"])
    return (
        f"{largest['n']} points get their {largest['n']} values from {largest['n_weights']} weights, which is 2n + d; "
        + (f"the largest error is {missed:.1g} of the largest value." if missed else "all of them exactly.")
    )


def _double_descent(rows: Sequence[Row]) -> str:
    clean = [row for row in rows if row["noise"] == 0 and row["n_features"] is not None]
    peak = max(clean, key=lambda row: float(row["test_error"]))
    most = max(clean, key=lambda row: float(row["n_features"]))
    least = min((row for row in clean if row["n_features"] < peak["n_features"]), key=lambda r: float(r["test_error"]))
    return (
        f"The test error is {least['test_error']:.1%} with {least['n_features']} features, {peak['test_error']:.1%} "
        f"with {peak['n_features']}, and {most['test_error']:.1%} with {most['n_features']}."
    )
