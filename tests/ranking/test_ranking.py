"""Statistics that compare measures with gaps, against loops over pairs."""

import math
from itertools import combinations, permutations, product

import numpy as np
import pandas as pd
import pytest

from gengap.errors import InputError
from gengap.ranking import (
    Bootstrap,
    Grid,
    conditional_information,
    granulated_tau,
    grid_from_frame,
    information_null,
    kendall_tau,
    rank_measures,
    sign_error,
)


def made_up(replicates: int = 2, seed: int = 0, sizes: tuple[int, ...] = (3, 2, 3)) -> tuple[pd.DataFrame, list[str]]:
    """A full grid with gaps that depend on it, a good measure, a bad one, and one with gaps and ties."""
    rng = np.random.default_rng(seed)
    names = ["depth", "lr", "width"][: len(sizes)]
    rows = [dict(zip(names, point, strict=True)) for point in product(*map(range, sizes)) for _ in range(replicates)]
    frame = pd.DataFrame(rows)
    frame["gap"] = 0.1 * frame["depth"] - 0.05 * frame["lr"] + 0.02 * rng.normal(size=len(frame))
    frame["good"] = frame["gap"] + 0.05 * rng.normal(size=len(frame))
    frame["noise"] = rng.normal(size=len(frame))
    frame["tied"] = frame["depth"].astype(float)
    frame.loc[3, "tied"] = np.nan
    return frame, names


def grid_of(frame: pd.DataFrame, names: list[str]) -> Grid:
    return grid_from_frame(frame, "gap", names, ["good", "noise", "tied"])


def sign(x: float) -> int:
    return int(x > 0) - int(x < 0)


@pytest.mark.parametrize("measure", ["good", "noise", "tied"])
def test_tau_b_against_all_pairs(measure: str) -> None:
    frame, _ = made_up()
    frame = frame.dropna()
    concordance = tied_m = tied_g = total = 0
    for (_, a), (_, b) in combinations(frame.iterrows(), 2):
        concordance += sign(a[measure] - b[measure]) * sign(a["gap"] - b["gap"])
        tied_m += a[measure] == b[measure]
        tied_g += a["gap"] == b["gap"]
        total += 1
    expected = concordance / math.sqrt((total - tied_m) * (total - tied_g))
    assert kendall_tau(frame[measure].to_numpy(), frame["gap"].to_numpy()) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("replicates", [1, 3])
@pytest.mark.parametrize("measure", ["good", "noise", "tied"])
def test_granulated_tau_against_its_definition(measure: str, replicates: int) -> None:
    frame, names = made_up(replicates)
    expected = {}
    for name in names:
        others = [other for other in names if other != name]
        means = []
        for _, group in frame.groupby(others):
            agree = [
                sign(a[measure] - b[measure]) * sign(a["gap"] - b["gap"])
                for (_, a), (_, b) in combinations(group.iterrows(), 2)
                if a[name] != b[name] and not math.isnan(a[measure]) and not math.isnan(b[measure])
            ]
            if agree:
                means.append(np.mean(agree))
        expected[name] = np.mean(means)
    found = granulated_tau(grid_of(frame, names), frame[measure].to_numpy())
    assert found.along == pytest.approx(expected, abs=1e-12)
    assert found.value == pytest.approx(np.mean(list(expected.values())), abs=1e-12)


@pytest.mark.parametrize("measure", ["good", "noise", "tied"])
def test_conditional_information_against_counting(measure: str) -> None:
    frame, names = made_up(2)
    grid = grid_of(frame, names)
    found = conditional_information(grid, frame[measure].to_numpy(), grid.pairs(most=10**6))
    usable = [row for _, row in frame.iterrows() if not math.isnan(row[measure])]
    ordered = [(a, b) for a, b in permutations(usable, 2) if any(a[n] != b[n] for n in names)]
    assert found.pairs == len(ordered) // 2
    for chosen, value in found.by_set.items():
        assert value == pytest.approx(_naive_information(ordered, chosen, measure), abs=1e-12)
    assert len(found.by_set) == 1 + 3 + 3
    assert found.value == min(found.by_set.values())


