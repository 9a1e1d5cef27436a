"""What the rankings say about the claim of Jiang et al. 2020."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from gengap.studies.jiang2020.networks import DATA
from gengap.studies.study import Row

if TYPE_CHECKING:
    from gengap.verdicts import ClaimPart

FLAT, COUNTS = ("sharpness_mag_flatness", "pacbayes_mag_flatness"), ("vc", "params")
NORMS = ("prod_of_spec", "prod_of_fro", "param_norm", "fro_dist", "path_norm", "spec_orig_main")
PSI, LOW, HIGH = "granulated_tau", "granulated_tau_low", "granulated_tau_high"

Decide = Callable[[list[Row]], tuple[bool, str]]


def claim_parts(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim; one holds where the 95 % intervals of Psi show it on every data set of the scale."""
    from gengap.verdicts import claim_part

    ranked = [row for row in rows if row.get("kind") == "ranking"]

    def part(text: str, names: Sequence[str], decide: Decide) -> "ClaimPart":
        own = [row for row in ranked if row.get("measure") in names]
        return claim_part(text, own, (PSI, LOW, HIGH), decide, seeds_together=True)

    spectral = ("prod_of_spec",)
    return [
        part("flatness in sizes of the weights rises with the gap", FLAT, _of_sign(FLAT, 1)),
        part("it orders the networks better than norms of weights do", (*FLAT, *NORMS), _flatness_leads),
        part("the product of spectral norms falls where the gap rises", spectral, _of_sign(spectral, -1)),
        part("counting parameters orders networks the wrong way round", COUNTS, _of_sign(COUNTS, -1)),
    ]


def _of_sign(names: Sequence[str], sign: Literal[1, -1]) -> Decide:
    from gengap.verdicts import span

    def decide(rows: list[Row]) -> tuple[bool, str]:
        found = [row for here in _by_data(rows, names) for row in here.values()]
        holds = all(row[LOW] > 0 if sign > 0 else row[HIGH] < 0 for row in found)
        ends = [row[end] for row in found for end in (LOW, HIGH)]
        return holds, f"Psi {span([row[PSI] for row in found])}, with intervals within {span(ends)}"

    return decide


def _flatness_leads(rows: list[Row]) -> tuple[bool, str]:
    """Whether every interval of flatness is above every interval of a norm."""
    from gengap.verdicts import span

    by_data = _by_data(rows, (*FLAT, *NORMS))
    apart, clear = (
        [min(here[name][low] for name in FLAT) - max(here[name][high] for name in NORMS) for here in by_data]
        for low, high in ((PSI, PSI), (LOW, HIGH))
    )
    text = (
        f"Psi of flatness less the largest of a norm's {span(apart)}; its low end less a norm's high end {span(clear)}"
    )
    return min(clear) > 0, text


def _by_data(rows: Sequence[Row], names: Sequence[str]) -> list[dict[str, Row]]:
    """Measure -> its row, for each data set of the rows' scale."""
    from gengap.verdicts import MissingRows

    found = {(row["data"], row["measure"]): row for row in rows}
    sets = DATA[rows[0]["scale"]]
    for data in sets:
        for name in names:
            if (data, name) not in found:
                raise MissingRows(f"there is no row of {name} on {data}")
    return [{name: found[data, name] for name in names} for data in sets]
