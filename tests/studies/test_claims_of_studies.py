"""The checks of studies' claims on made-up rows: each part can be refuted by the rows that it is about."""

import math
from typing import Any

import pytest

from gengap.studies import find_studies
from gengap.studies.belkin2019.curve import with_peaks
from gengap.verdicts import whole_claim

Row = dict[str, Any]
Losses = dict[int | None, float]


def findings(study: str, rows: list[Row]) -> dict[str, str]:
    return {part.part: part.finding for part in find_studies(study)[0].check(rows)}


def refuted(study: str, rows: list[Row]) -> list[str]:
    return [part for part, finding in findings(study, rows).items() if finding == "does not hold"]


def features(
    losses: dict[int | None, float], norms: dict[int | None, float] | None = None, noise: float = 0.0
) -> list[Row]:
    rows = [
        {"scale": "smoke", "n_features": n, "noise": noise, "seed": 0, "test_loss": loss, "norm": (norms or losses)[n]}
        for n, loss in losses.items()
    ]
    return with_peaks(rows, "n_features", ("noise", "seed"), lambda row: 100)


DESCENT: Losses = {10: 0.8, 30: 0.75, 60: 0.7, 100: 9.0, 150: 1.0, 1000: 0.4, None: 0.38}


def test_double_descent_holds_where_it_is() -> None:
    rows = features(DESCENT)
    assert set(findings("belkin2019/figure2", rows).values()) == {"holds"}
    assert set(findings("belkin2019/relu_features", rows[:-1]).values()) == {"holds"}


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({30: 10.0}, "the test loss peaks at 100 features"),
        ({60: 0.3}, "beyond 100 the test loss falls below what fewer give"),
        ({None: 0.1}, "the test loss falls to about the kernel machine's"),
    ],
)
def test_every_part_of_double_descent_can_be_refuted(change: dict, part: str) -> None:
    assert part in refuted("belkin2019/figure2", features(DESCENT | change))
    noisy = features(DESCENT) + features(DESCENT | change, noise=0.2)
    checked = find_studies("belkin2019/figure2")[0].check(noisy)
    assert whole_claim(checked) == "holds"  # the paper claims nothing of noisy labels
    assert [p.part for p in checked if p.finding == "does not hold"] == [f"{part}, with 20% noise in the labels"]


def test_a_norm_that_peaks_elsewhere_is_seen() -> None:
    rows = features(DESCENT, DESCENT | {10: 99.0})
    assert refuted("belkin2019/figure2", rows) == ["the norm of the coefficients peaks with the test loss"]


def networks(errors: list[float]) -> list[Row]:
    losses = dict(zip((85, 310, 610, 910, 3010), (0.9, 0.8, 1.5, 0.9, 0.5), strict=True))
    rows = [
        {"scale": "smoke", "n_parameters": n, "noise": 0.0, "seed": 0, "test_loss": loss, "train_error": error}
        for (n, loss), error in zip(losses.items(), errors, strict=True)
    ]
    return with_peaks(rows, "n_parameters", ("noise", "seed"), lambda row: 600)


def test_networks_that_do_not_interpolate_at_the_threshold_are_seen() -> None:
    assert refuted("belkin2019/figure3", networks([0.8, 0.5, 0.0, 0.0, 0.0])) == []
    assert refuted("belkin2019/figure3", networks([0.8, 0.5, 0.7, 0.0, 0.0])) == [
        "from 600 on the training error is at most 5%"
    ]


def forest(losses: list[float]) -> list[Row]:
    grid = ((5, 1), (30, 1), (100, 1), (100, 20))
    return [
        {"scale": "smoke", "max_leaves": leaves, "trees": trees, "leaves": leaves * trees, "noise": 0.0, "seed": 0}
        | {"test_loss": loss, "train_error": 0.0 if leaves == 100 else 0.1}
        for (leaves, trees), loss in zip(grid, losses, strict=True)
    ]


def test_a_tree_whose_loss_does_not_rise_is_seen() -> None:
    assert refuted("belkin2019/figure4", forest([0.7, 0.5, 0.6, 0.2])) == []
    rising, averaging = refuted("belkin2019/figure4", forest([0.7, 0.5, 0.5, 0.6]))
    assert "then rises" in rising
    assert "averaging" in averaging


