"""Capacity in bits, of Morris et al. 2025: how many bits of random data a parameter memorises.

Claim: a network memorises random data up to a number of bits that does not grow with the data, and that is proportional
to its parameters.

Reported: 3.6 bits for each parameter of a transformer, and 3.83 in float32, a mean over their networks, from a
secondary source.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from gengap.studies.morris2025 import views
from gengap.studies.rows import measured
from gengap.studies.study import Reported, Row, Scale, Study, study

if TYPE_CHECKING:
    from gengap.studies.morris2025.memorising.networks import Language
    from gengap.studies.morris2025.memorising.training import Effort
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "morris2025/bits"
PAPER = "Morris et al. 2025, How much do language models memorize?, arXiv:2505.24832"
WIDTHS: dict[Scale, dict[str, tuple[int, ...]]] = {
    "smoke": {"perceptron": (2, 3, 4), "convolutional": (2, 3, 4), "transformer": (4, 8, 12)},
    "desk": {"perceptron": (8, 16, 24), "convolutional": (4, 8, 12), "transformer": (8, 12, 16)},
    "paper": {"perceptron": (64, 256, 1024), "convolutional": (32, 64, 128), "transformer": (64, 128, 256)},
}
# Bits of the data for each parameter of the network that is to memorise them.
RATIOS: dict[Scale, dict[str, tuple[float, ...]]] = {
    "smoke": dict.fromkeys(("perceptron", "convolutional", "transformer"), (1.0, 2.0)),
    "desk": dict.fromkeys(("perceptron", "convolutional", "transformer"), (1.0, 2.0, 3.0, 4.0)),
    "paper": dict.fromkeys(("perceptron", "convolutional", "transformer"), (1.0, 2.0, 3.0, 4.0, 6.0, 8.0)),
}
SEEDS: dict[Scale, tuple[int, ...]] = {"smoke": (0, 1), "desk": (0, 1), "paper": (0, 1, 2)}
STEPS: dict[Scale, int] = {"smoke": 20, "desk": 1_200, "paper": 1_000_000}
COLUMNS = ("parameters", "symbols", "alphabet", "storable_bits", "loss_nats", "bits", "bits_per_parameter")
PROPORTIONAL = 1.25  # largest ratio of bits for each parameter between widths
_WIDEST = {"network": "transformer", "width": 256, "ratio": 1.0}
REPORTED = (
    Reported(
        "bits for each parameter of transformers",
        "abstract",
        3.6,
        "bits",
        0.3,
        "printed",
        "capacity_per_parameter",
        _WIDEST,
    ),
    Reported(
        "bits for each parameter of transformers in float32, a mean over networks",
        "section 3",
        3.83,
        "bits",
        0.3,
        "secondary source",
        "capacity_per_parameter",
        _WIDEST,
    ),
)


@dataclass(frozen=True)
class Config:
    """One network on one amount of data."""

    scale: Scale
    network: str
    width: int
    ratio: float  # bits of the data for each parameter
    seed: int = 0


def sweep(scale: Scale) -> list[Config]:
    """All networks, widths, amounts of data and seeds."""
    return [
        Config(scale, network, width, ratio, seed)
        for network, widths in WIDTHS[scale].items()
        for width in widths
        for ratio in RATIOS[scale][network]
        for seed in SEEDS[scale]
    ]


def language(scale: Scale) -> "Language":
    """Tokens and decoder of a scale; the paper's sequences have 64 tokens of 2,048."""
    from gengap.studies.morris2025.memorising.networks import Language

    return Language(64, 2048, depth=4, head=64) if scale == "paper" else Language()


