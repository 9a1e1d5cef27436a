"""Which solver, and why; told before anything large is made."""

from dataclasses import dataclass

from gengap.errors import InputError, unknown

SOLVERS = ("cholesky", "pcg")

_FACTORED = 4096  # so many points at most are factored without asking, in float64: seconds and 80 MiB, for any kernel
_LARGE = 1 / 8  # of the memory: where K in float64 would need more than this, it is held in float32
_VECTORS = 16  # float64 arrays as large as y: of conjugate gradients, of refinement, and a sum for each thread
_OF_TILES = 64 * 2**20  # working tiles, besides what grows with n


@dataclass(frozen=True)
class Plan:
    """What will be done.

    Attributes:
        solver: One of ``SOLVERS``.
        reason: Why that one.
        rank: Columns in the preconditioner of ``pcg``.
        bits: Of ``cholesky`` the precision of the factor: 64, or 32, after which float64 is tried where there is room
            for it. Of ``pcg`` that in which K is held between products: 64, 32, or 0 where it is computed anew.
        needed: Bytes at the peak, besides the points.
    """

    solver: str
    reason: str
    rank: int
    bits: int
    needed: int
    room: bool = False  # for a factor in float64, where one in float32 comes first


def plan(solver: str, n: int, outputs: int, size: int, points: int, rank: int | None, memory: int) -> Plan:
    """The solver asked for, or the choice for ``"auto"``: a factor of few points, ``pcg`` of many.

    Args:
        solver: ``"auto"`` or one of ``SOLVERS``.
        n: Points.
        outputs: Right-hand sides.
        size: Rows of a tile.
        points: Bytes of the points, of which ``pcg`` makes a sorted copy.
        rank: Columns in the preconditioner; by default 8 sqrt(n).
        memory: Bytes that may be used.

    Raises:
        InputError: The solver does not fit, or none does; an unknown solver.
    """
    if not isinstance(solver, str) or solver not in ("auto", *SOLVERS):
        raise unknown("solver", solver, ("auto", *SOLVERS))
    rank = min(n, rank or round(8 * n**0.5))
    factors = {bits: factor_bytes(n, outputs, size, bits) for bits in (64, 32)}
    exact, iterative = factors[32], points + pcg_bytes(n, outputs, rank, size)
    only = iterative > memory
    if solver == "cholesky" or (solver == "auto" and exact <= memory and (n <= _FACTORED or only)):
        _require("cholesky", n, exact, memory, None if only else "pcg")
        few = "few points" if n <= _FACTORED else f"pcg would need {_gib(iterative)} of {_gib(memory)} available"
        room = factors[64] <= memory
        bits = 64 if room and n <= _FACTORED else 32
        return Plan("cholesky", few if solver == "auto" else "asked for", rank, bits, factors[bits], room)
    _require("pcg", n, iterative, memory, "cholesky" if exact <= memory else None)
    held = {bits: iterative + triangle_bytes(n, size, bits) for bits in (64, 32)} | {0: iterative}
    limits = {64: _LARGE * memory, 32: memory, 0: memory}
    bits = next(bits for bits, needed in held.items() if needed <= limits[bits])
    return Plan("pcg", _reason(bits, held, memory) if solver == "auto" else "asked for", rank, bits, held[bits])


def _reason(bits: int, held: dict[int, int], memory: int) -> str:
    if bits:
        return f"many points, and the kernel matrix in float{bits} fits: {_gib(held[bits])} of {_gib(memory)} available"
    return f"the kernel matrix in float32 would need {_gib(held[32])} of {_gib(memory)} available: it is computed anew"


def _require(solver: str, n: int, needed: int, memory: int, other: str | None) -> None:
    if needed <= memory:
        return
    advice = f"solver={other!r} would do" if other else "take fewer points, or a machine with more memory"
    raise InputError(
        f"Solver {solver!r} on {n:,} points needs {needed:,} bytes, and {memory:,} are available.",
        expected="a problem that fits in memory",
        next_step=advice,
    )


def _gib(count: int) -> str:
    return f"{count / 2**30:.3g} GiB"


def factor_bytes(n: int, outputs: int, size: int, bits: int) -> int:
    """Memory of the factor in a precision, and of conjugate gradients' float64 vectors."""
    return triangle_bytes(n, size, bits) + 8 * _VECTORS * n * outputs + _OF_TILES


def pcg_bytes(n: int, outputs: int, rank: int, size: int) -> int:
    """Memory of the preconditioner while it is made, and of conjugate gradients' float64 vectors."""
    return 8 * n * (rank + min(n, size)) + 4 * 8 * rank * rank + 8 * _VECTORS * n * outputs + _OF_TILES


def triangle_bytes(n: int, size: int, bits: int) -> int:
    """Memory of the lower triangle of K in a precision, whole diagonal tiles included."""
    return bits // 8 * n * (n + size) // 2
