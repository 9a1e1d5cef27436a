"""Betting and empirical Bernstein: twins in a plain loop, laws, coverage by simulation."""

import math

import numpy as np
import pytest

from gengap import bounds
from gengap.errors import InputError

C = 0.95


def deviations(losses) -> list[float]:
    """Before each example, by the definition."""
    total, squares, seen = 0.5, 0.25, [0.5]
    for t, y in enumerate((1 - loss for loss in losses), start=1):
        total += y
        squares += (y - total / (t + 1)) ** 2
        seen.append(math.sqrt(squares / (t + 1)))
    return seen[:-1]


def capitals(losses, m, bets) -> list[float]:
    """The gambler's capital after each example, by the definition."""
    now, seen = 1.0, []
    for loss, bet in zip(losses, bets, strict=True):
        now *= 1 + bet * (1 - loss - m)
        seen.append(now)
    return seen


def aimed_bets(losses, m, alpha) -> list[float]:
    """Bets that aim at 1/alpha from the capital that is there; none once it is reached."""
    now, n, bets = 1.0, len(losses), []
    for t, (loss, deviation) in enumerate(zip(losses, deviations(losses), strict=True)):
        missing = max(-math.log(alpha) - math.log(now), 0.01)
        bet = min(math.sqrt(2 * missing / (n - t)) / deviation, C / m if m > 0 else math.inf)
        bets.append(bet)
        now *= 1 + bet * (1 - loss - m)
    return bets


def fixed_twin(losses, alpha) -> float:
    """The upper end of the risks that are not refuted, cell by cell, on a fine list of risks in each."""
    n, end = len(losses), float(np.mean(losses))
    grid = np.sin(np.linspace(0, np.pi / 2, math.ceil(6.5 * math.sqrt(n)) + 8)) ** 2
    for low, high in zip(grid[:-1], np.append(grid[1:-1], 1.0), strict=True):
        if high <= end:
            continue
        bets = aimed_bets(losses, 1 - low, alpha)
        risks = np.linspace(low, high, 200)
        open_ = [risk for risk in risks if max(capitals(losses, 1 - risk, bets)) < 1 / alpha]
        end = max([end, *open_])
    return end


def anytime_twin(losses, alpha) -> float:
    bets = [
        math.sqrt(2 * math.log(1 / alpha) / (t * math.log(1 + t))) / deviation
        for t, deviation in enumerate(deviations(losses), start=1)
    ]
    low, high = 0.0, 1.0
    for _ in range(60):
        risk = (low + high) / 2
        m = 1 - risk
        refuted = m > 0 and max(capitals(losses, m, [min(bet, C / m) for bet in bets])) >= 1 / alpha
        low, high = (low, risk) if refuted else (risk, high)
    return high


