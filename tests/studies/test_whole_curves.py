"""Checks of claims read whole curves and every seed: flat curves, late falls and second seeds refute as they should."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest

from gengap.studies import find_studies
from gengap.studies.arpit2017 import critical_samples
from gengap.studies.belkin2019.claims import reaches_limit
from gengap.studies.kawaguchi2017 import darc1
from gengap.studies.neyshabur2019.figure1 import CAPACITIES
from gengap.studies.zhang2017.figure2b import SERIES

Row = dict[str, Any]


def findings(study: str, rows: list[Row]) -> dict[str, str]:
    return {part.part: part.finding for part in find_studies(study)[0].check(rows)}


def refuted(study: str, rows: list[Row]) -> list[str]:
    return [part for part, finding in findings(study, rows).items() if finding == "does not hold"]


def coherent(start: float = 4.0, peak: float = 200.0, share: float = 0.8, seed: int = 0) -> list[Row]:
    kinds = {"pristine_accuracy": 0.8, "corrupt_accuracy": 0.1, "pristine_contribution": share, "null_high": 0.3}
    values = {(0.0, 0): 50.0, (0.0, 1): 20.0, (0.5, 0): 20.0, (0.5, 1): 10.0, (1.0, 0): start, (1.0, 1): 30.0}
    return [
        {"noise": noise, "epoch": epoch, "seed": seed, "m_coherence": value} | kinds
        for (noise, epoch), value in (values | {(1.0, 9): peak}).items()
    ]


def test_coherence_must_grow_after_the_start_and_pristine_examples_make_more_than_half() -> None:
    name = "chatterjee2020/coherence"
    lower = "m-coherence on random labels starts lower than on real ones"
    grows = "m-coherence on random labels grows into the hundreds"
    assert refuted(name, coherent()) == []
    assert refuted(name, coherent(start=900.0, peak=1.0)) == [lower, grows]
    assert refuted(name, coherent(start=40.0, peak=30.0)) == [grows]
    assert refuted(name, coherent(start=60.0)) == [lower]
    assert refuted(name, coherent() + coherent(peak=40.0, seed=1)) == [grows]
    most = ["pristine examples make most of the mean gradient at the start", "they still do after epoch 1"]
    assert refuted(name, coherent(share=0.4)) == most
    trained = [row for row in coherent() if row["epoch"] > 0]
    assert findings(name, trained)[grows] == "cannot be judged"


def winsorized(overfit: Mapping[float, float]) -> list[Row]:
    return [{"noise": 0.5, "c": c, "seed": 0, "overfit": value} for c, value in overfit.items()]


def test_an_overfit_that_stays_does_not_fall() -> None:
    name, falls = "chatterjee2020/winsorized", "the overfit falls as c grows"
    assert refuted(name, winsorized({0: 0.6, 2: 0.05, 8: 0.055})) == []
    assert falls in refuted(name, winsorized({0: 0.6, 2: 0.6, 8: 0.6}))
    assert falls in refuted(name, winsorized({0: 0.6, 2: 0.05, 8: 0.3}))
    assert findings(name, winsorized({0: 0.6}))[falls] == "cannot be judged"


def ginis(real: tuple[float, ...] = (0.2, 0.21, 0.19, 0.34), seed: int = 0) -> list[Row]:
    curves = {"real": real, "50% real": (0.25, 0.23, 0.2, 0.22), "random": (0.2, 0.2, 0.2, 0.18)}
    return [
        {"data": data, "steps": steps, "seed": seed, "gini": value, "train_accuracy": 0.9}
        for data, curve in curves.items()
        for steps, value in zip((500, 800, 2000, 5000), curve, strict=True)
    ]


def test_a_coefficient_that_falls_in_training_does_not_rise() -> None:
    name = "arpit2017/gini"
    rises, higher = "the coefficient on real data rises in training", "it is higher on real data than on noise"
    assert refuted(name, ginis()) == []
    assert refuted(name, ginis((0.9, 0.5, 0.3, 0.31))) == [rises]
    assert refuted(name, ginis((0.2, 0.9, 0.3, 0.31))) == [rises]
    flat = ginis((0.2, 0.2, 0.2, 0.05))
    assert refuted(name, flat + ginis(seed=1)) == refuted(name, ginis(seed=1) + flat) == [rises, higher]
    assert findings(name, [row for row in ginis() if row["steps"] == 500])[rises] == "cannot be judged"


def stepped(gaps: tuple[float, float], distances: tuple[float, float], epoch: int = 40, seed: int = 0) -> list[Row]:
    return [
        {"step": step, "epoch": epoch, "seed": seed, "train_error": 0.1, "test_error": 0.1 + gap, "distance": distance}
        for step, gap, distance in zip((0.01, 0.1), gaps, distances, strict=True)
    ]


def test_every_seed_and_late_epoch_orders_step_sizes() -> None:
    name, up, down = "hardt2016/step_sizes", (0.1, 0.2), (0.3, 0.1)
    both = ["a smaller step size has a smaller gap", "a smaller step size has twins less far apart"]
    early = stepped(down, down, epoch=1)
    assert refuted(name, early + stepped(up, up)) == []
    assert refuted(name, stepped(up, up) + stepped(down, up, seed=1)) == both[:1]
    assert refuted(name, stepped(up, up) + stepped(up, down, seed=1)) == both[1:]
    assert refuted(name, stepped(down, down, epoch=20) + stepped(up, up)) == both


def critical(ratios: tuple[float, ...], accuracies: tuple[float, ...], seed: int) -> list[Row]:
    return [
        {"noise": noise, "level": level, "epoch": epoch, "seed": seed, "critical_ratio": ratio}
        | {"wide_critical_ratio": level, "validation_accuracy": accuracy, "train_accuracy": 1.0}
        for noise, level in product(("inputs", "labels"), (0.0, 0.8))
        for epoch, ratio, accuracy in zip((0, 1, 50, 100), ratios, accuracies, strict=True)
    ]


def test_every_seed_and_the_whole_curve_decide_about_critical_samples() -> None:
    grows, falls = "it grows while random labels are memorised", "validation accuracy falls from an early peak"
    grown, fallen = (0.2, 0.1, 0.2, 0.4), (0.1, 0.2, 0.5, 0.3)
    as_found = critical(grown, fallen, 0)

    def among(rows: list[Row]) -> list[str]:
        return [part for part in refuted(critical_samples.NAME, rows) if part in (grows, falls)]

    assert among(as_found) == []
    assert among(as_found + critical((0.2, 0.9, 0.4, 0.1), fallen, 1)) == [grows]
    assert among(as_found + critical(grown, (0.1, 0.2, 0.5, 0.7), 1)) == [falls]
    assert among(critical((0.2, 0.1, 0.9, 0.2), fallen, 0)) == [grows]
    assert among(critical(grown, (0.9, 0.2, 0.25, 0.3), 0)) == [falls]  # the peak is before training


LEVELS = [((0.2, 0.5, 0.9), True), ((0.5, 0.5, 0.5), False), ((0.2, 0.6, 0.2), False)]


@pytest.mark.parametrize(("errors", "held"), LEVELS)
def test_errors_that_stay_do_not_rise_with_the_level(errors: tuple[float, ...], held: bool) -> None:
    rows = [
        {"model": "m", "level": level, "seed": 0, "n_classes": 10, "train_accuracy": 1.0, "test_error": error}
        for level, error in zip((0.0, 0.5, 1.0), errors, strict=True)
    ]
    part = "test error rises steadily with the level"
    assert findings("zhang2017/figure1c", rows)[part] == ("holds" if held else "does not hold")
    assert findings("zhang2017/figure1c", rows[:1])[part] == "cannot be judged"


def test_networks_of_one_kind_leave_regularisation_open() -> None:
    row = {"model": "m", "level": 0.0, "random_crop": False, "weight_decay": False, "test_accuracy": 0.9}
    part = "networks generalise nearly as well without regularisation"
    assert findings("zhang2017/table1", [row | {"train_accuracy": 1.0}])[part] == "cannot be judged"


def test_curves_without_a_history_are_not_steadier() -> None:
    rows = [{"model": model, "history": [], "last_accuracy": 0.8, "early_stopping_gain": 0.0} for model in SERIES]
    assert findings("zhang2017/figure2b", rows)["batch normalisation steadies training"] == "cannot be judged"


def trained(true: int, random: int) -> list[Row]:
    return [
        {"corruption": "labels", "level": level, "train_accuracy": 1.0, "epochs_to_overfit": epochs}
        for level, epochs in ((0.0, true), (1.0, random))
    ]


def test_labels_that_are_fitted_as_fast_are_not_fitted_later() -> None:
    assert refuted("zhang2017/figure1a", trained(9, 30)) == []
    assert refuted("zhang2017/figure1a", trained(9, 9)) == ["it does so later than on true data"]


def completed(ranks: tuple[float, ...]) -> list[Row]:
    return [
        {"known": 0.2, "depth": depth, "seed": 0, "effective_rank": rank, "converged": True}
        for depth, rank in zip((None, 1, 2, 3, 4), ranks, strict=True)
    ]


def test_a_rank_that_depth_leaves_alone_is_not_lower() -> None:
    assert refuted("arora2019/depth", completed((3.0, 4.0, 3.0, 2.0, 2.0))) == []
    flat = completed((3.0, 2.0, 2.0, 2.0, 2.0))
    assert refuted("arora2019/depth", flat) == ["deeper products complete with lower effective rank"]


def from_few(best: float, seed: int) -> list[Row]:
    setting = {"method": "descent", "per_parameter": 0.25, "seed": seed}
    return [
        setting | {"kind": kind, "start": start, "norm_over_least": norm}
        for kind in ("gaussian", "entries")
        for start, norm in {1.0: 20.0, 0.1: best, 1e-3: best + 0.02}.items()
    ]


def test_every_seed_has_norms_near_the_least() -> None:
    name, part = "gunasekar2017/initialisation", "from few measurements a small start comes near the least norm"
    assert part not in refuted(name, from_few(1.02, 0))
    assert part in refuted(name, from_few(1.02, 0) + from_few(3.0, 1))


def test_the_kernel_machine_is_that_of_the_same_seed() -> None:
    def rows(end: float, limit: float, seed: int) -> tuple[list[Row], list[Row]]:
        one = {"seed": seed, "noise": 0.0}
        return [one | {"n": 10, "test_loss": end}], [one | {"n": None, "test_loss": limit}]

    (good, machine), (bad, other) = rows(0.4, 0.38, 0), rows(0.9, 0.4, 1)
    assert reaches_limit(good, machine, "", "n", True).finding == "holds"
    assert reaches_limit(good + bad, machine + other, "", "n", True).finding == "does not hold"


def wide(errors: tuple[float, ...]) -> list[Row]:
    return [
        {"scale": "desk", "data": "mnist", "labels": "original", "units": 2**k, "seed": 0, "train_error": 0.0}
        | {"test_error": error}
        for k, error in enumerate(errors)
    ]


def test_a_hump_between_widths_raises_the_error() -> None:
    assert refuted("neyshabur2015/figure1", wide((0.09, 0.087, 0.088))) == []
    assert len(refuted("neyshabur2015/figure1", wide((0.09, 0.2, 0.088)))) == 1


def of_units(impacts: tuple[float, ...]) -> list[Row]:
    return [
        {"scale": "desk", "width": 2**k, "seed": 0, "train_error": 0.0, "test_error": 0.7 - k / 10}
        | {"unit_capacity": 3 - k}
        | {"unit_impact": impact}
        | {name: 3.0 - k if name == "capacity_distance" else 1.0 + k for name in CAPACITIES}
        for k, impact in enumerate(impacts)
    ]


def test_a_value_that_rises_between_widths_does_not_fall_with_them() -> None:
    assert refuted("neyshabur2019/figure1", of_units((3.0, 2.0, 1.0))) == []
    assert refuted("neyshabur2019/figure1", of_units((3.0, 9.0, 1.0))) == ["the impact of a unit falls"]


def regularised(errors: Mapping[float, float], seed: int) -> list[Row]:
    return [
        {"data": "mnist", "factor": factor, "seed": seed, "test_error": error, "term": 1.0 - 6 * factor}
        for factor, error in errors.items()
    ]


def test_every_seed_has_a_best_multiple() -> None:
    good, bad = regularised({0.0: 0.1, 0.1: 0.09}, 0), regularised({0.0: 0.1, 0.1: 0.3}, 1)
    assert refuted(darc1.NAME, good) == []
    assert refuted(darc1.NAME, good + bad) == ["with the best multiple the test error is no larger"]


def test_every_seed_is_far_below_what_norms_allow() -> None:
    row = {"model": "m", "labels": "true", "identity_error": 0.0, "bound": 1e6, "train_accuracy": 1.0}
    rows = [row | {"seed": 0, "gap": 9e5}, row | {"seed": 1, "gap": 1e-3}]
    assert len(refuted("kawaguchi2017/theorem7", rows)) == 1


def interpolants(mapped: float, seed: int) -> list[Row]:
    common = {"data": "mnist", "train_error": 0.0, "seed": seed}
    return [
        common | {"preprocessing": "none", "test_error": 0.012, "norm_ratio": 1.0},
        common | {"preprocessing": "gabor", "test_error": mapped, "norm_ratio": 2.0},
    ]


def test_every_seed_has_half_the_error_with_a_map() -> None:
    assert refuted("zhang2017/table3", interpolants(0.006, 0)) == []
    both = interpolants(0.006, 0) + interpolants(0.012, 1)
    assert refuted("zhang2017/table3", both) == ["a map of images about halves the error"]


@pytest.mark.parametrize(("with_it", "finding"), [(0.01, "holds"), (0.04, "cannot be judged"), (0.12, "does not hold")])
def test_batch_norm_steadies_where_the_difference_is_beyond_chance(with_it: float, finding: str) -> None:
    rng = np.random.default_rng(0)
    rows = []
    for model, change in zip(SERIES, (with_it, 0.04), strict=True):  # mean absolute changes from epoch to epoch
        steps = rng.exponential(change, 50) * np.resize([1, -1], 50)
        accuracies = 0.5 + np.cumsum(np.concatenate([[0.0], steps]))
        history = [{"epoch": n, "test_accuracy": float(value)} for n, value in enumerate(accuracies, start=1)]
        best, last = float(accuracies.max()), float(accuracies[-1])
        rows.append(
            {
                "model": model,
                "seed": 0,
                "status": "done",
                "history": history,
                "best_accuracy": best,
                "last_accuracy": last,
            }
            | {"early_stopping_gain": best - last}
        )
    assert findings("zhang2017/figure2b", rows)["batch normalisation steadies training"] == finding