def recoveries(norms: dict[float, float], few: dict[float, float]) -> list[Row]:
    rows = []
    for kind in ("gaussian", "entries"):
        for per_parameter, given in ((3.0, norms), (0.25, few)):
            setting = {"kind": kind, "per_parameter": per_parameter, "seed": 0}
            rows += [
                setting | {"method": "descent", "start": start, "norm_over_least": norm}
                for start, norm in given.items()
            ]
    return rows


MANY, FEW = {1.0: 5.0, 0.1: 1.1, 1e-3: 1.001}, {1.0: 20.0, 0.1: 1.02, 1e-3: 1.04}


@pytest.mark.parametrize(
    ("norms", "few", "part"),
    [
        (MANY | {1e-3: 0.9}, FEW, "no norm is below the least"),
        (MANY | {1.0: 1.2}, FEW, "a large start gives a norm far above the least"),
        (MANY | {1e-3: 1.1}, FEW, "from enough measurements the smallest start gives the least norm"),
        (MANY, FEW | {0.1: 1.2, 1e-3: 1.3}, "from few measurements a small start comes near the least norm"),
        (MANY, FEW | {1e-3: 1.01}, "from few measurements the norm rises again for still smaller starts"),
    ],
)
def test_every_part_of_the_conjecture_can_be_refuted(norms: dict, few: dict, part: str) -> None:
    assert refuted("gunasekar2017/initialisation", recoveries(MANY, FEW)) == []
    assert refuted("gunasekar2017/initialisation", recoveries(norms, few)) == [part]


def test_norms_of_what_has_not_converged_leave_the_claim_open() -> None:
    rows = recoveries(MANY | {1e-3: math.nan}, FEW)
    rows = [row | {"norm_over_least": None} if math.isnan(row["norm_over_least"]) else row for row in rows]
    assert findings("gunasekar2017/initialisation", rows)["no norm is below the least"] == "cannot be judged"


@pytest.mark.parametrize(
    ("study", "good", "bad"),
    [
        ("zhang2017/theorem1", {"weights_over_theorem": 0, "relative_error": 1e-12}, {"weights_over_theorem": 1}),
        ("zhang2017/theorem1", {"weights_over_theorem": 0, "relative_error": 1e-12}, {"relative_error": 0.1}),
        ("zhang2017/figure1b", {"relative_time": 3.0}, {"relative_time": 7.0}),
        (
            "zhang2017/figure1c",
            {"model": "m", "level": 1.0, "n_classes": 10, "train_accuracy": 1.0, "test_error": 0.9},
            {"test_error": 0.5},
        ),
    ],
)
def test_rows_that_contradict_a_claim_refute_it(study: str, good: Row, bad: Row) -> None:
    row = {"status": "done", "reason": None, "seed": 0}
    assert [f for f in findings(study, [row | good]).values() if f == "does not hold"][1:] == []
    assert len(refuted(study, [row | good | bad])) == len(refuted(study, [row | good])) + 1


def table2_rows(key: tuple[float, bool, bool, bool] = (0.0, True, True, True), **change: float) -> list[Row]:
    """The paper's own accuracies, but for one row."""
    from gengap.studies.zhang2017.table2 import KEY, PRINTED

    rows = []
    for place, printed in PRINTED.items():
        train, _, test, _, *best = (value / 100 for value in printed)
        row = {"train_accuracy": train, "test_accuracy": test, "n_classes": 1_000}
        row |= {"best_test_accuracy": best[0] if best else test + 0.02}
        rows.append(dict(zip(KEY, place, strict=True)) | row | (change if place == key else {}))
    return rows


PLAIN, DECAY, RANDOM = (0.0, False, False, False), (0.0, False, False, True), (1.0, False, False, False)
REMAINS = "without regularisation test accuracy is lower, and most of it remains"
EARLY = "without augmentation stopping early would have helped"


