"""Networks of random labels that know the true ones: by hand, by drawn clusters, and in the verdict."""

import numpy as np
import pandas as pd
import pytest
from made_up_rows import label_rows
from scipy import stats

from gengap.verdicts import memorisation
from gengap.verdicts.unused_labels import CHANCE, _at_least, unused_labels


def rows(*accuracies: float) -> pd.DataFrame:
    return pd.DataFrame({"status": "done", "test_accuracy": accuracies})


def test_a_training_that_uses_labels_of_its_own_decides_nothing() -> None:
    own = label_rows([0.0, 1.0], (0, 1))
    own["test_accuracy"] = [0.98, 0.97, 0.975, 0.98]
    own.loc[own["level"] == 1, "train_accuracy"] = 0.101
    summary = memorisation(own, n_classes=10, majority=0.1)
    assert summary["verdict"] == "undecided"
    assert "seems to take its labels from elsewhere" in str(summary["verdict_reason"])


def test_labels_that_were_fitted_were_used() -> None:
    own = label_rows([0.0, 1.0], (0, 1))
    own["test_accuracy"], own["train_accuracy"] = 0.98, 1.0
    assert memorisation(own, n_classes=10, majority=0.1)["verdict"] == "memorises"


@pytest.mark.parametrize(
    ("after", "majority"),
    [
        ([0.11, 0.98], 0.1),  # one seed used its labels
        ([0.8, 0.8], 0.1),  # clearly less than after true labels
        ([0.95, 0.95], 0.9),  # what the most frequent class gives
        ([float("nan")], 0.1),
        ([0.97], None),
    ],
)
def test_nothing_is_said_where_it_might_be_otherwise(after: list[float], majority: float | None) -> None:
    assert not unused_labels(rows(0.98, 0.97), rows(*after), 10, majority)


def test_few_classes_ask_for_many_seeds() -> None:
    assert not unused_labels(rows(0.98), rows(*[0.97] * 3), 2, 0.5)
    assert unused_labels(rows(0.98), rows(*[0.97] * 4), 2, 0.5)  # 1/4 to the fourth


@pytest.mark.parametrize("classes", [2, 3, 10, 100])
def test_the_probability_is_that_of_the_binomial(classes: int) -> None:
    for k in range(classes + 1):
        assert _at_least(k, classes) == pytest.approx(stats.binom.sf(k - 1, classes, 1 / classes), rel=1e-9)


def test_clusters_with_random_labels_are_hardly_ever_taken_for_true_ones() -> None:
    rng = np.random.default_rng(0)
    for classes in (3, 5, 10):
        hits = rng.binomial(classes, 1 / classes, size=500) / classes  # as good as after true labels, whatever it is
        said = [bool(unused_labels(rows(hit), rows(hit), classes, 1 / classes)) for hit in hits]
        assert np.mean(said) <= 2 * CHANCE, classes
