"""Two axes of double descent: curves against direct computation, and each part of the claim refuted by made-up rows."""

from typing import Any

import numpy as np
import pytest

from gengap.studies import find_studies
from gengap.studies.curth2023.curves import METHODS, N_EXAMPLES, curve, examples
from gengap.studies.curth2023.figure9 import SEEDS, on_second_axis, sweep


class Quiet:
    """A context that reports nothing."""

    threads = 1

    def report(self, *_: Any) -> None:
        return None


DATA = examples("smoke")


def test_trees_are_their_forests():
    from sklearn.ensemble import RandomForestRegressor

    from gengap.seeds import stream

    (row,) = curve("trees", [(100, 3)], DATA, 4, Quiet())
    seed = stream(4, "trees") % 2**32
    forest = RandomForestRegressor(3, bootstrap=False, max_features="sqrt", random_state=seed)
    said = forest.fit(DATA.x, DATA.targets).predict(DATA.x_test)
    assert row["test_loss"] == pytest.approx(((said - DATA.targets_test) ** 2).sum(axis=1).mean(), rel=1e-12)
    assert row["test_error"] == np.mean(said.round(12).argmax(axis=1) != DATA.y_test)
    assert row["parameters"] == sum(tree.get_n_leaves() for tree in forest.estimators_)


def test_ensembles_of_boosting_are_averages_of_boosted_scores():
    from gengap.interpolate.trees import boosted_scores
    from gengap.seeds import stream

    rows = curve("boosting", [(2, 1), (3, 1), (3, 2)], DATA, 1, Quiet())
    scores = []
    for ensemble in range(2):
        rng = np.random.RandomState(stream(1, "boosting", ensemble) % 2**32)
        options = {"max_leaves": 10, "shrinkage": 0.85, "rng": rng, "max_features": "sqrt"}
        scores.append([test for _, test in boosted_scores(DATA.x, DATA.targets, DATA.x_test, rounds=3, **options)])
    for row, said in zip(rows, (scores[0][1], scores[0][2], (scores[0][2] + scores[1][2]) / 2), strict=True):
        assert row["test_loss"] == pytest.approx(((said - DATA.targets_test) ** 2).sum(axis=1).mean(), rel=1e-10)


def test_every_curve_goes_along_one_axis_and_then_along_the_other():
    for scale in SEEDS:
        for method in METHODS:
            rows = [vars(c) for c in sweep(scale) if c.method == method and c.seed == 0]
            second = [on_second_axis(row) for row in rows]
            assert second == sorted(second)
            assert any(second)
            assert not all(second)
            ends = {row["first"] for row, beyond in zip(rows, second, strict=True) if beyond}
            assert ends == {max(row["first"] for row in rows)}
            if method == "random features":
                assert ends == {N_EXAMPLES[scale]}


Points = tuple[tuple[int, int, float, float | None], ...]
# (first, second, effective number on the test points, test loss)
GOOD: Points = (
    *((10, 0, 11.0, 0.8), (50, 0, 70.0, 0.6), (90, 0, 2e3, 8.0), (100, 0, 9e4, 50.0)),
    *((100, 50, 900.0, 2.0), (100, 200, 200.0, 0.9), (100, 900, 60.0, 0.4)),
)


def findings(points: Points, train: int = 100) -> dict[str, str]:
    rows = []
    for method in METHODS:
        shift = 0 if method == "random features" else 1
        for first, second, effective, loss in points:
            rows.append(
                {"scale": "smoke", "method": method, "first": first, "second": second + shift, "seed": 0}
                | {"parameters": first + second, "test_parameters": effective, "test_loss": loss}
                | {"train_parameters": min(first, train)}
            )
    return {part.part: part.finding for part in find_studies("curth2023/figure9")[0].check(rows)}


def refuted(points: Points, train: int = 100) -> list[str]:
    return [part for part, finding in findings(points, train).items() if finding == "does not hold"]


@pytest.mark.parametrize(
    ("index", "changed", "part"),
    [
        (3, (100, 0, 9e4, 0.6), "along the first axis the test loss falls, then rises"),
        (6, (100, 900, 60.0, 1.9), "along the second axis it falls again, as parameters are added"),
        (6, (100, 900, 1e5, 0.4), "along the second axis the effective number on the test points falls"),
        (4, (100, 50, 900.0, 0.3), "along the second axis the test loss falls with the effective number"),
    ],
)
def test_every_part_can_be_refuted(index, changed, part):
    assert refuted(GOOD) == []
    points = (*GOOD[:index], changed, *GOOD[index + 1 :])
    assert {f"{method}: {part}" for method in METHODS} <= set(refuted(points))


def test_an_effective_number_on_training_points_that_falls_is_seen():
    (part,) = refuted(GOOD, train=90)
    assert "training points" in part


def test_random_features_are_judged_without_the_point_at_the_threshold():
    for without in (GOOD[:3] + GOOD[4:], (*GOOD[:3], (100, 0, 9e4, None), *GOOD[4:])):
        found = findings(without)
        assert {finding for part, finding in found.items() if part.startswith("random features")} == {"holds"}
    # From N = n - 10 on the loss would rise to the first point beyond n.
    assert GOOD[2][3] > GOOD[4][3] > 1 > GOOD[1][3]


@pytest.mark.parametrize(
    ("kept", "axes"),
    [
        (GOOD[:4], ["second"]),
        (GOOD[4:], ["first"]),
        (GOOD[:2] + GOOD[4:], ["first"]),  # of two points a fall and a rise cannot be seen
        (GOOD[:5], ["second"]),
    ],
)
def test_an_axis_that_is_lost_cannot_be_judged(kept, axes):
    for part, finding in findings(kept).items():
        lost = any(f"along the {axis} axis" in part for axis in axes)
        if "training points" in part:
            lost = not any(second for _, second, _, _ in kept)
        assert finding == ("cannot be judged" if lost else "holds"), part


def test_a_missing_loss_anywhere_else_leaves_the_claim_open():
    lost = tuple((*point[:3], None) if point[0] == 90 else point for point in GOOD)
    found = findings(lost)
    assert {finding for part, finding in found.items() if "training points" not in part} == {"cannot be judged"}