@pytest.mark.parametrize(
    ("key", "change", "parts"),
    [
        (PLAIN, {}, []),
        (DECAY, {"train_accuracy": 0.8}, ["true labels are fitted, regularised or not"]),
        (RANDOM, {"train_accuracy": 0.8}, ["random labels are fitted, regularised or not"]),
        (RANDOM, {"test_accuracy": 0.003}, ["after random labels test accuracy is that of guessing"]),
        (PLAIN, {"test_accuracy": 0.4}, [REMAINS]),
        (PLAIN, {"test_accuracy": 0.79, "best_test_accuracy": 0.82}, [REMAINS]),
        (DECAY, {"best_test_accuracy": 0.675}, [EARLY]),
    ],
)
def test_every_part_of_table_2_can_be_refuted(key: tuple, change: Row, parts: list[str]) -> None:
    assert refuted("zhang2017/table2", table2_rows(key, **change)) == parts


def test_table_2_without_its_plain_row_leaves_what_it_shows_open() -> None:
    rows = [row for row in table2_rows() if any((row["augmentation"], row["dropout"], row["weight_decay"]))]
    assert findings("zhang2017/table2", rows)[REMAINS] == "cannot be judged"


def table3_rows(gabor_error: float, ratio: float) -> list[Row]:
    common = {"data": "mnist", "train_error": 0.0}
    return [
        common | {"preprocessing": "none", "test_error": 0.012, "norm_ratio": 1.0},
        common | {"preprocessing": "gabor", "test_error": gabor_error, "norm_ratio": ratio},
    ]


def test_a_norm_that_falls_and_an_error_that_stays_are_seen() -> None:
    assert refuted("zhang2017/table3", table3_rows(0.006, 1.8)) == []
    assert refuted("zhang2017/table3", table3_rows(0.011, 0.8)) == [
        "a map of images about halves the error",
        "the norm grows with it",
    ]


def line_rows(r2: float, losses: list[float], tau: float) -> list[Row]:
    setting = {"figure": "Figures 3 and 9", "model": "convnet-3", "method": "pretraining", "reason": None}
    networks = [
        setting | {"kind": "network", "status": "done", "random_labels": False, "train_loss": train, "test_loss": k}
        for k, train in enumerate(losses)
    ]
    return [
        setting | {"kind": "line", "status": "done", "r2": r2, "slope": 0.9, "tau_product_norm": tau, "n": 3},
        *networks,
    ]


def test_every_part_of_a_line_can_be_refuted() -> None:
    assert refuted("liao2018/figure3", line_rows(0.99, [0.1, 0.1, 0.11], 0.6)) == []
    assert len(refuted("liao2018/figure3", line_rows(0.5, [0.1, 1.1, 2.0], -0.6))) == 3
    assert "diverged" not in str(findings("liao2018/figure3", line_rows(0.99, [0.1, 0.1], 0.6)))


def kawaguchi_rows(**changes: Any) -> list[Row]:
    moved = [
        {"labels": "true", "allowed": 0.0, "seed": 0, "distance": norm, "norm": norm}
        | {"holds": True, "test_off": 1e-9, "test_error": 0.1}
        for norm in (20.0, 1e6)
    ]
    memorised = {"labels": "random", "train_error": 0.0, "seed": 0}
    return [memorised, moved[0], moved[1] | changes]


@pytest.mark.parametrize("change", [{"holds": False}, {"test_error": 0.2}, {"norm": 30.0}])
def test_a_far_solution_that_predicts_otherwise_is_seen(change: dict) -> None:
    assert refuted("kawaguchi2017/theorem1", kawaguchi_rows()) == []
    assert refuted("kawaguchi2017/theorem1", kawaguchi_rows(**change)) == [
        "weights of norms many times larger predict the same"
    ]


PSI = {
    **{"sharpness_mag_flatness": 0.5, "pacbayes_mag_flatness": 0.4, "vc": -0.1, "params": -0.2, "prod_of_spec": -0.3},
    **{"prod_of_fro": 0.1, "param_norm": 0.0, "fro_dist": 0.2, "path_norm": 0.3, "spec_orig_main": -0.1},
}


