"""Tails of spectra: the search written out, exponents recovered from samples, laws, a layer of each kind."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import gengap
from gengap.measures import Subject, measure
from gengap.measures.catalogue.tails import _spectra
from gengap.measures.power_law import power_law

NAMES = ["tail_alpha", "tail_alpha_weighted", "tail_log_alpha_norm"]
NAMES += ["tail_log_norm", "tail_log_spectral_norm", "tail_stable_rank"]


def twin(values: list[float]) -> tuple[float, float, float]:
    """(distance, alpha, start) of the nearest law, one value and one start at a time."""
    best = (math.inf, 0.0, 0.0)
    for start in sorted(values)[:-1]:
        tail = sorted(v for v in values if v >= start)
        alpha = 1 + len(tail) / sum(math.log(v / start) for v in tail)
        gaps = [abs(1 - (v / start) ** (1 - alpha) - i / len(tail)) for i, v in enumerate(tail)]
        best = min(best, (max(gaps), alpha, start))
    return best


def pareto(alpha: float, n: int, *, start: float = 1.0, seed: int = 0) -> np.ndarray:
    return start * (1 - np.random.default_rng(seed).random(n)) ** (-1 / (alpha - 1))


@pytest.mark.parametrize("seed", range(5))
def test_the_search_is_the_one_written_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.lognormal(size=60) if seed % 2 else pareto(2.5, 60, seed=seed)
    law = power_law(values)
    assert law is not None
    assert (law.distance, law.alpha, law.start) == pytest.approx(twin(values.tolist()), rel=1e-9)


@pytest.mark.parametrize("alpha", [1.8, 2.5, 4.0])
def test_exponents_of_samples_are_recovered(alpha: float) -> None:
    law = power_law(pareto(alpha, 3000))
    assert law is not None
    assert law.alpha == pytest.approx(alpha, abs=5 * (alpha - 1) / math.sqrt(law.size))
    assert law.size > 1000


def test_a_tail_is_told_from_the_bulk_below_it() -> None:
    rng = np.random.default_rng(1)
    law = power_law(np.concatenate([rng.uniform(0.5, 5.0, 2000), pareto(3.0, 1000, start=5.0)]))
    assert law is not None
    assert 4.9 < law.start < 10  # inside the tail, where a flat bulk begins just below 5
    assert law.alpha == pytest.approx(3.0, abs=0.3)


def test_scaling_a_sample_leaves_its_exponent_and_two_values_are_known_by_hand() -> None:
    values = pareto(2.2, 200)
    one, scaled = power_law(values), power_law(1024 * values)
    assert one is not None
    assert scaled is not None
    assert scaled.alpha == pytest.approx(one.alpha, rel=1e-12)
    assert scaled.start == 1024 * one.start
    law = power_law([1.0, math.e])
    assert law is not None
    assert law == pytest.approx((3.0, 1.0, abs(1 - math.exp(-2) - 0.5), 2))
    assert power_law([2.0, 2.0]) is None


class EveryKind(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 12, 3, bias=False)
        self.norm = nn.BatchNorm2d(12)
        self.depthwise = nn.Conv2d(12, 12, 3, groups=12)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.words = nn.Embedding(20, 16)
        self.few = nn.Linear(192, 3)
        self.head = nn.Linear(3, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.depthwise(torch.relu(self.norm(self.conv(x)))).flatten(2)
        h = h + self.words((h > 0).long() + torch.arange(12)[:, None])[:, :, 0]
        h = self.attention(h, h, h)[0]
        result: torch.Tensor = self.head(torch.relu(self.few(h.flatten(1))))
        return result


@pytest.fixture(scope="module")
def problem() -> gengap.Problem:
    return gengap.load("digits").take(20, 10)


@pytest.fixture(scope="module")
def subject(problem: gengap.Problem) -> Subject:
    torch.manual_seed(0)
    return Subject(EveryKind(), problem)


def test_every_layer_has_its_spectrum(subject: Subject) -> None:
    found = _spectra(subject)
    qkv = [f"attention.{part}" for part in ("q", "k", "v", "out_proj")]
    assert sorted(found) == sorted(["conv", "depthwise", "words", "few", "head", *qkv])
    model = subject.model
    conv, depthwise = model.conv.weight.detach().double(), model.depthwise.weight.detach().double()  # type: ignore[union-attr, operator]
    slices = [float(conv[:, :, i, j].square().sum()) for i in range(3) for j in range(3)]
    assert found["conv"].squares == pytest.approx(sorted(slices), rel=1e-9)
    assert found["depthwise"].squares == pytest.approx(sorted(depthwise.square().flatten().tolist()), rel=1e-9)
    for name, weight in [("words", model.words.weight), ("attention.k", model.attention.in_proj_weight[16:32])]:  # type: ignore[union-attr, index]
        expected = torch.linalg.svdvals(weight.detach().double()).square().flip(0)  # type: ignore[union-attr, operator]
        assert found[name].squares == pytest.approx(expected.tolist(), rel=1e-6)


def test_measures_are_means_over_layers_and_small_ones_are_named(subject: Subject, problem: gengap.Problem) -> None:
    rows = measure(subject.model, problem, measures=NAMES).set_index("name")
    found = _spectra(subject)
    big = [one for one in found.values() if len(one.squares) >= 10]
    fits = [twin(one.squares.tolist())[1] for one in big]
    tops = [one.squares[-1] for one in big]
    logs = [math.log10(sum(v**a for v in one.squares)) for one, a in zip(big, fits, strict=True)]
    every = [one.squares for one in found.values()]
    expected = {
        "tail_alpha": np.mean(fits),
        "tail_alpha_weighted": np.mean([a * math.log10(top) for a, top in zip(fits, tops, strict=True)]),
        "tail_log_alpha_norm": np.mean(logs),
        "tail_log_norm": np.mean([math.log10(sum(v)) for v in every]),
        "tail_log_spectral_norm": np.mean([math.log10(max(v)) for v in every]),
        "tail_stable_rank": np.mean([sum(v) / max(v) for v in every]),
    }
    assert rows.value.to_dict() == pytest.approx(expected, rel=1e-9)
    for name in NAMES:
        small = ["conv", "few", "head"] if "alpha" in name else []
        assert rows.loc[name].not_covered == small
        assert rows.loc[name].status == ("partial" if small else "ok")


def test_rescaling_changes_those_that_say_so(problem: gengap.Problem) -> None:
    """What batch norm computes is multiplied, and the next layer divided: spectra are of the weights before it."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 40), nn.BatchNorm1d(40), nn.ReLU(), nn.Linear(40, 10)).eval()
    before = measure(model, problem, measures=NAMES)
    with torch.no_grad():
        model[2].weight *= 8  # type: ignore[operator]
        model[2].bias *= 8  # type: ignore[operator]
        model[4].weight /= 8  # type: ignore[operator]
    after = measure(model, problem, measures=NAMES)
    for (_, one), (_, other) in zip(before.iterrows(), after.iterrows(), strict=True):
        assert (other.value == pytest.approx(one.value, rel=1e-9)) == one.rescaling_invariant, one["name"]


