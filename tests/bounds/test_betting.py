"""Betting and empirical Bernstein: twins in a plain loop, laws, coverage by simulation."""

import math

import numpy as np
import pytest

from gengap import bounds
from gengap.errors import InputError


def capital(losses, m, alpha, horizon) -> list[float]:
    """The gambler's capital after each example, by the definition."""
    kept, total, squares, seen = 1.0, 0.5, 0.25, []
    variance = 0.25
    for t, y in enumerate((1 - loss for loss in losses), start=1):
        bet = min(math.sqrt(2 * math.log(1 / alpha) / (variance * horizon(t))), 0.75 / m if m > 0 else math.inf)
        kept *= 1 + bet * (y - m)
        total += y
        squares += (y - total / (t + 1)) ** 2
        variance = squares / (t + 1)
        seen.append(kept)
    return seen


def upper_twin(losses, alpha, horizon) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        risk = (low + high) / 2
        refuted = max(capital(losses, 1 - risk, alpha, horizon)) >= 1 / alpha
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
    fixed = upper_twin(losses, alpha, lambda t: len(losses))
    assert float(bounds.betting(losses, tried, delta)) == pytest.approx(fixed, abs=1e-6)
    anytime = bounds.betting_sequence(losses, tried, delta, sizes=[len(losses)])
    growing = upper_twin(losses, alpha, lambda t: t * math.log(1 + t))
    assert float(anytime.upper[0]) == pytest.approx(growing, abs=1e-6)


def test_capital_falls_with_the_mean_doubted_so_that_halving_finds_the_root() -> None:
    grid = np.linspace(0.01, 0.99, 60)
    for losses in LOSSES.values():
        final = [capital(losses, m, 0.05, lambda t: 80)[-1] for m in grid]
        assert np.all(np.diff(final) <= 1e-12)


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


def violation_rate(draw, mean: float, bound, repeats: int = 600) -> float:
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
    assert violation_rate(draw, mean, bound) <= delta + 3 * math.sqrt(delta * (1 - delta) / 600)


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
