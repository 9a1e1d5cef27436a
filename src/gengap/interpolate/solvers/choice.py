"""Which solver, and why; told before anything large is made."""

from dataclasses import dataclass

from gengap.errors import InputError, unknown
from gengap.interpolate.solvers.memory import factor_bytes, pcg_bytes, triangle_bytes

SOLVERS = ("cholesky", "cholesky-bfloat16", "pcg")


@dataclass(frozen=True)
class Plan:
    """What will be done.

    Attributes:
        solver: One of ``SOLVERS``.
        reason: Why that one.
        rank: Columns in the preconditioner of ``pcg``.
        held_bits: Precision in which K is held between products: 64, 32, or 0 where it is computed anew.
        needed: Bytes at the peak, besides the points.
    """

    solver: str
    reason: str
    rank: int
    held_bits: int
    needed: int


def plan(solver: str, n: int, outputs: int, size: int, rank: int | None, memory: int) -> Plan:
    """The solver asked for, or the choice for ``"auto"``: the exact factor where it fits.

    Args:
        solver: ``"auto"`` or one of ``SOLVERS``.
        n: Points.
        outputs: Right-hand sides.
        size: Rows of a tile.
        rank: Columns in the preconditioner; by default 10 sqrt(n).
        memory: Bytes that may be used.

    Raises:
        InputError: The solver does not fit, or none does; an unknown solver.
    """
    if solver not in ("auto", *SOLVERS):
        raise unknown("solver", solver, ("auto", *SOLVERS))
    rank = min(n, rank or round(10 * n**0.5))
    exact, iterative = factor_bytes(n, outputs, size, 32), pcg_bytes(n, outputs, rank)
    if solver == "cholesky" or (solver == "auto" and exact <= memory):
        _require("cholesky", n, exact, memory, "pcg" if iterative <= memory else None)
        fits = f"its factor takes {_gib(exact)} of {_gib(memory)} available"
        return Plan("cholesky", fits if solver == "auto" else "asked for", rank, 0, exact)
    if solver == "cholesky-bfloat16":
        both = triangle_bytes(n, size, 32) + factor_bytes(n, outputs, size, 16)
        _require(solver, n, both, memory, "cholesky" if exact <= memory else "pcg")
        return Plan(solver, "asked for", rank, 32, both)
    _require("pcg", n, iterative, memory, None)
    held = {bits: iterative + triangle_bytes(n, size, bits) for bits in (64, 32)} | {0: iterative}
    bits = next(bits for bits, needed in held.items() if needed <= memory)
    reason = f"a factor takes {_gib(exact)} and {_gib(memory)} are available" if solver == "auto" else "asked for"
    return Plan("pcg", reason, rank, bits, held[bits])


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