def test_a_dead_layer_is_named_and_a_low_rank_has_few_eigenvalues(problem: gengap.Problem) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 40), nn.ReLU(), nn.Linear(40, 10))
    nn.init.zeros_(model[1].weight)  # type: ignore[arg-type]
    row = measure(model, problem, measures=["tail_log_norm"]).iloc[0]
    assert (row.status, row.not_covered) == ("partial", ["1"])
    model[1].weight.data = torch.randn(40, 3) @ torch.randn(3, 64)
    assert len(_spectra(Subject(model, problem))["1"].squares) == 3


def test_equal_values_have_no_tail_and_one_starts_at_the_first_of_them() -> None:
    assert power_law([2.0] * 12) is None
    assert power_law(2 + 1e-7 * np.arange(12)) is None
    values = [1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.1, 2.9, 3.0, 4.5]
    law = power_law(values)
    assert law is not None
    assert (law.distance, law.alpha, law.start) == pytest.approx(twin(values), rel=1e-9)
    assert law.size == sum(value >= law.start for value in values)


def test_an_orthogonal_layer_s_spectrum_has_no_tail(problem: gengap.Problem) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 12, bias=False), nn.ReLU(), nn.Linear(12, 10))
    nn.init.orthogonal_(model[1].weight)  # type: ignore[arg-type]
    row = measure(model, problem, measures=["tail_alpha"]).iloc[0]
    assert "1: 12 eigenvalues above zero, all equal" in row.reason
    assert (row.status, row.not_covered) == ("partial", ["1"])
