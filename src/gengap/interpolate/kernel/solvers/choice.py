"""Which solver, and why: decided before anything large is allocated."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gengap.errors import InputError, unknown

SOLVERS = ("cholesky", "pcg")

Seconds = Callable[["Plan"], float]

_EXACT = 1536  # points up to which the factor is in float64 at once: tens of milliseconds
_FEW = 2048  # points up to which a factor is taken without asking how long either solver would take
_LARGE = 1 / 8  # of the memory: where K in float64 would need more than this, pcg stores it in float32
_VECTORS = 16  # float64 arrays as large as y: of conjugate gradients, of refinement, and a sum for each thread
_TILES = 8  # working tiles in float64, besides what grows with n


@dataclass(frozen=True)
class Plan:
    """What will be done.

    Attributes:
        solver: One of ``SOLVERS``.
        reason: Why that one.
        rank: Columns in the preconditioner of ``pcg``.
        bits: Of ``cholesky`` the precision of the factor: 64, or 32, after which float64 is tried where there is room
            for it. Of ``pcg`` that in which K is stored between products: 64, 32, or 0 where it is computed anew.
        needed: Bytes at the peak, besides the points.
        room: Of ``cholesky``: whether there is room for a factor in float64 where one in float32 comes first.
        whole: Of ``cholesky``: whether all of K stays in memory, in float64, between products.
    """

    solver: str
    reason: str
    rank: int
    bits: int
    needed: int
    room: bool = False
    whole: bool = False


def plan(
    solver: str,
    n: int,
    outputs: int,
    size: int,
    points: int,
    rank: int | None,
    memory: int,
    *,
    cpu: bool = True,
    seconds: Seconds | None = None,
) -> Plan:
    """The solver asked for; for ``"auto"`` the one that will be faster, or the only one that fits.

    Args:
        solver: ``"auto"`` or one of ``SOLVERS``.
        n: Points.
        outputs: Right-hand sides.
        size: Rows of a tile.
        points: Bytes of the points, of which ``pcg`` makes a sorted copy.
        rank: Columns in the preconditioner; by default 8 sqrt(n).
        memory: Bytes that may be used.
        cpu: Whether the CPU computes, where K may be whole in memory.
        seconds: From a plan to the time that it will take on this machine; None: a factor wherever it fits.

    Raises:
        InputError: The solver does not fit, or none does; an unknown solver.
    """
    if not isinstance(solver, str) or solver not in ("auto", *SOLVERS):
        raise unknown("solver", solver, ("auto", *SOLVERS))
    rank = min(n, rank or round(8 * n**0.5))
    exact = _factor_plan(n, outputs, size, rank, memory, cpu)
    iterative = _pcg_plan(n, outputs, size, points, rank, memory)
    fits = {each.solver: each.needed <= memory for each in (exact, iterative)}
    if solver != "auto" or not all(fits.values()):
        chosen = exact if solver == "cholesky" or (solver == "auto" and fits["cholesky"]) else iterative
        other = iterative if chosen is exact else exact
        _require(chosen, n, memory, other.solver if fits[other.solver] else None)
        alone = f"{other.solver} would need {_gib(other.needed)} of {_gib(memory)} available; {chosen.reason}"
        return replace(chosen, reason=alone if solver == "auto" else "asked for")
    if n <= _FEW:
        return replace(exact, reason="few points")
    if seconds is None:
        return exact
    times = {each.solver: seconds(each) for each in (exact, iterative)}
    fastest = min((exact, iterative), key=lambda each: times[each.solver])
    slower = iterative if fastest is exact else exact
    reason = (
        f"about {times[fastest.solver]:.2g} s at the speed measured here, {slower.solver} {times[slower.solver]:.2g} s"
    )
    return replace(fastest, reason=f"{reason}; {fastest.reason}")


def _factor_plan(n: int, outputs: int, size: int, rank: int, memory: int, cpu: bool) -> Plan:
    """``cholesky`` with K whole in memory where it fits, and with the more precise factor where that is cheap."""
    needs = {bits: factor_bytes(n, outputs, size, bits) for bits in (64, 32)}
    whole = {bits: 8 * n * n + bits // 8 * n * n + work_bytes(n, outputs, size) for bits in (64, 32)}
    dense = cpu and whole[32] <= memory
    if dense:
        needs = whole
    room = needs[64] <= memory
    bits = 64 if room and n <= _EXACT else 32
    words = f"the kernel matrix and its factor need {_gib(needs[bits])} of {_gib(memory)} available"
    return Plan("cholesky", words, rank, bits, needs[bits], room, dense)


def _pcg_plan(n: int, outputs: int, size: int, points: int, rank: int, memory: int) -> Plan:
    """``pcg`` with K in the precision in which it fits."""
    alone = points + pcg_bytes(n, outputs, rank, size)
    needs = {bits: alone + triangle_bytes(n, size, bits) for bits in (64, 32)} | {0: alone}
    limits = {64: _LARGE * memory, 32: memory}
    bits = next((bits for bits, limit in limits.items() if needs[bits] <= limit), 0)
    stored = f"the kernel matrix in float{bits} fits: {_gib(needs[bits])} of {_gib(memory)} available"
    anew = f"the kernel matrix in float32 would need {_gib(needs[32])} of {_gib(memory)} available: it is computed anew"
    return Plan("pcg", stored if bits else anew, rank, bits, needs[bits])


def _require(chosen: Plan, n: int, memory: int, other: str | None) -> None:
    if chosen.needed <= memory:
        return
    advice = f"solver={other!r} would do" if other else "take fewer points, or a machine with more memory"
    raise InputError(
        f"Solver {chosen.solver!r} on {n:,} points needs {chosen.needed:,} bytes, and {memory:,} are available.",
        expected="a problem that fits in memory",
        next_step=advice,
    )


def _gib(count: int) -> str:
    return f"{count / 2**30:.3g} GiB"


def factor_bytes(n: int, outputs: int, size: int, bits: int) -> int:
    """Memory of the factor's lower triangle in a precision, and of what does not grow with n^2."""
    return triangle_bytes(n, size, bits) + work_bytes(n, outputs, size)


def pcg_bytes(n: int, outputs: int, rank: int, size: int) -> int:
    """Memory of the preconditioner while it is made, and of what does not grow with n^2."""
    return 8 * n * (rank + min(n, size)) + 4 * 8 * rank * rank + work_bytes(n, outputs, size)


def work_bytes(n: int, outputs: int, size: int) -> int:
    """Memory of conjugate gradients' vectors and of working tiles."""
    return 8 * _VECTORS * n * outputs + 8 * _TILES * min(n, size) ** 2


def triangle_bytes(n: int, size: int, bits: int) -> int:
    """Memory of the lower triangle of K in a precision, whole diagonal tiles included."""
    return bits // 8 * n * (n + min(n, size)) // 2
