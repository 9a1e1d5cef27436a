"""Curvature against the whole Hessian of small networks in float64."""

import sys

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import aslinearoperator
from torch import nn
from torch.func import functional_call, hessian

from gengap import probes
from gengap.errors import InputError
from gengap.probes import lanczos
from gengap.probes.hessian import DENSE

pytest.importorskip("curvlinops", reason="the extra 'curvature' is not installed")


def network(hidden: int = 9) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, hidden), nn.Tanh(), nn.Linear(hidden, 3)).double()


def data(n: int = 40):
    torch.manual_seed(1)
    return torch.randn(n, 6, dtype=torch.float64), torch.randint(3, (n,))


def whole(model: nn.Module, x: torch.Tensor, y: torch.Tensor, names: list[str]) -> np.ndarray:
    sizes = [model.get_parameter(name).numel() for name in names]

    def loss(w: torch.Tensor) -> torch.Tensor:
        parts = {n: part.view_as(model.get_parameter(n)) for n, part in zip(names, w.split(sizes), strict=True)}
        return nn.functional.cross_entropy(functional_call(model, parts, (x,)), y)

    start = torch.cat([model.get_parameter(name).detach().flatten() for name in names])
    return hessian(loss)(start).detach().numpy()


@pytest.fixture(scope="module")
def found():
    return probes.curvature(network(), data(), eigenvalues=3, probes=40, density=True)


def test_progress_counts_products_up_to_their_number_and_names_each_layer() -> None:
    calls: list[tuple[int, int, str]] = []
    probes.curvature(network(), data(), probes=4, density=True, progress=lambda *call: calls.append(call))
    done = [call[0] for call in calls]
    assert done == sorted(done)
    assert all(0 <= call[0] <= call[1] for call in calls)
    assert calls[-1][0] == calls[-1][1] > 100
    assert list(dict.fromkeys(call[2] for call in calls)) == ["the whole network", "0", "2", "spectral density"]


def test_eigenvalues_are_those_of_the_whole_matrix(found) -> None:
    model = network()
    exact = np.linalg.eigvalsh(whole(model, *data(), [name for name, _ in model.named_parameters()]))
    assert found.whole.parameters == len(exact) > DENSE
    # The square of the residual, 1 %, bounds the relative error where eigenvalues are apart.
    assert found.whole.largest == pytest.approx(exact[::-1][:3], abs=2e-3 * exact[-1])
    assert found.whole.smallest == pytest.approx(exact[0], abs=2e-3 * exact[-1])
    assert found.whole.residual < 0.01
    assert found.whole.converged


def test_the_trace_is_within_four_errors_and_its_error_is_that_of_the_probes(found) -> None:
    model = network()
    exact = whole(model, *data(), [name for name, _ in model.named_parameters()])
    assert abs(found.whole.trace - np.trace(exact)) < 4 * found.whole.trace_error
    spread = np.sqrt(2 * (np.square(exact).sum() - np.square(np.diag(exact)).sum()) / 40)  # of random signs
    assert found.whole.trace_error == pytest.approx(spread, rel=0.5)


def test_a_small_layers_block_is_exact(found) -> None:
    model = network()
    block = whole(model, *data(), ["2.weight", "2.bias"])
    assert found.layers["2"].largest[0] == pytest.approx(np.linalg.eigvalsh(block)[-1], rel=1e-10)
    assert found.layers["2"].trace == pytest.approx(np.trace(block), rel=1e-10)
    assert found.layers["2"].trace_error == 0
    assert set(found.layers) == {"0", "2"}


def test_the_density_has_the_mean_of_the_eigenvalues(found) -> None:
    model = network()
    exact = np.linalg.eigvalsh(whole(model, *data(), [name for name, _ in model.named_parameters()]))
    weights = found.density.density / found.density.density.sum()
    spread = exact[-1] - exact[0]
    assert weights @ found.density.grid == pytest.approx(exact.mean(), abs=0.05 * spread)  # four random vectors
    assert 0 <= found.density.change < 0.2


def test_frozen_layers_have_no_curvature() -> None:
    model = network()
    model[0].requires_grad_(False)
    found = probes.curvature(model, data(), probes=2)
    assert found.not_covered == ("0.weight", "0.bias")
    assert set(found.layers) == {"2"}
    assert found.converged
    assert found.n == 40


def test_what_has_no_curvature_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = data()
    with pytest.raises(InputError, match="rest of the batch"):
        probes.curvature(nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 3)).double(), (x, y))
    with pytest.raises(InputError, match="NaN"):
        probes.curvature(network(), (x * torch.nan, y))
    with pytest.raises(InputError, match="eigenvalues = 0"):
        probes.curvature(network(), (x, y), eigenvalues=0)
    monkeypatch.setitem(sys.modules, "curvlinops", None)
    with pytest.raises(InputError, match="curvlinops") as error:
        probes.curvature(network(), (x, y))
    assert "gengap[curvature]" in error.value.next_step


