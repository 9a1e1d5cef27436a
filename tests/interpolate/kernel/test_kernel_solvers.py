"""The solvers behind kernel machines: tiles, factor, conjugate gradients, preconditioner, plan."""

import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from gengap.errors import InputError
from gengap.interpolate import KernelInterpolator
from gengap.interpolate.kernel.formulas import KERNELS, Kernel, named_kernel
from gengap.interpolate.kernel.solvers import KernelTiles, Plan, plan, solve
from gengap.interpolate.kernel.solvers.cholesky import cholesky
from gengap.interpolate.kernel.solvers.cost import Problem, Speeds, factor_seconds, pcg_seconds, speeds
from gengap.interpolate.kernel.solvers.dense import dense_factor, dense_kernel
from gengap.interpolate.kernel.solvers.krylov import Limits, ProbedInverse, conjugate_gradients
from gengap.interpolate.kernel.solvers.preconditioner import neighbourhood_order, preconditioner
from gengap.interpolate.kernel.solvers.skinny_products import strips, times, transposed_times
from gengap.interpolate.kernel.solvers.tiles import stored

torch.manual_seed(0)
POINTS = torch.randn(203, 5, dtype=torch.float64)
VALUES = torch.randn(203, 3, dtype=torch.float64)
TILES = KernelTiles(named_kernel("laplacian"), POINTS, 64)  # three whole blocks and one of 11
K = TILES.kernel.between(POINTS, POINTS)


def _silent(*_):
    pass


def test_a_product_by_tiles_is_the_product():
    torch.testing.assert_close(TILES.product(VALUES, _silent), K @ VALUES, rtol=1e-13, atol=1e-13)


@pytest.fixture(params=[1, 3])
def threads(request, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: request.param)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(("dtype", "digits"), [(torch.float64, 1e-12), (torch.float32, 1e-4)])
@pytest.mark.parametrize("columns", [1, 3, 40])
def test_a_product_with_the_stored_triangle_is_the_product(dtype, digits, columns):
    vectors = torch.randn(203, columns, dtype=torch.float64)
    known = stored(TILES, dtype, _silent)
    assert len(known.tiles) == TILES.count == 10
    torch.testing.assert_close(known.product(vectors, _silent), K @ vectors, rtol=0, atol=digits)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("shape", [(1, 1), (203, 203), (500, 7), (7, 500), (130, 2000)])
@pytest.mark.parametrize("columns", [1, 10, 40])
def test_thin_products_are_products(shape, columns):
    matrix = torch.randn(shape, dtype=torch.float64)
    right, left = (torch.randn(size, columns, dtype=torch.float64) for size in reversed(shape))
    torch.testing.assert_close(times(matrix, right), matrix @ right, rtol=0, atol=1e-11)
    torch.testing.assert_close(transposed_times(matrix, left), matrix.T @ left, rtol=0, atol=1e-11)


def test_strips_are_the_rows_in_order_and_small_enough_to_be_multiplied_in_place():
    matrix = np.arange(5000.0).reshape(500, 10)
    parts = list(strips(matrix, 3))
    np.testing.assert_array_equal(np.concatenate([strip for _, strip in parts]), matrix)
    assert [rows.start for rows, _ in parts] == list(range(0, 500, 96))
    assert max(len(strip) for _, strip in strips(np.zeros((500, 2450)), 10)) * 2450 * 10 <= 1_000_000


def test_neighbourhoods_are_the_two_clusters():
    centres = torch.tensor([[0.0, 0.0], [9.0, 9.0]], dtype=torch.float64).repeat(8, 1)
    points = centres + 0.1 * torch.randn(16, 2, dtype=torch.float64)
    order = neighbourhood_order(points, 8, 0)
    assert sorted(order[:8] % 2) in ([0] * 8, [1] * 8)