def ranked(change: dict[str, float | None] | None = None, half_width: float = 0.04) -> list[Row]:
    """Rankings of both data sets; the change is in the second alone."""
    ends = (("low", -half_width), ("high", half_width))
    return [
        {
            **{"kind": "ranking", "scale": "desk", "data": data, "measure": name, "granulated_tau": psi},
            **{f"granulated_tau_{end}": None if psi is None else psi + by for end, by in ends},
        }
        for data, values in (("cifar10", PSI), ("mnist", PSI | (change or {})))
        for name, psi in values.items()
    ]


RANKING_PARTS = (
    "flatness in sizes of the weights rises with the gap",
    "it orders the networks better than norms of weights do",
    "the product of spectral norms falls where the gap rises",
    "counting parameters orders networks the wrong way round",
)


def test_the_ranking_of_measures_holds_where_flatness_leads_and_spectral_norms_mislead() -> None:
    assert set(findings("jiang2020/ranking", ranked()).values()) == {"holds"}
    lacking = findings("jiang2020/ranking", ranked({"params": None}))
    assert lacking[RANKING_PARTS[3]] == "cannot be judged"


@pytest.mark.parametrize(
    ("change", "half_width", "parts"),
    [
        ({"pacbayes_mag_flatness": -0.1}, 0.04, (0, 1)),
        ({"path_norm": 0.45}, 0.04, (1,)),
        ({"prod_of_spec": 0.1}, 0.04, (2,)),
        ({"vc": 0.05}, 0.04, (3,)),
        ({"pacbayes_mag_flatness": 0.03, "path_norm": -0.1, "fro_dist": -0.1, "prod_of_fro": -0.2}, 0.04, (0, 1)),
        ({"path_norm": 0.33}, 0.04, (1,)),  # of the right order, but within chance, from here on
        ({"prod_of_spec": -0.01}, 0.04, (2,)),
        ({"params": -0.01}, 0.04, (3,)),
        ({}, 0.2, (1, 3)),
        ({}, 0.6, (0, 1, 2, 3)),
    ],
)
def test_a_part_of_the_ranking_does_not_hold_against_or_within_chance(
    change: dict, half_width: float, parts: tuple[int, ...]
) -> None:
    assert refuted("jiang2020/ranking", ranked(change, half_width)) == [RANKING_PARTS[part] for part in parts]


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        ({"pacbayes_mag_flatness"}, (0, 1)),
        ({"sharpness_mag_flatness", "pacbayes_mag_flatness"}, (0, 1)),
        ({"path_norm"}, (1,)),
        ({"vc", "params"}, (3,)),
    ],
)
def test_a_measure_that_one_data_set_lacks_is_not_judged(names: set[str], parts: tuple[int, ...]) -> None:
    rows = [row for row in ranked() if row["data"] == "cifar10" or row["measure"] not in names]
    found = findings("jiang2020/ranking", rows)
    assert [part for part, finding in found.items() if finding != "holds"] == [RANKING_PARTS[k] for k in parts]
    assert {found[RANKING_PARTS[k]] for k in parts} == {"cannot be judged"}


TERMS: Row = {
    **{"scale": "desk", "model": "m", "labels": "true", "status": "done", "train_accuracy": 1.0},
    **{"risk": 1.0, "empirical_risk": 0.1, "gap": 0.9, "label_term": 1.3, "concentration": -0.4, "c_y": 0.0},
    **{"weight_norm": 2.0, "v_norm": 10.0, "largest_eigenvalue": 20.0, "label_term_aligned": 30.0},
    **{"concentration_aligned": 70.0, "bound": 100.0, "identity_error": 1e-16, "spectral_error": 1e-12},
}
ADD_UP, ALLOWED, ANGLES = (
    "the terms add up to the gap",
    "each term is at most what norms and eigenvalues allow",
    "it is less than 5% of that, by its angles",
)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({}, []),
        ({"identity_error": 1e-6}, [ADD_UP]),
        ({"spectral_error": 0.5}, [ADD_UP]),
        ({"label_term": 2.0}, [ADD_UP]),
        ({"risk": 2.0}, [ADD_UP]),
        ({"bound": 50.0}, [ALLOWED]),
        ({"label_term_aligned": 50.0, "bound": 120.0}, [ALLOWED]),
        ({"concentration_aligned": 90.0, "bound": 120.0}, [ALLOWED]),
        ({"label_term": 40.0, "concentration": -39.1}, [ALLOWED]),
        ({"label_term_aligned": 1.5, "concentration_aligned": 0.5, "bound": 2.0}, [ANGLES]),
    ],
)
def test_every_part_of_theorem_7_can_be_refuted(change: Row, parts: list[str]) -> None:
    assert refuted("kawaguchi2017/theorem7", [TERMS, TERMS | change]) == parts


