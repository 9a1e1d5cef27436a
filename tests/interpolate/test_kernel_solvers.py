"""The solvers behind kernel machines: tiles, factor, conjugate gradients, preconditioner, plan."""

from functools import partial

import numpy as np
import pytest
import torch

from gengap.errors import InputError
from gengap.interpolate import KernelInterpolator
from gengap.interpolate.kernels import Kernel, named_kernel
from gengap.interpolate.solvers import KernelTiles, Plan, plan, solve
from gengap.interpolate.solvers.cholesky import cholesky
from gengap.interpolate.solvers.conjugate_gradients import Limits, conjugate_gradients
from gengap.interpolate.solvers.nystroem import nystroem

torch.manual_seed(0)
POINTS = torch.randn(203, 5, dtype=torch.float64)
VALUES = torch.randn(203, 3, dtype=torch.float64)
TILES = KernelTiles(named_kernel("laplacian"), POINTS, 64)  # three whole blocks and one of 11
K = TILES.kernel.between(POINTS, POINTS)


def _silent(*_):
    pass


def test_a_product_by_tiles_is_the_product():
    torch.testing.assert_close(TILES.product(VALUES, _silent), K @ VALUES, rtol=1e-13, atol=1e-13)
    held = TILES.cached(torch.float32, _silent)
    assert len(held.tiles) == TILES.count == 10
    torch.testing.assert_close(held.product(VALUES, _silent), K @ VALUES, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("dtype", "digits"), [(torch.float64, 1e-12), (torch.float32, 1e-4)])
def test_the_factor_multiplies_and_solves(dtype, digits):
    factor = cholesky(TILES, dtype, _silent)
    lower = torch.linalg.cholesky(K)
    for row, corner, block in zip(factor.rows, factor.corners, factor.blocks, strict=True):
        whole = torch.cat([row, corner], dim=1).double()
        torch.testing.assert_close(whole, lower[block, : block.stop], rtol=0, atol=digits)
    torch.testing.assert_close(factor.multiply(VALUES), K @ VALUES, rtol=0, atol=digits * 100)
    torch.testing.assert_close(factor.solve(VALUES), torch.linalg.solve(K, VALUES), rtol=0, atol=digits * 100)
    assert factor.condition() == pytest.approx(float(torch.linalg.cond(K)), rel=0.3)
    assert factor.jitter == 0


def test_only_the_lower_triangle_is_held():
    factor = cholesky(TILES, torch.float32, _silent)
    held = sum(tile.numel() for tile in (*factor.rows, *factor.corners))
    assert held == sum(64 * 64 * i for i in (1, 2, 3)) + 11 * 203


def test_a_matrix_that_is_singular_in_float32_gets_a_small_jitter_in_the_factor_alone():
    smooth = KernelTiles(named_kernel("gaussian"), POINTS / 3, 64)
    whole = smooth.kernel.between(smooth.points, smooth.points)
    assert np.linalg.cond(whole) > 1e9
    factor = cholesky(smooth, torch.float32, _silent)
    assert 0 < factor.jitter <= 203 * 2**4 * torch.finfo(torch.float32).eps
    limits = Limits(1e-6, 1000, 100)
    found = conjugate_gradients(partial(smooth.product, advance=_silent), factor.solve, VALUES, limits, _silent)
    left = VALUES - whole @ found.solution
    assert float((left.norm(dim=0) / VALUES.norm(dim=0)).max()) <= 1.1e-6


def test_a_matrix_that_is_no_kernel_is_refused():
    negative = Kernel(lambda a, b: -(a @ b.T))
    with pytest.raises(InputError, match="not positive semidefinite"):
        cholesky(KernelTiles(negative, POINTS, 64), torch.float64, _silent)


def test_a_bfloat16_factor_is_near_and_half_as_large():
    factor = cholesky(TILES, torch.bfloat16, _silent)
    wide = cholesky(TILES, torch.float32, _silent)
    assert [row.nbytes * 2 for row in factor.rows] == [row.nbytes for row in wide.rows]
    identity = torch.eye(203, dtype=torch.float64)
    assert float((factor.multiply(identity) - K).abs().max()) <= factor.jitter + 8 * torch.finfo(torch.bfloat16).eps
    torch.testing.assert_close(factor.solve(factor.multiply(VALUES)), VALUES, rtol=0, atol=1e-4)
    found = solve(TILES, VALUES, Plan("cholesky-bfloat16", "", 0, 32, 0), 1e-9, 1000, 0, _silent)
    assert found.condition == pytest.approx(float(torch.linalg.cond(K)), rel=0.3)
    torch.testing.assert_close(found.coefficients, torch.linalg.solve(K, VALUES), rtol=0, atol=1e-6)