@pytest.mark.parametrize(("n", "size"), [(203, 64), (64, 64), (65, 64), (5, 64), (193, 64)])
def test_an_order_has_each_point_once_and_whole_blocks(n, size):
    order = neighbourhood_order(POINTS[:n], size, 0)
    assert sorted(order.tolist()) == list(range(n))


def test_an_order_makes_blocks_tighter():
    wide = POINTS * torch.tensor([9.0, 1.0, 1.0, 1.0, 1.0])
    tight, loose = (
        sum(float(wide[block].var(0).sum()) for block in order.split(64)[:3])
        for order in (neighbourhood_order(wide, 64, 0), torch.arange(203))
    )
    assert tight < loose / 3


def test_equal_points_have_an_order():
    assert sorted(neighbourhood_order(torch.ones(100, 3), 16, 0).tolist()) == list(range(100))


@pytest.mark.parametrize(("dtype", "digits"), [(torch.float64, 1e-12), (torch.float32, 1e-4)])
def test_the_factor_multiplies_and_solves(dtype, digits):
    factor = cholesky(TILES, dtype, _silent)
    lower = torch.linalg.cholesky(K)
    for row, corner, block in zip(factor.rows, factor.corners, factor.blocks, strict=True):
        whole = torch.cat([row, corner], dim=1).double()
        torch.testing.assert_close(whole, lower[block, : block.stop], rtol=0, atol=digits)
    torch.testing.assert_close(factor.multiply(VALUES), K @ VALUES, rtol=0, atol=digits * 100)
    torch.testing.assert_close(factor.solve(VALUES), torch.linalg.solve(K, VALUES), rtol=0, atol=digits * 100)
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


def test_the_preconditioner_of_full_rank_is_the_inverse():
    P = preconditioner(TILES, 203, 0, _silent)
    torch.testing.assert_close(P.solve(VALUES), torch.linalg.solve(K, VALUES), rtol=0, atol=1e-4)


def test_the_preconditioner_of_one_tile_is_the_inverse():
    P = preconditioner(replace(TILES, size=203), 10, 0, _silent)
    torch.testing.assert_close(P.solve(VALUES), torch.linalg.solve(K, VALUES), rtol=0, atol=1e-4)


def test_the_preconditioner_is_the_formula():
    P = preconditioner(TILES, 30, 0, _silent)
    chosen = torch.randperm(203, generator=torch.Generator().manual_seed(0))[:30]
    approximation = K[:, chosen] @ torch.linalg.solve(K[chosen][:, chosen], K[chosen])
    for block in TILES.blocks:
        approximation[block, block] = K[block, block]
    floor = 1e-7 * torch.eye(203, dtype=torch.float64)
    torch.testing.assert_close(P.solve(VALUES), torch.linalg.solve(approximation + floor, VALUES), rtol=0, atol=1e-7)


def test_the_preconditioned_matrix_is_near_the_identity():
    smooth = KernelTiles(named_kernel("gaussian"), POINTS[neighbourhood_order(POINTS, 64, 0)] / 2, 64)
    whole = smooth.kernel.between(smooth.points, smooth.points)
    found = []
    for solver in (lambda r: r, preconditioner(smooth, 100, 0, _silent).solve):
        limits = Limits(1e-6, 2000, 2000)
        found.append(conjugate_gradients(lambda v: whole @ v, solver, VALUES, limits, _silent).iterations)
    assert found[1] * 5 < found[0]


def test_a_preconditioner_of_what_is_no_kernel_is_refused():
    negative = Kernel(lambda a, b: -(a @ b.T) - 5 * (torch.cdist(a, b) == 0))
    with pytest.raises(InputError, match="not positive semidefinite"):
        preconditioner(KernelTiles(negative, POINTS, 64), 10, 0, _silent)