def darc1_rows(error: float, term: float) -> list[Row]:
    base = {"data": "mnist", "seed": 0, "factor": 0.0, "test_error": 0.1, "term": 4.0}
    best = base | {"factor": 0.1, "test_error": 0.1 * error, "term": 4.0 * term}
    return [base, best, base | {"factor": 0.01, "test_error": 0.2, "term": 0.4}]


def test_every_part_of_darc1_can_be_refuted() -> None:
    assert refuted("kawaguchi2017/darc1", darc1_rows(0.8, 0.5)) == []
    assert refuted("kawaguchi2017/darc1", darc1_rows(1.01, 0.5)) == [
        "with the best multiple the test error is no larger"
    ]
    assert refuted("kawaguchi2017/darc1", darc1_rows(0.8, 0.51)) == [
        "and the term is far smaller, at most 0.5 times what it is without DARC1"
    ]


WIDTHS = (64, 128, 256, 512)


@pytest.mark.parametrize("figure", ["figure1", "figure2"])
@pytest.mark.parametrize(
    ("errors", "holds"),
    [
        ([0.10, 0.09, 0.10, 0.09], True),  # by 0.01 where two standard errors of 1,000 examples are 0.026
        ([0.10, 0.09, 0.10, 0.11], True),
        ([0.10, 0.10, 0.11, 0.13], False),
        ([0.10, 0.09, 0.20, 0.09], False),
        ([0.10, 0.06, 0.08, 0.10], False),  # in two steps, each within chance
    ],
)
def test_an_error_that_rises_at_some_width_is_seen(figure: str, errors: list[float], holds: bool) -> None:
    common = {"scale": "desk", "data": "mnist", "labels": "original", "seed": 0, "train_error": 0.0}
    rows = [common | {"units": units, "test_error": error} for units, error in zip(WIDTHS, errors, strict=True)]
    (finding,) = findings(f"neyshabur2015/{figure}", rows).values()
    assert finding == ("holds" if holds else "does not hold")


OLDER = ("vc", "l1max", "frobenius", "spectral_l1", "spectral_frobenius")


def widening(**changes: list[float]) -> list[Row]:
    values = {
        **{"test_error": [0.66, 0.64, 0.65, 0.61], "unit_capacity": [4.0, 3.0, 2.0, 1.0]},
        **{"unit_impact": [4.0, 3.0, 2.0, 1.0], "capacity_distance": [9.0, 5.0, 4.0, 3.0]},
        **{f"capacity_{name}": [9.0, 5.0, 6.0, 7.0] for name in OLDER},
    } | changes
    common = {"scale": "desk", "seed": 0, "train_error": 0.0}
    return [common | {"width": w} | {name: column[i] for name, column in values.items()} for i, w in enumerate(WIDTHS)]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (
            {"test_error": [0.60, 0.60, 0.60, 0.61]},
            "beyond the width that fits, the test error falls by more",
        ),
        (
            {"test_error": [0.66, 0.60, 0.66, 0.61]},
            "beyond the width that fits, the test error falls by more",
        ),
        ({"unit_capacity": [4.0, 2.0, 3.0, 1.0]}, "the capacity of a unit falls"),
        ({"unit_impact": [4.0, 3.0, 2.0, 2.5]}, "the impact of a unit falls"),
        ({"capacity_distance": [1.0, 1.2, 1.4, 1.6]}, "their capacity falls with width"),
        ({"capacity_l1max": [9.0, 8.0, 7.0, 6.0]}, "the older ones rise"),
    ],
)
def test_every_part_of_the_capacity_of_wide_layers_can_be_refuted(change: dict[str, list[float]], part: str) -> None:
    assert refuted("neyshabur2019/figure1", widening()) == []
    (found,) = refuted("neyshabur2019/figure1", widening(**change))
    assert found.startswith(part)