def _naive_information(ordered: list, chosen: tuple[str, ...], measure: str) -> float:
    cells: dict = {}
    for a, b in ordered:
        key = tuple((a[name], b[name]) for name in chosen)
        cells.setdefault(key, []).append((sign(a[measure] - b[measure]), sign(a["gap"] - b["gap"])))
    information = entropy = 0.0
    for signs in cells.values():
        p_cell = len(signs) / len(ordered)
        joint, left, right = ({} for _ in range(3))
        for m, g in signs:
            for table, key in ((joint, (m, g)), (left, m), (right, g)):
                table[key] = table.get(key, 0) + 1 / len(signs)
        information += p_cell * sum(p * math.log(p / (left[m] * right[g])) for (m, g), p in joint.items())
        entropy -= p_cell * sum(p * math.log(p) for p in right.values())
    return information / entropy


def test_the_gap_itself_is_a_perfect_measure_and_noise_is_like_its_null() -> None:
    frame, names = made_up(1, sizes=(4, 4, 4))
    grid = grid_of(frame, names)
    pairs = grid.pairs(most=10**6)
    assert kendall_tau(grid.gap, grid.gap) == 1
    assert granulated_tau(grid, grid.gap).value == 1
    assert conditional_information(grid, grid.gap, pairs).value == pytest.approx(1)
    assert sign_error(grid, grid.gap, least_effective=1).worst == 0
    assert granulated_tau(grid, -grid.gap).value == -1
    assert sign_error(grid, -grid.gap, least_effective=1).worst == 1
    null = information_null(grid, frame["noise"].to_numpy(), pairs, draws=40)
    own = conditional_information(grid, frame["noise"].to_numpy(), pairs).value
    assert np.quantile(null, 0.005) <= own <= null.max()
    assert conditional_information(grid, frame["good"].to_numpy(), pairs).value > 2 * null.max()


def test_noise_of_settings_exceeds_its_null_as_rarely_as_chance_where_a_replicate_is_missing() -> None:
    above = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame(list(product(range(2), repeat=4)) * 4, columns=list("abcd"))
        effect, noise = rng.normal(size=(2, 16))
        setting = frame @ [8, 4, 2, 1]
        frame["gap"] = effect[setting] + 0.1 * rng.normal(size=len(frame))
        frame["noise"] = noise[setting]
        grid = grid_from_frame(frame[1:], "gap", list("abcd"), ["noise"])
        pairs = grid.pairs(most=10**6)
        own = conditional_information(grid, grid.measures["noise"], pairs).value
        above += own > information_null(grid, grid.measures["noise"], pairs).max()
    assert above <= 9  # the largest of eleven alike once in eleven: more than 9 of 40 with probability 0.003


@pytest.mark.parametrize("n_test", [None, 1000])
def test_sign_error_against_a_loop(n_test: int | None) -> None:
    frame, names = made_up(3)
    found = sign_error(grid_of(frame, names), frame["good"].to_numpy(), n_test=n_test, least_effective=1)
    for environment in found.environments:
        name, wrong, weights = environment.hyperparameter, [], []
        for (_, a), (_, b) in combinations(frame.iterrows(), 2):
            if {a[name], b[name]} != {environment.low, environment.high}:
                continue
            if any(a[other] != b[other] for other in names if other != name):
                continue
            delta = abs(a["gap"] - b["gap"])
            weights.append(1.0 if n_test is None else max(0, 1 - 2 * math.exp(-2 * n_test * (delta / 2) ** 2)) ** 2)
            wrong.append((1 - sign(a["gap"] - b["gap"]) * sign(a["good"] - b["good"])) / 2)
        assert environment.error == pytest.approx(np.dot(weights, wrong) / sum(weights), abs=1e-12)
        assert environment.effective == pytest.approx(sum(weights) ** 2 / np.dot(weights, weights))
    assert found.worst == max(e.error for e in found.environments)
    assert len(found.environments) + found.discarded == 3 + 1 + 3


def test_statistics_depend_on_the_order_of_a_measure_alone() -> None:
    frame, names = made_up(2)
    frame["grown"] = np.exp(30 * frame["good"])
    table = rank_measures(grid_from_frame(frame, "gap", names, ["good", "grown"])).set_index("measure")
    for column in (
        "kendall_tau",
        "granulated_tau",
        "cmi",
        "worst_sign_error",
        "granulated_tau_low",
        "kendall_tau_high",
    ):
        assert table.loc["good", column] == table.loc["grown", column]


