"""Coherence: explicit gradients in float64, the limits by hand, the laws of alpha, and the null of contributions."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from gengap import load, probes
from gengap.errors import InputError
from gengap.probes.coherent_gradients import alpha_of


def network(*sizes: int, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    layers = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.Tanh())]
    return nn.Sequential(*layers[:-1]).double()


def data(n: int = 40, seed: int = 1):
    torch.manual_seed(seed)
    return torch.randn(n, 6, dtype=torch.float64), torch.randint(3, (n,))


def formed(model, x, y) -> np.ndarray:
    parts = probes.per_example_gradients(model, x, y)
    return torch.cat([g.flatten(1) for g in parts.values()], 1).numpy()


def test_against_explicit_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gengap.probes.coherent_gradients.BATCH", 7)  # several batches
    model, (x, y) = network(6, 5, 3), data()
    g = formed(model, x, y)
    N = len(g)
    found = probes.coherence(model, (x, y))
    mean = g.mean(0)
    assert found.alpha == pytest.approx(mean @ mean / (g * g).sum(1).mean(), rel=1e-10)
    assert found.m_coherence == pytest.approx(N * found.alpha, rel=1e-12)
    pairs = [g[i] @ g[j] for i in range(N) for j in range(N) if i != j]
    assert found.whole.unbiased == pytest.approx(np.mean(pairs) / (g * g).sum(1).mean(), rel=1e-9)
    assert found.alignments == pytest.approx(g @ mean / np.linalg.norm(g, axis=1) / np.linalg.norm(mean), rel=1e-9)
    assert found.norms == pytest.approx(np.linalg.norm(g, axis=1), rel=1e-9)
    first = g[:, : 6 * 5 + 5]
    assert found.layers["0"].alpha == pytest.approx(
        np.square(first.mean(0)).sum() / np.square(first).sum(1).mean(), rel=1e-9
    )


def test_the_errors_are_those_of_a_jackknife_by_hand() -> None:
    model, (x, y) = network(6, 5, 3), data(12)
    g = formed(model, x, y)
    found = probes.coherence(model, (x, y)).whole

    def both(rows: np.ndarray) -> tuple[float, float]:
        n, total, square = len(rows), np.square(rows.sum(0)).sum(), np.square(rows).sum()
        return total / (n * square), (total - square) / ((n - 1) * square)

    left_out = np.array([both(np.delete(g, n, 0)) for n in range(12)])
    expected = np.sqrt(11 / 12 * np.square(left_out - left_out.mean(0)).sum(0))
    assert found.alpha_error == pytest.approx(expected[0], rel=1e-8)
    assert found.unbiased_error == pytest.approx(expected[1], rel=1e-8)
    assert found.m_coherence_error == pytest.approx(12 * expected[0], rel=1e-8)


def test_identical_examples_have_coherence_1_and_orthogonal_ones_1_over_m() -> None:
    model, (x, y) = network(6, 5, 3), data()
    same = probes.coherence(model, (x[:1].repeat(9, 1), y[:1].repeat(9)))
    assert (same.alpha, same.whole.unbiased) == (pytest.approx(1, rel=1e-12), pytest.approx(1, rel=1e-12))
    assert same.m_coherence == pytest.approx(9, rel=1e-12)
    assert same.whole.alpha_error == pytest.approx(0, abs=1e-7)
    linear = nn.Linear(7, 1, bias=False).double()
    orthogonal = probes.coherence(
        linear, (torch.eye(7, dtype=torch.float64), torch.zeros(7).long()), lambda s, t: s.sum()
    )
    assert (orthogonal.alpha, orthogonal.m_coherence) == (pytest.approx(1 / 7), pytest.approx(1))
    assert orthogonal.whole.unbiased == pytest.approx(0, abs=1e-15)


def test_scale_permutation_and_batches_do_not_matter() -> None:
    model, (x, y) = network(6, 5, 3), data()
    one = probes.coherence(model, (x, y))
    scaled = probes.coherence(model, (x, y), lambda s, t: 3 * nn.functional.cross_entropy(s, t))
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(2))
    other = probes.coherence(model, (x[order], y[order]))
    batches = probes.coherence(model, iter(zip(x.split(9), y.split(9), strict=True)))
    for found in (scaled, other, batches):
        assert found.whole[:6] == pytest.approx(one.whole[:6], rel=1e-9)


def test_minibatches_drawn_with_replacement_obey_the_law_in_expectation() -> None:
    g = formed(network(6, 5, 3), *data(30))
    alpha = np.square(g.mean(0)).sum() / np.square(g).sum(1).mean()
    random, k = np.random.default_rng(0), 4
    means = g[random.integers(0, 30, (40_000, k))].mean(1)
    # E over minibatches of the numerator is known exactly; of the denominator, 40,000 draws tell 1 %.
    measured = np.square(g.mean(0)).sum() / np.square(means).sum(1).mean()
    assert measured == pytest.approx(probes.minibatch_alpha(alpha, k), rel=0.02)


def test_contributions_by_hand_and_their_null() -> None:
    model, (x, y) = network(6, 5, 3), data()
    corrupt = np.arange(40) % 4 == 0
    g = formed(model, x, y)
    total = g.sum(0)
    found = probes.coherence(model, (x, y)).contributions(corrupt)
    assert found.pristine == pytest.approx(g[~corrupt].sum(0) @ total / (total @ total), rel=1e-9)
    assert found.pristine + found.corrupt == pytest.approx(1)
    assert found.null_mean == pytest.approx(0.75, abs=0.02)  # 30 of 40; 999 permutations
    assert found.null_low < found.null_mean < found.null_high
    assert 0 < found.null_p_value <= 1


def test_corrupt_examples_that_pull_the_other_way_are_seen() -> None:
    torch.manual_seed(0)
    x = torch.randn(200, 6, dtype=torch.float64)
    y = (x[:, 0] > 0).long()
    corrupt = np.arange(200) < 60
    y[:60] = 1 - y[:60]
    found = probes.coherence(nn.Linear(6, 2).double(), (x, y)).contributions(corrupt)
    assert found.pristine > found.null_high
    assert found.null_p_value == pytest.approx(1 / 1000)


def test_a_problem_and_one_pass() -> None:
    digits = load("digits").take(300, 10)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 10))
    two = probes.coherence(model, digits)
    one = probes.coherence(model, digits, errors=False)
    assert one.alpha == two.alpha
    assert one.n == 300
    assert one.whole.alpha_error is None
    assert 0 < two.whole.alpha_error < two.alpha
    with pytest.raises(InputError, match="one pass"):
        one.alignments  # noqa: B018
    assert two.products.sum() == pytest.approx(300**2 * two.alpha * two.whole.mean_squared_norm, rel=1e-5)  # float32


def test_what_has_no_coherence_is_refused() -> None:
    model, (x, y) = network(6, 5, 3), data()
    with pytest.raises(InputError, match="1 example"):
        probes.coherence(model, (x[:1], y[:1]))
    with pytest.raises(InputError, match="no examples"):
        probes.coherence(model, [])
    with pytest.raises(InputError, match="of all examples are 0"):
        probes.coherence(model, (x, y), lambda s, t: 0 * s.sum())
    with pytest.raises(InputError, match="corrupt"):
        probes.coherence(model, (x, y)).contributions(np.zeros(40, bool))


def test_a_network_that_changes_between_the_passes_is_refused() -> None:
    model, (x, y) = network(6, 5, 3), data()

    def change(done: int, phase: str) -> None:
        with torch.no_grad():
            model[2].weight.mul_(2 if phase == "gradients" else 1)

    with pytest.raises(InputError, match="second pass do not add up"):
        probes.coherence(model, (x, y), progress=change)


def test_frozen_layers_are_named_and_have_no_coherence() -> None:
    model, (x, y) = network(6, 5, 3), data()
    model[0].requires_grad_(False)
    found = probes.coherence(model, (x, y))
    assert found.not_covered == ("0.weight", "0.bias")
    assert set(found.layers) == {"2"}


def test_two_examples_have_no_error_of_the_unbiased_version() -> None:
    found = alpha_of(4.0, np.array([1.0, 1.0]), np.array([2.0, 2.0]))
    assert found.unbiased_error is None
    assert found.m_coherence == 2.0


@pytest.mark.parametrize(("alpha", "size"), [(2, 3), (-1, 3), (0.5, 0), (float("nan"), 2)])
def test_no_alpha_of_a_minibatch_outside_the_range(alpha: float, size: int) -> None:
    with pytest.raises(InputError, match="alpha from 0 to 1"):
        probes.minibatch_alpha(alpha, size)


def test_the_jackknife_errs_by_the_root_of_2_where_alpha_is_0() -> None:
    random = np.random.default_rng(0)
    values, errors = [], []
    for _ in range(400):
        g = random.standard_normal((60, 100))
        total = g.sum(0)
        found = alpha_of(float(total @ total), (g * g).sum(1), g @ total)
        values.append(found.unbiased)
        errors.append(found.unbiased_error)
    assert np.mean(errors) / np.std(values) == pytest.approx(2**0.5, rel=0.1)  # of 400 draws: 3.5 % of a deviation