LOSSES = {
    "none": np.zeros(40),
    "all": np.ones(12),
    "halves": np.full(60, 0.5),
    "mixed": np.random.default_rng(0).beta(1, 5, 80),
    "zero-one": (np.random.default_rng(1).random(90) < 0.2).astype(float),
    "single": np.array([0.3]),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(("tried", "delta"), [(1, 0.05), (20, 0.2)])
def test_betting_equals_its_definition(name: str, tried: int, delta: float) -> None:
    losses, alpha = LOSSES[name], delta / tried
    cell = math.pi / 2 / (6.5 * math.sqrt(len(losses)))  # the widest; the twin's list of risks is 200 times finer
    assert float(bounds.betting(losses, tried, delta)) == pytest.approx(fixed_twin(losses, alpha), abs=cell / 150)
    anytime = bounds.betting_sequence(losses, tried, delta, sizes=[len(losses)])
    assert float(anytime.upper[0]) == pytest.approx(anytime_twin(losses, alpha), abs=1e-6)


def test_within_a_cell_the_capital_grows_with_the_risk_so_that_halving_finds_the_root() -> None:
    for losses in LOSSES.values():
        for low in (0.05, 0.3, 0.7):
            bets = aimed_bets(losses, 1 - low, 0.05)
            final = [capitals(losses, 1 - risk, bets)[-1] for risk in np.linspace(low, 1.0, 40)]
            assert np.all(np.diff(final) >= -1e-12)


def test_no_bound_lies_below_the_losses_seen() -> None:
    for losses in (np.sort(LOSSES["mixed"])[::-1], np.repeat([1.0, 0.0], 100), np.ones(5), np.zeros(3)):
        assert bounds.betting(losses, 1, 0.9) >= losses.mean()


def test_the_mean_width_is_close_to_the_normal_one() -> None:
    losses = np.random.default_rng(4).beta(2, 2, (20, 4_000))
    widths = (bounds.betting(losses) - losses.mean(axis=1)) * math.sqrt(4_000) / losses.std(axis=1)
    assert 1.645 < widths.mean() < 3.0  # 1.645 for means known to be normal, 2.45 for Hoeffding with this variance


def test_no_order_is_unlucky_beyond_measure() -> None:
    """A capital that comes to rest just below the target would refute nothing, far above the losses."""
    losses = np.random.default_rng(0).beta(0.5, 9.5, (60, 600))
    assert np.max(bounds.betting(losses) - losses.mean(axis=1)) < 0.03


def test_batches_equal_a_loop() -> None:
    losses = np.random.default_rng(2).random((3, 50))
    tried = np.array([1, 10, 100])
    together = bounds.betting(losses, tried, 0.05)
    assert np.array_equal(together, [bounds.betting(row, m, 0.05) for row, m in zip(losses, tried, strict=True)])


def test_more_models_and_smaller_delta_never_tighten() -> None:
    losses = LOSSES["mixed"]
    assert bounds.betting(losses, 10) >= bounds.betting(losses)
    assert bounds.betting(losses, 1, 0.01) >= bounds.betting(losses, 1, 0.1)


def test_the_sequence_never_rises_and_is_the_same_when_the_set_has_grown() -> None:
    losses = LOSSES["zero-one"]
    whole = bounds.betting_sequence(losses, sizes=np.arange(1, len(losses) + 1))
    assert np.all(np.diff(whole.upper) <= 0)
    early = bounds.betting_sequence(losses[:40], sizes=[40])
    assert whole.upper[39] == early.upper[0]
    assert bounds.betting_sequence(losses).sizes[[0, -1]].tolist() == [1, len(losses)]


def violation_rate(draw, mean: float, bound, repeats: int = 300) -> float:
    rng = np.random.default_rng(11)
    return float(np.mean([bound(draw(rng)) < mean for _ in range(repeats)]))


@pytest.mark.parametrize(
    ("draw", "mean"),
    [
        (lambda rng: (rng.random(200) < 0.05).astype(float), 0.05),
        (lambda rng: rng.beta(0.5, 4.5, 200), 0.1),
        (lambda rng: rng.random(200), 0.5),
    ],
)
@pytest.mark.parametrize("which", ["betting", "sequence", "bernstein"])
def test_coverage_by_simulation(draw, mean: float, which: str) -> None:
    delta = 0.1
    bound = {
        "betting": lambda x: bounds.betting(x, 1, delta),
        "sequence": lambda x: bounds.betting_sequence(x, 1, delta, sizes=[len(x)]).upper[0],  # the lowest of all sizes
        "bernstein": lambda x: bounds.empirical_bernstein(x.sum(), x.size, 1, delta, variance=x.var(ddof=1)),
    }[which]
    assert violation_rate(draw, mean, bound) <= delta + 3 * math.sqrt(delta * (1 - delta) / 300)


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ([], "no example"),
        ([0.2, 1.2], "1.2"),
        ([0.2, float("nan")], "NaN"),
        (0.5, "no example"),
        (["a"], "not a number"),
    ],
)
def test_refuses_what_are_no_losses(losses, message: str) -> None:
    with pytest.raises(InputError, match=message):
        bounds.betting(losses)
    with pytest.raises(InputError, match=message):
        bounds.betting_sequence(losses)


def test_refuses_sizes_outside_the_examples() -> None:
    with pytest.raises(InputError, match="from 1 to 3"):
        bounds.betting_sequence([0.1, 0.2, 0.3], sizes=[4])


def test_refuses_a_negative_variance() -> None:
    with pytest.raises(InputError, match="variance"):
        bounds.empirical_bernstein(1, 10, variance=-1)