@pytest.mark.parametrize("bits", [64, 32, 0])
def test_pcg_reaches_the_residual_whatever_it_holds(bits):
    found = solve(TILES, VALUES, Plan("pcg", "", 40, bits, 0), 1e-9, 1000, 0, _silent)
    assert float(((K @ found.coefficients - VALUES).norm(dim=0) / VALUES.norm(dim=0)).max()) <= 1.01e-9
    torch.testing.assert_close(found.left, VALUES - K @ found.coefficients, rtol=0, atol=1e-10)
    torch.testing.assert_close(found.coefficients, torch.linalg.solve(K, VALUES), rtol=0, atol=1e-6)
    assert found.condition == pytest.approx(float(torch.linalg.cond(K)), rel=0.3)


@pytest.mark.parametrize("bits", [64, 32, 0])
def test_pcg_of_a_singular_matrix_comes_to_the_least_squares(bits):
    linear = KernelTiles(named_kernel("linear"), POINTS, 64)
    found = solve(linear, VALUES, Plan("pcg", "", 40, bits, 0), 1e-6, 100, 0, _silent)
    ideal = VALUES - POINTS @ torch.linalg.lstsq(POINTS, VALUES).solution
    residual, least = (float((left.norm(dim=0) / VALUES.norm(dim=0)).max()) for left in (found.left, ideal))
    assert least > 0.9
    assert residual == pytest.approx(least, abs=0.02)
    assert 1e6 < found.condition < float("inf")


def test_a_stage_that_ends_early_is_kept():
    found = solve(TILES, VALUES, Plan("pcg", "", 5, 32, 0), 1e-12, 2, 0, _silent)
    torch.testing.assert_close(found.left, VALUES - K @ found.coefficients, rtol=0, atol=1e-10)
    assert float((found.left.norm(dim=0) / VALUES.norm(dim=0)).max()) < 0.9


@pytest.mark.parametrize("bits", [64, 32, 0])
def test_the_condition_number_of_almost_the_identity_is_about_one(bits):
    narrow = KernelTiles(named_kernel("gaussian"), 100 * POINTS, 64)
    found = solve(narrow, VALUES, Plan("pcg", "", 10, bits, 0), 1e-9, 100, 0, _silent)
    assert found.condition == pytest.approx(1.0, rel=0.01)


def test_the_mean_of_the_diagonal_is_of_points_from_everywhere():
    ramp = torch.arange(1.0, 201.0, dtype=torch.float64)[:, None]
    mean = KernelTiles(named_kernel("linear"), ramp, 10).diagonal_mean
    assert mean == pytest.approx(float(ramp.square().mean()), rel=0.2)


def test_a_float32_factor_reaches_float64():
    found = solve(TILES, VALUES, Plan("cholesky", "", 0, 32, 0), 1e-13, 100, 0, _silent)
    torch.testing.assert_close(found.coefficients, torch.linalg.solve(K, VALUES), rtol=0, atol=1e-10)
    assert found.iterations <= 4


GIB = 2**30


def _seconds(cholesky, pcg):
    return lambda chosen: {"cholesky": cholesky, "pcg": pcg}[chosen.solver]


@pytest.mark.parametrize(
    ("n", "memory", "times", "solver", "bits", "told"),
    [
        (1_000, 24 * GIB, (9.0, 1.0), "cholesky", 64, "few points"),
        (2_000, 24 * GIB, (9.0, 1.0), "cholesky", 32, "few points"),
        (15_000, 24 * GIB, (1.0, 2.0), "cholesky", 32, "about 1 s at the speed measured here, pcg 2 s"),
        (15_000, 24 * GIB, (2.0, 1.0), "pcg", 64, "about 1 s .*, cholesky 2 s.*float64 fits: 1.23 GiB of 24 GiB"),
        (60_000, 24 * GIB, (9.0, 1.0), "pcg", 32, "float32 fits: 8.4 GiB of 24 GiB"),
        (60_000, 6 * GIB, (1.0, 9.0), "pcg", 0, "cholesky would need .* of 6 GiB.*8.4 GiB of 6 GiB .*computed anew"),
    ],
)
def test_auto_takes_the_faster_of_what_fits(n, memory, times, solver, bits, told):
    chosen = plan("auto", n, 10, 1024, 0, None, memory, seconds=_seconds(*times))
    assert (chosen.solver, chosen.bits) == (solver, bits)
    assert chosen.needed <= memory
    assert re.search(told, chosen.reason)


