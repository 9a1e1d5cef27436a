"""Labels taken for wrong by confident learning, against a loop over the examples and against cleanlab."""

import numpy as np
import pytest

from gengap.errors import InputError
from gengap.probes import confident_errors


def test_confident_errors_are_the_off_diagonal_of_the_confident_joint() -> None:
    """The twin walks through the examples one by one."""
    random = np.random.default_rng(3)
    p, y = random.dirichlet(np.ones(4), 300), random.integers(0, 3, 300)  # no example bears the last label
    means = {c: np.mean([row[c] for row, label in zip(p, y, strict=True) if label == c]) for c in range(3)}
    expected = []
    for row, label in zip(p, y, strict=True):
        reached = [c for c, mean in means.items() if row[c] >= mean]
        expected.append(bool(reached) and max(reached, key=lambda c: row[c]) != label)
    found = confident_errors(p, y)
    assert found.tolist() == expected
    assert 0 < found.sum() < 300


def test_confident_errors_agree_with_cleanlab() -> None:
    filters = pytest.importorskip("cleanlab.filter")
    random = np.random.default_rng(4)
    y = random.integers(0, 3, 400)
    p = random.dirichlet(np.ones(3), 400) + 2 * np.eye(3)[np.where(random.random(400) < 0.8, y, (y + 1) % 3)]
    p /= p.sum(1, keepdims=True)
    theirs = filters.find_label_issues(y, p, filter_by="confident_learning", n_jobs=1)
    assert confident_errors(p, y).tolist() == theirs.tolist()


@pytest.mark.parametrize("labels", [[], [0.0, 1.0], [0, 2], [0, -1], [0]])
def test_labels_that_are_no_classes_are_refused(labels) -> None:
    p = np.full((len(labels) if labels != [0] else 2, 2), 0.5)
    with pytest.raises(InputError, match="class indices"):
        confident_errors(p, labels)