def test_a_measure_beyond_float64s_differences_is_still_ordered() -> None:
    frame, names = made_up(1)
    frame["huge"] = np.where(frame["gap"] > frame["gap"].median(), 1e308, -1e308)
    grid = grid_from_frame(frame, "gap", names, ["huge"])
    assert granulated_tau(grid, grid.measures["huge"]).value == pytest.approx(
        granulated_tau(grid, np.sign(grid.measures["huge"])).value
    )


def test_intervals_hold_the_value_and_shrink_with_the_grid() -> None:
    widths = []
    for size in (3, 6):
        frame, names = made_up(1, sizes=(size, size, size))
        grid = grid_of(frame, names)
        bootstrap = Bootstrap(grid)
        good = frame["good"].to_numpy()
        low, high = bootstrap.granulated(good)
        assert low <= granulated_tau(grid, good).value <= high
        tau = bootstrap.tau(good)
        assert tau.low <= kendall_tau(good, grid.gap) <= tau.high
        widths.append(tau.high - tau.low)
    assert widths[1] < 0.7 * widths[0]


def test_the_interval_of_tau_covers_what_more_settings_show() -> None:
    """Settings drawn from a population with a known tau: Kendall's tau of a bivariate normal is 2/pi arcsin(rho)."""
    covered = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(40, 2))
        frame = pd.DataFrame({"setting": range(40), "gap": x[:, 0], "m": 0.6 * x[:, 0] + 0.8 * x[:, 1]})
        low, high = Bootstrap(grid_from_frame(frame, "gap", ["setting"], ["m"]), seed=seed).tau(frame["m"].to_numpy())
        covered += low <= 2 / math.pi * math.asin(0.6) <= high
    assert covered >= 51  # a 95 % interval misses more than 9 of 60 with probability 0.001


def test_the_interval_of_tau_counts_replicates_as_the_value_does() -> None:
    """A measure that orders settings as the gap does, and the replicates of each the other way round."""
    frame = pd.DataFrame(list(product(range(4), range(3), range(6))), columns=["a", "b", "replicate"])
    frame["gap"] = 3 * frame["a"] + frame["b"] + 0.01 * frame["replicate"]
    frame["m"] = 3 * frame["a"] + frame["b"] - 0.01 * frame["replicate"]
    grid = grid_from_frame(frame, "gap", ["a", "b"], ["m"])
    between, within = 66 * 36, 12 * 15
    tau = kendall_tau(grid.measures["m"], grid.gap)
    assert tau == pytest.approx((between - within) / (between + within))
    low, high = Bootstrap(grid).tau(grid.measures["m"])
    assert low < tau < high < 0.9


def test_few_settings_have_no_interval() -> None:
    frame, names = made_up(2, sizes=(3, 3))
    table = rank_measures(grid_from_frame(frame, "gap", names, ["good"]))
    assert table["kendall_tau_low"].isna().all()
    assert np.isfinite(table["kendall_tau"]).all()


def test_sampled_pairs_estimate_all_pairs() -> None:
    frame, names = made_up(2, sizes=(5, 5, 5))
    grid = grid_of(frame, names)
    every, some = (grid.pairs(most=most) for most in (10**6, 8_000))
    assert (len(every), len(some), some.total) == (every.total, 8_000, every.total)
    assert (grid.settings[some.first] != grid.settings[some.second]).all()
    good = frame["good"].to_numpy()
    exact = conditional_information(grid, good, every).by_set[()]
    assert conditional_information(grid, good, some).by_set[()] == pytest.approx(exact, abs=0.03)  # 3 standard errors