def effort(scale: Scale) -> "Effort":
    """How hard networks of a scale are trained."""
    from gengap.studies.morris2025.memorising.training import Effort

    return Effort(STEPS[scale], rate=0.001, batch=2048) if scale == "paper" else Effort(STEPS[scale])


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a training, with the capacity of its network over all amounts of data; seeds are trained side by side."""
    train = partial(trained, device=options.device)
    rows = measured(NAME, configs, COLUMNS, train, options, together=lambda c: (c.network, c.width, c.ratio))
    return with_capacities(rows)


def trained(configs: list[Config], context: "Context", device: str = "auto") -> list[Row]:
    """Rows of one network on one amount of data, of all seeds."""
    import math

    from gengap.models import count_parameters
    from gengap.studies.morris2025.memorising.networks import network
    from gengap.studies.morris2025.memorising.training import memorise, random_data
    from gengap.sweep.threads import limited
    from gengap.train import resolve_device
    from gengap.verdicts import memorised_bits

    first, seeds = configs[0], [config.seed for config in configs]
    spoken, hard = language(first.scale), effort(first.scale)
    bits_each = math.log2(random_data(first.network, 1, [0], spoken).alphabet)
    symbols_each = random_data(first.network, 1, [0], spoken).symbols
    size = count_parameters(network(first.network, first.width, 0, spoken))
    n = max(2, round(first.ratio * size / (bits_each * symbols_each)))
    data = random_data(first.network, n, seeds, spoken)
    with limited(context.threads):
        parameters, losses = memorise(
            first.network,
            first.width,
            data,
            seeds,
            hard,
            spoken,
            device=resolve_device(device),
            report=lambda step: context.report(step, hard.steps, f"{first.network} {first.width}, {n} examples"),
        )
    rows = []
    for loss in losses:
        diverged = not math.isfinite(loss)
        bits = None if diverged else memorised_bits(loss, data.symbols, data.alphabet)
        rows.append(
            {
                "status": "diverged" if diverged else "done",
                "reason": "the loss is not finite" if diverged else None,
                "parameters": parameters,
                "symbols": data.symbols,
                "alphabet": data.alphabet,
                "storable_bits": data.storable_bits,
                "loss_nats": None if diverged else loss,
                "bits": bits,
                "bits_per_parameter": None if bits is None else bits / parameters,
            }
        )
    return rows


def with_capacities(rows: Sequence[Row]) -> list[Row]:
    """The rows with the most bits that their network memorised, over all amounts of data.

    The new columns: ``capacity_bits``, ``capacity_per_parameter``, ``plateau`` (1 or 0), ``filled``. None where a
    network has fewer than two results, none above 0, or one of more than its data hold.
    """
    from gengap.verdicts import capacity

    added: dict[tuple[Any, ...], Row] = {}
    for key in {_network(row) for row in rows}:
        own = [row for row in rows if _network(row) == key and row["bits"] is not None]
        own.sort(key=lambda row: row["symbols"])
        if len(own) < 2 or max(row["bits"] for row in own) <= 0 or not _within(own)[0]:
            continue
        columns = ([row[name] for row in own] for name in ("symbols", "bits", "storable_bits"))
        most = capacity(*columns)
        added[key] = {
            "capacity_bits": most.bits,
            "capacity_per_parameter": most.bits / own[0]["parameters"],
            "plateau": float(most.plateau),
            "filled": most.filled,
        }
    empty = dict.fromkeys(("capacity_bits", "capacity_per_parameter", "plateau", "filled"))
    return [row | added.get(_network(row), empty) for row in rows]


def _network(row: Row) -> tuple[Any, ...]:
    return row["network"], row["width"], row["seed"]


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part

    parts = []
    for network in ("transformer", "perceptron", "convolutional"):
        own, of_paper = [row for row in rows if row["network"] == network], network == "transformer"
        what = f"{network}: the bits memorised stop growing with the data"
        parts.append(claim_part(what, own, ["plateau", "filled"], _stops, of_paper=of_paper, seeds_together=True))
        what = f"{network}: the most bits are proportional to the parameters"
        needed = ["capacity_bits", "capacity_per_parameter", "parameters"]
        parts.append(claim_part(what, own, needed, _proportional, of_paper=of_paper, seeds_together=True))
    what = "no more is memorised than the data hold"
    return [*parts, claim_part(what, rows, ["bits", "storable_bits"], _within, of_paper=False, seeds_together=True)]


def _stops(rows: list[Row]) -> tuple[bool, str]:
    from gengap.verdicts import span

    networks = {_network(row): row for row in rows}
    on = sum(row["plateau"] for row in networks.values())
    filled = span([row["filled"] for row in networks.values()], ".0%")
    return on == len(networks), f"{on:.0f} of {len(networks)} networks; {filled} of the data memorised at the most bits"


def _proportional(rows: list[Row]) -> tuple[bool, str]:
    from gengap.verdicts import present

    by_width: dict[int, list[float]] = {}
    for row in {_network(row): row for row in rows}.values():
        by_width.setdefault(row["width"], []).append(row["capacity_per_parameter"])
    present(by_width, "widths:", 2)
    means = {width: sum(values) / len(values) for width, values in sorted(by_width.items())}
    figures = ", ".join(f"{mean:.2f} at width {width:,}" for width, mean in means.items())
    fit = views.fitted_line(rows)
    slope = (
        f"; slope {fit.slope:.2f} ({fit.intervals['slope'][0]:.2f} to {fit.intervals['slope'][1]:.2f})" if fit else ""
    )
    by_seed: dict[int, list[float]] = {}
    for row in rows:
        by_seed.setdefault(row["seed"], []).append(row["capacity_per_parameter"])
    holds = all(max(values) <= PROPORTIONAL * min(values) for values in by_seed.values())
    return holds, f"bits for each parameter: {figures}{slope}"


def _within(rows: list[Row]) -> tuple[bool, str]:
    share = max(row["bits"] / row["storable_bits"] if row["storable_bits"] else math.inf for row in rows)
    return share <= 1 + 1e-6, f"at most {share:.1%} of what the data hold"


@study
def morris2025_bits() -> Study:
    """Capacity in bits."""
    return Study(
        name=NAME,
        artifact="Capacity in bits",
        claim=(
            "A network memorises random data up to a number of bits that does not grow with the data and is "
            "proportional to its parameters."
        ),
        paper=PAPER,
        differences=(
            "No copy of the paper was at hand: its setting and numbers are as its abstract and others give them.",
            "What is measured is a lower estimate: the most bits, over amounts of data, that Adam from one "
            "initialisation memorises in a fixed number of steps. Another training may store more.",
            "Beside transformers on random tokens stand perceptrons and convolutional networks on random labels of 16 "
            "classes at random inputs, which the paper does not have.",
            "Parameters are all that are trained, embeddings among them; weights are float32.",
            "Sequences are not told apart by an input, so that n of them hold n (T log2 V - log2 n) bits at most.",
        ),
        scaled={
            "smoke": "networks of a few hundred parameters, 20 steps.",
            "desk": "Networks of 500 to 6,000 parameters instead of 500,000 and more; sequences of 12 tokens out of 32 "
            "instead of 64 out of 2,048; 1,200 steps instead of a million; two seeds.",
        },
        cost={
            "smoke": "seconds",
            "desk": "about ten minutes on one core (an estimate)",
            "paper": "weeks on a GPU (an estimate)",
        },
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=(views.plateau, views.against_parameters, views.table),
        check=check,
        seen_as="tokens, or numbers, drawn at random",
    )