def test_auto_factors_where_only_the_factor_fits():
    wide = 10 * GIB
    chosen = plan("auto", 60_000, 10, 1024, wide, None, 9 * GIB, seconds=_seconds(9.0, 1.0))
    assert chosen.solver == "cholesky"
    assert chosen.reason.startswith("pcg would need 11.6 GiB of 9 GiB available")
    with pytest.raises(InputError, match="solver='cholesky' would do"):
        plan("pcg", 60_000, 10, 1024, wide, None, 9 * GIB)


def test_the_kernel_stays_in_memory_where_there_is_room():
    rooms = [plan("cholesky", 10_000, 10, 1024, 0, None, memory) for memory in (4 * GIB, 1200 * 2**20, 400 * 2**20)]
    assert [(each.whole, each.room) for each in rooms] == [(True, True), (False, True), (False, False)]
    assert all(each.needed <= memory for each, memory in zip(rooms, (4 * GIB, 1200 * 2**20, 400 * 2**20), strict=True))
    assert not plan("cholesky", 10_000, 10, 1024, 0, None, 4 * GIB, cpu=False).whole


@pytest.mark.parametrize("name", ["gaussian", "laplacian", "cauchy", "linear", "polynomial", "arc-cosine"])
def test_a_whole_kernel_is_that_of_the_tiles(name):
    points = torch.randn(500, 6, dtype=torch.float64)
    points[:, 2] = 0  # a feature that adds nothing
    points[-1] = points[0] + 1e-9  # of another block, and so near that the product's digits are lost
    tiles = KernelTiles(named_kernel(name), points, 1024)
    whole = dense_kernel(tiles, lambda done: None).matrix
    everything = slice(0, 500)
    np.testing.assert_allclose(whole, tiles.tile(everything, everything, torch.float64).numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(whole, whole.T)


def test_two_points_need_little():
    with pytest.raises(InputError, match=r"on 2 points needs [0-9]{3,4}\b bytes|on 2 points needs [0-9,]{3,5} bytes"):
        KernelInterpolator(max_memory=1).fit([[0.0], [1.0]], [0.0, 1.0])


SPEED = Speeds(narrow=1e11, overhead=0.02, multiply=5e10, read=1e10)


def test_predicted_times_grow_as_the_work_does():
    small, large = (Problem(n, 784, 1024, 1e-6) for n in (10_000, 80_000))
    for held in (True, False):
        ratio = factor_seconds(large, held, SPEED) / factor_seconds(small, held, SPEED)
        assert 8**2 < ratio < 8**3
    assert factor_seconds(small, True, SPEED) < factor_seconds(small, False, SPEED)
    assert factor_seconds(small, True, SPEED) < pcg_seconds(small, 800, 64, SPEED)
    assert factor_seconds(large, False, SPEED) > pcg_seconds(large, 2263, 32, SPEED)
    assert pcg_seconds(large, 2263, 0, SPEED) > pcg_seconds(large, 2263, 32, SPEED)


def test_speeds_are_those_of_the_process_alone(monkeypatch):
    elapsed = iter(range(0, 10**9, 1000))  # as where other work has the processor nearly all the time
    monkeypatch.setattr("time.perf_counter", lambda: float(next(elapsed)))
    speeds.cache_clear()
    assert speeds().read > 1e8


def test_speeds_are_measured_once():
    first = speeds()
    assert min(first.narrow, first.multiply, first.read) > 1e6
    assert speeds() is first


def test_pcg_counts_the_copy_that_it_sorts():
    plain, copied = (plan("pcg", 60_000, 10, 1024, points, None, 24 * GIB).needed for points in (0, GIB))
    assert copied == plain + GIB


def test_what_cannot_fit_is_told_with_the_bytes_and_what_would_do():
    with pytest.raises(InputError, match=r"'cholesky' on 60,000 points needs 7,[0-9,]+ bytes, and 6,") as told:
        plan("cholesky", 60_000, 10, 1024, 0, None, 6 * GIB)
    assert "solver='pcg' would do" in str(told.value)
    with pytest.raises(InputError, match=r"'pcg' on 60,000 points needs 1,[0-9,]+ bytes"):
        plan("auto", 60_000, 10, 1024, 0, None, GIB)
    with pytest.raises(InputError, match=r"needs [0-9,]+ bytes, and 1,000 are available"):
        KernelInterpolator(max_memory=1000).fit(POINTS.numpy(), VALUES.numpy())


def test_where_a_float32_factor_does_not_do_one_in_float64_does():
    smooth = KernelTiles(named_kernel("gaussian"), POINTS / 5, 64)
    whole = smooth.kernel.between(smooth.points, smooth.points)
    assert 1e11 < np.linalg.cond(whole) < 1e14
    narrow, found = (
        solve(smooth, VALUES, Plan("cholesky", "", 0, 32, 0, room=room), 1e-6, 1000, 0, _silent)
        for room in (False, True)
    )
    residuals = [
        float(((whole @ each.coefficients - VALUES).norm(dim=0) / VALUES.norm(dim=0)).max()) for each in (narrow, found)
    ]
    assert residuals[0] > 1e-3
    rounding = np.finfo(float).eps * 203 * float((found.coefficients.norm(dim=0) / VALUES.norm(dim=0)).max())
    assert residuals[1] <= 1e-6 + rounding  # in K alpha, which is computed anew here
    assert rounding < 1e-3
    assert torch.isinf(narrow.uncertain).all()


@pytest.mark.parametrize(("solver", "bits"), [("cholesky", 64), ("cholesky", 32), ("pcg", 64), ("pcg", 32), ("pcg", 0)])
@pytest.mark.parametrize("tol", [1e-1, 1e-4])
def test_what_a_norm_lacks_is_below_the_bound(solver, bits, tol):
    found = solve(TILES, VALUES, Plan(solver, "", 20, bits, 0), tol, 1000, 0, _silent)
    exact = (VALUES * torch.linalg.solve(K, VALUES)).sum(0)
    own = (found.coefficients * (K @ found.coefficients)).sum(0)
    assert bool(((exact - own).abs() <= found.uncertain).all())
    assert bool((found.uncertain <= 1e5 * tol**2 * exact + 1e-8 * exact).all())


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("spread", [0.1, 1.0, 100.0])
def test_the_whole_kernel_is_the_kernel_by_tiles(name, spread):
    """Also where points lie in tight clusters far from each other, and where two are equal."""
    points = POINTS.clone()
    points[:100] = 30 + 1e-4 * points[:100]
    points[7] = points[3]
    tiles = KernelTiles(named_kernel(name), spread * points, 64)
    whole = dense_kernel(tiles, _silent)
    expected = tiles.kernel.between(tiles.points, tiles.points)
    np.testing.assert_allclose(whole.matrix, expected, rtol=1e-11, atol=1e-12 * float(expected.abs().max()))
    torch.testing.assert_close(whole.product(VALUES, _silent), expected @ VALUES, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("dtype", "digits"), [(torch.float64, 1e-12), (torch.float32, 1e-4)])
@pytest.mark.parametrize("columns", [1, 3])
def test_the_whole_factor_solves_and_leaves_the_values(dtype, digits, columns):
    values = VALUES[:, :columns].contiguous()
    before = values.clone()
    factor = dense_factor(dense_kernel(TILES, _silent), dtype, _silent)
    torch.testing.assert_close(factor.solve(values), torch.linalg.solve(K, values), rtol=0, atol=digits * 100)
    torch.testing.assert_close(factor.multiply(values), K @ values, rtol=0, atol=digits * 100)
    torch.testing.assert_close(values, before, rtol=0, atol=0)


def test_a_matrix_that_is_singular_but_for_rounding_has_no_whole_factor():
    linear = KernelTiles(named_kernel("linear"), POINTS, 64)  # of rank 5
    for dtype in (torch.float64, torch.float32):
        assert dense_factor(dense_kernel(linear, _silent), dtype, _silent) is None


@pytest.mark.parametrize("bits", [64, 32])
def test_a_factor_beside_the_whole_kernel_is_the_solution(bits):
    found = solve(TILES, VALUES, Plan("cholesky", "", 0, bits, 0, whole=True), 1e-13, 100, 0, _silent)
    torch.testing.assert_close(found.coefficients, torch.linalg.solve(K, VALUES), rtol=0, atol=1e-10)
    torch.testing.assert_close(found.left, VALUES - K @ found.coefficients, rtol=0, atol=1e-12)
    assert found.iterations <= 4
    assert found.condition == pytest.approx(float(torch.linalg.cond(K)), rel=0.3)


@pytest.mark.parametrize("power", [2, 8, 14, 18])
def test_the_condition_is_estimated_from_below(power):
    spectrum_of_K = torch.logspace(0, -power, 60, dtype=torch.float64)
    rotation = torch.linalg.qr(torch.randn(60, 60, dtype=torch.float64)).Q
    A = rotation * spectrum_of_K @ rotation.T
    inverse = rotation / spectrum_of_K @ rotation.T
    probed = ProbedInverse(lambda v: inverse @ v, VALUES[:60], steps=4)
    torch.testing.assert_close(probed(VALUES[:60]), inverse @ VALUES[:60])  # what it takes along changes nothing
    carried = probed.along(lambda v: A @ v)
    torch.testing.assert_close(carried(VALUES[:60]), A @ VALUES[:60])
    found = probed.spectrum(lambda v: A @ v)
    condition = found.condition(torch.finfo(torch.float64).eps)
    assert condition <= 1.001 * min(10.0**power, 1 / torch.finfo(torch.float64).eps)
    if power < 14:
        assert condition >= 10.0**power / 3


@pytest.mark.parametrize("rounding", [1e-6, 1e-4, float("inf")])
def test_what_a_factor_resolves_is_not_asked_of_the_matrix(rounding):
    spectrum_of_K = torch.logspace(0, -2, 60, dtype=torch.float64)
    rotation = torch.linalg.qr(torch.randn(60, 60, dtype=torch.float64)).Q
    A = rotation * spectrum_of_K @ rotation.T
    inverse = rotation / spectrum_of_K @ rotation.T
    asked = []

    def product(v):
        asked.append(v.shape[1])
        return A @ v

    probed = ProbedInverse(lambda v: inverse @ v, VALUES[:60], steps=3)
    found = probed.spectrum(product, rounding)
    assert asked == ([1, 1] if rounding < 1 else [1, 5])  # the vector towards the largest, and those of the smallest
    assert found.smallest >= 0.999 * spectrum_of_K[-1]
    assert found.largest <= 1.001
    assert 100 / 3 <= found.condition(torch.finfo(torch.float64).eps) <= 100.1


@pytest.mark.parametrize("solver", ["cholesky", "pcg"])
@pytest.mark.filterwarnings("ignore:The residual is")
def test_a_condition_beyond_float64_is_at_most_what_float64_resolves(solver):
    x = np.linspace(0, 1, 60)[:, None]
    made = KernelInterpolator(bandwidth=1.0, solver=solver).fit(x, np.sin(9 * x[:, 0]))
    assert 1e11 < made.condition_ <= 1 / np.finfo(float).eps