def test_sampled_pairs_along_a_hyperparameter_stand_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large cell is sampled, a small one is not; every pair differs in this hyperparameter alone."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.integers(0, 3, 390), "b": np.repeat([0, 1], [300, 90])})
    frame["gap"] = 0.1 * frame["a"] + 0.1 * rng.normal(size=390)
    frame["good"] = (1 - 2 * frame["b"]) * frame["gap"] + 0.05 * rng.normal(size=390)
    every, some = (grid_from_frame(frame, "gap", ["a", "b"], ["good"]) for _ in range(2))
    all_pairs = every.pairs_along("a")
    monkeypatch.setattr("gengap.ranking.grid.MOST_ALONG", 8_000)
    pairs = some.pairs_along("a")
    a, b = (frame[name].to_numpy() for name in "ab")
    assert len(all_pairs) == sum(a[i] != a[j] and b[i] == b[j] for i, j in combinations(range(390), 2))
    assert pairs.total == len(all_pairs)
    for one in (all_pairs, pairs):
        assert (a[one.first] != a[one.second]).all()
        assert (b[one.first] == b[one.second]).all()
        assert one.stands_for.sum() == pytest.approx(one.total)
    small = int((b[all_pairs.first] == 1).sum())
    assert np.bincount(pairs.group).tolist() == [4_000, small]
    good = every.measures["good"]
    found, exact = granulated_tau(some, good).along["a"], granulated_tau(every, good).along["a"]
    assert found == pytest.approx(exact, abs=0.025)  # three standard errors of half a sampled mean


def test_intervals_of_unequal_groups_are_of_the_same_statistic_as_the_value() -> None:
    """One large group in which the measure agrees with the gap, and 19 of two networks in which it does not."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": [*range(200), *[0, 1] * 19], "b": np.repeat(range(20), [200, *[2] * 19])})
    frame["gap"] = rng.random(len(frame))
    frame["m"] = frame["gap"].where(frame["b"] == 0, -frame["gap"])
    grid = grid_from_frame(frame, "gap", ["a", "b"], ["m"])
    value = granulated_tau(grid, grid.measures["m"])
    assert value.along["a"] == pytest.approx(-0.9)
    for seed in range(3):
        low, high = Bootstrap(grid, most_pairs=1_000, seed=seed).granulated(grid.measures["m"])
        assert low <= value.value <= high < -0.5


def test_sign_errors_count_all_pairs_where_granulated_tau_has_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.integers(0, 12, 200), "b": rng.integers(0, 2, 200)})
    frame["gap"] = rng.random(200)
    frame["good"] = frame["gap"] + 0.2 * rng.normal(size=200)
    frame.loc[:10, "good"] = np.nan
    every, sampled = (grid_from_frame(frame, "gap", ["a", "b"], ["good"]) for _ in range(2))
    exact = sign_error(every, every.measures["good"], n_test=300)
    monkeypatch.setattr("gengap.ranking.grid.MOST_ALONG", 500)
    monkeypatch.setattr("gengap.ranking.grid.BLOCK", 700)
    assert sampled.pairs_along("a").sampled
    found = sign_error(sampled, sampled.measures["good"], n_test=300)
    assert found.discarded == exact.discarded
    of = {environment[:3]: environment[3:] for environment in found.environments}
    assert of.keys() == {environment[:3] for environment in exact.environments}
    for environment in exact.environments:
        assert of[environment[:3]] == pytest.approx(environment[3:], rel=1e-9)  # sums in another order


def test_rows_without_gap_or_setting_are_left_out_and_counted() -> None:
    frame, names = made_up(1)
    frame.loc[0, "gap"] = np.inf
    frame["depth"] = frame["depth"].astype("Int64")
    frame.loc[1, "depth"] = pd.NA
    assert grid_of(frame, names).dropped == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.assign(gap=0.1), "constant: 0.1 in all 18 rows"),
        (lambda f: f.assign(gap=np.nan), "0 of 18 rows have the gap 'gap'"),
        (lambda f: f.assign(gap=f["gap"].where(f.index == 4)), "1 of 18 rows have"),
        (lambda f: f.assign(depth=1), "one value"),
        (lambda f: f.assign(good="large"), "holds 'large'"),
        (lambda f: f.drop(columns="gap"), "Unknown column 'gap'"),
        (lambda f: f.rename(columns={"good": "goood"}), "did you mean"),
    ],
)
def test_tables_that_cannot_be_ranked(change, message: str) -> None:
    frame, names = made_up(1)
    with pytest.raises(InputError, match=message):
        grid_of(change(frame), names)


def test_one_column_has_one_role() -> None:
    frame, names = made_up(1)
    with pytest.raises(InputError, match="more than once: depth"):
        grid_from_frame(frame, "gap", names, ["depth"])


def test_all_number_columns_are_measures_by_default() -> None:
    frame, names = made_up(1)
    frame["note"] = "x"
    assert list(grid_from_frame(frame, "gap", names).measures) == ["good", "noise", "tied"]