@pytest.mark.parametrize("columns", [1, 3])
def test_conjugate_gradients_end_in_as_many_steps_as_there_are_eigenvalues(columns):
    spectrum = torch.tensor([1.0, 2.0, 5.0, 9.0], dtype=torch.float64).repeat(5)
    rotation = torch.linalg.qr(torch.randn(20, 20, dtype=torch.float64)).Q
    A = rotation * spectrum @ rotation.T
    y = torch.randn(20, columns, dtype=torch.float64)
    found = conjugate_gradients(lambda v: A @ v, lambda r: r, y, Limits(1e-10, 100, 50), _silent)
    assert found.iterations == 4
    torch.testing.assert_close(found.solution, torch.linalg.solve(A, y))
    torch.testing.assert_close(found.left, y - A @ found.solution, rtol=0, atol=1e-12)
    assert found.smallest_ratio == pytest.approx(1.0)


def test_residuals_never_grow():
    told: list[float] = []
    conjugate_gradients(lambda v: K @ v, lambda r: r, VALUES, Limits(1e-8, 200, 50), told.append)
    assert len(told) > 10
    assert told == sorted(told, reverse=True)


def test_conjugate_gradients_stop_where_nothing_is_gained():
    flat = torch.zeros(20, 20, dtype=torch.float64)
    flat[0, 0] = 1
    y = torch.ones(20, 1, dtype=torch.float64)
    found = conjugate_gradients(lambda v: flat @ v, lambda r: r, y, Limits(1e-8, 1000, 5), _silent)
    assert found.iterations <= 6


def test_the_preconditioner_of_full_rank_is_the_inverse_up_to_a_factor():
    P = nystroem(TILES, 203, 0, _silent)
    inverse = torch.linalg.solve(K, VALUES) * torch.linalg.eigvalsh(K)[0]
    torch.testing.assert_close(P.solve(VALUES), inverse, rtol=0, atol=1e-8)


def test_the_preconditioner_is_the_formula():
    P = nystroem(TILES, 30, 0, _silent)
    chosen = torch.randperm(203, generator=torch.Generator().manual_seed(0))[:30]
    approximation = K[:, chosen] @ torch.linalg.solve(K[chosen][:, chosen], K[chosen])
    values, vectors = torch.linalg.eigh(approximation)
    values, vectors = values[-30:], vectors[:, -30:]
    inside = vectors @ ((values[0] / values)[:, None] * (vectors.T @ VALUES))
    torch.testing.assert_close(P.solve(VALUES), inside + VALUES - vectors @ (vectors.T @ VALUES), rtol=0, atol=1e-9)


@pytest.mark.parametrize("bits", [64, 32, 0])
def test_pcg_reaches_the_residual_whatever_it_holds(bits):
    found = solve(TILES, VALUES, Plan("pcg", "", 40, bits, 0), 1e-9, 1000, 0, _silent)
    assert float(((K @ found.coefficients - VALUES).norm(dim=0) / VALUES.norm(dim=0)).max()) <= 1.01e-9
    torch.testing.assert_close(found.left, VALUES - K @ found.coefficients, rtol=0, atol=1e-10)
    torch.testing.assert_close(found.coefficients, torch.linalg.solve(K, VALUES), rtol=0, atol=1e-6)


def test_a_float32_factor_reaches_float64(monkeypatch):
    monkeypatch.setattr("gengap.interpolate.solvers.solution._SMALL", 0)
    found = solve(TILES, VALUES, Plan("cholesky", "", 0, 0, 0), 1e-13, 100, 0, _silent)
    torch.testing.assert_close(found.coefficients, torch.linalg.solve(K, VALUES), rtol=0, atol=1e-10)
    assert found.iterations <= 4


GIB = 2**30


@pytest.mark.parametrize(
    ("memory", "solver", "bits"),
    [(24 * GIB, "cholesky", 0), (6 * GIB, "pcg", 0), (12 * GIB, "cholesky", 0)],
)
def test_auto_factors_sixty_thousand_points_where_that_fits(memory, solver, bits):
    chosen = plan("auto", 60_000, 10, 1024, None, memory)
    assert (chosen.solver, chosen.held_bits) == (solver, bits)
    assert chosen.needed <= memory
    assert f"{memory / GIB:g} GiB" in chosen.reason


def test_pcg_holds_what_fits():
    held = [plan("pcg", 60_000, 10, 1024, None, memory * GIB).held_bits for memory in (24, 12, 6)]
    assert held == [64, 32, 0]


def test_what_cannot_fit_is_told_with_the_bytes_and_what_would_do():
    with pytest.raises(InputError, match=r"'cholesky' on 60,000 points needs 7,[0-9,]+ bytes, and 6,") as told:
        plan("cholesky", 60_000, 10, 1024, None, 6 * GIB)
    assert "solver='pcg' would do" in str(told.value)
    with pytest.raises(InputError, match=r"'pcg' on 60,000 points needs 1,[0-9,]+ bytes"):
        plan("auto", 60_000, 10, 1024, None, GIB)
    with pytest.raises(InputError, match=r"needs [0-9,]+ bytes, and 1,000 are available"):
        KernelInterpolator(max_memory=1000).fit(POINTS.numpy(), VALUES.numpy())
