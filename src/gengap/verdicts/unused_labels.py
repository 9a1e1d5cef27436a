"""Networks of random labels that know the true ones: their training did not use the labels that it was given."""

import math

import pandas as pd

CHANCE = 0.01  # the most probable luck at which a training is said not to have used its labels
AS_GOOD = 0.9  # of the test accuracy after true labels
ABOVE_MAJORITY = 0.1  # accuracy beyond that of always answering the most frequent class


def unused_labels(true: pd.DataFrame, random: pd.DataFrame, n_classes: int | None, majority: float | None) -> str:
    """Why the training of ``random`` seems not to have used its labels; empty where nothing suggests it.

    After wholly random labels a network can know true labels of the test split by luck alone. The luckiest are networks
    that see each class as one cluster and give it one random label: of C classes k or more are then right with
    probability P(Binomial(C, 1/C) >= k). Where test accuracies a of all seeds are nearly those after true labels, and
    the product of these probabilities with k = ceil(a C) is at most ``CHANCE``, labels from elsewhere were seen.

    Args:
        true: Rows of trainings on true labels, with ``test_accuracy`` and ``status``.
        random: The same on labels that were all redrawn.
        n_classes: C; None decides nothing.
        majority: Share of the most frequent class; None decides nothing.

    >>> rows = pd.DataFrame({"status": ["done"], "test_accuracy": [0.98]})
    >>> unused_labels(rows, rows, 10, 0.1)[:60]
    'trained on random labels it predicts the true labels of the '
    >>> unused_labels(rows, rows.assign(test_accuracy=0.11), 10, 0.1)
    ''
    """
    before, after = (rows.loc[rows["status"] == "done", "test_accuracy"].dropna() for rows in (true, random))
    if n_classes is None or majority is None or before.empty or after.empty:
        return ""
    if after.min() < max(AS_GOOD * before.mean(), majority + ABOVE_MAJORITY):
        return ""
    luck = math.prod(_at_least(math.ceil(accuracy * n_classes - 1e-9), n_classes) for accuracy in after)
    if luck > CHANCE:
        return ""
    return (
        f"trained on random labels it predicts the true labels of the test split with an accuracy of "
        f"{after.mean():.2%}, after true labels {before.mean():.2%}; no network that was given only the "
        "random ones can, so that its training seems to take its labels from elsewhere"
    )


def _at_least(k: int, classes: int) -> float:
    """The probability that of so many classes, each given one label at random, at least k get their own."""
    p = 1 / classes
    return math.fsum(math.comb(classes, i) * p**i * (1 - p) ** (classes - i) for i in range(k, classes + 1))