def test_the_noise_scale_is_the_trace_of_the_covariance_over_the_squared_mean() -> None:
    model, (x, _) = network(), data()
    y = (x[:, 0] > 0).long()
    g = torch.cat([v.flatten(1) for v in probes.per_example_gradients(model, x, y).values()], 1).numpy()
    sigma = g.var(axis=0, ddof=1).sum()
    squared_mean = g.mean(0) @ g.mean(0) - sigma / len(g)
    scale = probes.gradient_noise_scale(probes.coherence(model, (x, y)))
    assert scale.value == pytest.approx(sigma / squared_mean, rel=1e-8)
    assert scale.error > 0


def test_a_mean_gradient_of_nothing_has_no_noise_scale() -> None:
    x = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]])
    scale = probes.gradient_noise_scale(
        probes.coherence(nn.Linear(1, 1, bias=False), (x, torch.zeros(4).long()), lambda s, t: s.sum())
    )
    assert scale.value is None
    assert "distinguished from 0" in scale.reason


@pytest.mark.parametrize("k", [1, 5, 12])
def test_an_eigenvalue_with_several_eigenvectors_counts_as_often(k: int) -> None:
    torch.manual_seed(0)
    model = nn.Linear(12, 6).double()  # at weights of 0 the Hessian is that of x x^T, 5 times, over 6
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    x, y = torch.randn(80, 12, dtype=torch.float64), torch.arange(80) % 6
    one = torch.cat([x, torch.ones(80, 1, dtype=torch.float64)], 1)
    exact = np.repeat(torch.linalg.eigvalsh(one.T @ one / 80).numpy()[::-1] / 6, 5)
    found = probes.curvature(model, (x, y), eigenvalues=k, probes=2, layers=False).whole
    assert found.largest == pytest.approx(exact[:k], abs=2e-3 * exact[0])  # as above
    assert found.smallest == pytest.approx(0, abs=2e-3 * exact[0])
    assert found.converged


def test_equal_eigenvalues_are_found_in_a_matrix_of_few() -> None:
    values = np.array([3.0] * 4 + [2.0] * 3 + [-1.0] * 93)
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((100, 100)))[0]
    found = lanczos.extreme_eigenvalues(aslinearoperator(turn @ np.diag(values) @ turn.T), 6, 0)
    assert found.largest == pytest.approx(values[:6], abs=1e-10)
    assert found.smallest == pytest.approx(-1)
    assert found.complete
    nothing = lanczos.extreme_eigenvalues(aslinearoperator(np.zeros((100, 100))), 3, 0)
    assert nothing.largest == (0, 0, 0)


def test_a_smallest_eigenvalue_near_0_beside_a_large_one_has_its_own_residual() -> None:
    values = np.concatenate([[1e-6], np.linspace(0.01, 1, 300), [1e4]])
    found = lanczos.extreme_eigenvalues(aslinearoperator(np.diag(values)), 1, 0)
    assert found.residual <= lanczos.RESIDUAL
    assert abs(found.smallest - values).min() <= found.smallest_residual
    assert found.smallest_residual > 0.1 * found.smallest > 1e3 * values[0]  # it has no right digit, and says so


def test_a_loss_that_cannot_take_the_scores_is_named() -> None:
    x, y = data()
    with pytest.raises(InputError, match="loss cannot take scores"):
        probes.curvature(network(), (x, y + 9))
    with pytest.raises(InputError, match="no single number"):
        probes.curvature(network(), (x, y), nn.CrossEntropyLoss(reduction="none"))


def test_a_search_that_ends_too_early_is_not_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanczos, "STEPS", 4)
    matrix = np.diag(np.linspace(1, 2, 300))
    found = lanczos.extreme_eigenvalues(aslinearoperator(matrix), 3, 0)
    assert not found.complete or found.residual > lanczos.RESIDUAL


def test_weights_without_a_gradient_are_named_and_have_no_curvature() -> None:
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cut, self.out, self.unused = nn.Linear(6, 4), nn.Linear(4, 3), nn.Linear(2, 2)

        def forward(self, x):
            with torch.no_grad():
                x = self.cut(x)
            return self.out(x)

    model = Half().double()
    found = probes.curvature(model, data(), probes=2)
    assert found.not_covered == ("cut.weight", "cut.bias", "unused.weight", "unused.bias")
    assert found.whole.parameters == 15
    model.out.requires_grad_(False)
    with pytest.raises(InputError, match="depends on no parameter"):
        probes.curvature(model, data(), probes=2)


def test_more_eigenvalues_than_there_can_be_are_refused() -> None:
    with pytest.raises(InputError, match="100 eigenvalues of a Hessian of 93 parameters"):
        probes.curvature(network(), data(), eigenvalues=100)


def test_a_mean_over_the_batch_is_refused() -> None:
    class Centred(nn.Module):
        def forward(self, x):
            return x - x.mean(0)

    with pytest.raises(InputError, match="rest of the batch"):
        probes.curvature(nn.Sequential(Centred(), nn.Linear(6, 3)).double(), data())
