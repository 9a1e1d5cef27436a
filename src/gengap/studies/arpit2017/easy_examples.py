"""Figure 1 of Arpit et al. 2017: real data have easy and hard examples, noise has neither.

Claim: after one epoch from many initialisations some real examples are classified correctly almost always and others
almost never; on random inputs, and on random labels, the share of correct trainings varies over the examples little
more than a coin's.

Reported, read by eye off the figure: the share at some ranks of 1,000 examples of CIFAR-10, to 0.03.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pvariance
from typing import TYPE_CHECKING

from gengap.studies.arpit2017.trainings import DIFFERENCES, FED, PAPER, Descent, Noise, images
from gengap.studies.rows import measured
from gengap.studies.study import Reported, Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "arpit2017/easy_examples"
NOISE: dict[str, tuple[Noise, float]] = {"real": ("labels", 0.0), "randX": ("inputs", 1.0), "randY": ("labels", 1.0)}
SOURCE: dict[Scale, str] = {"smoke": "digits", "desk": "cifar10", "paper": "cifar10"}
SIZE: dict[Scale, tuple[int, int | None]] = {"smoke": (100, 10), "desk": (20_000, 10), "paper": (50_000, 10)}
HIDDEN: dict[Scale, tuple[int, ...]] = {"smoke": (16, 16), "desk": (256, 256), "paper": (4096, 4096)}
TRAININGS: dict[Scale, int] = {"smoke": 8, "desk": 30, "paper": 100}
SHOWN: dict[Scale, int] = {"smoke": 50, "desk": 1000, "paper": 1000}  # examples that are ranked
RANKS = tuple(range(0, 1001, 25))  # in thousandths of them
RATE: dict[Scale, float] = {"smoke": 0.1, "desk": 0.05, "paper": 0.01}
BATCH = 100
REVISION = 1  # of what is stored: desk scale trains on 20,000 images
EASY = 0.8  # share of correct trainings of an easy example
COLUMNS = ("share_correct", "dispersion", "never", "always")


@dataclass(frozen=True)
class Config:
    """One rank of one kind of data."""

    scale: Scale
    data: str
    rank: int  # in thousandths, from the hardest example
    seed: int = 0


REPORTED = tuple(
    Reported(
        f"share of correct trainings at rank {rank} of 1,000, real data",
        "Figure 1",
        value,
        "fraction",
        0.03,
        "read off a plot",
        "share_correct",
        {"data": "real", "rank": rank},
    )
    for rank, value in ((150, 0.0), (400, 0.12), (600, 0.37), (975, 1.0))
)


def sweep(scale: Scale) -> list[Config]:
    """Every rank of every kind of data."""
    return [Config(scale, data, rank) for data in NOISE for rank in RANKS]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a rank; those of one kind of data share its trainings."""
    return measured(
        NAME,
        configs,
        COLUMNS,
        train,
        options,
        together=lambda c: (c.data, c.seed),
        data=lambda c: SOURCE[c.scale],
        revision=REVISION,
    )


def train(configs: list[Config], context: "Context") -> list[Row]:
    """The rows of one kind of data."""
    import numpy as np
    import torch

    from gengap.probes import learning_events

    first = configs[0]
    scale, K = first.scale, TRAININGS[first.scale]
    data = images(SOURCE[scale], SIZE[scale], *NOISE[first.data], first.seed)
    x, y = data.x[: SHOWN[scale]], data.y[: SHOWN[scale]]
    correct = []
    for k in range(K):
        descent = Descent(data, HIDDEN[scale], batch=BATCH, learning_rate=RATE[scale], seed=1_000 * first.seed + k)
        descent.epoch(1)
        with torch.no_grad():
            correct.append((descent.model.eval()(x).argmax(1) == y).numpy())
        context.report(k + 1, K, f"training {k + 1}")
    share = np.sort(learning_events(np.stack(correct)).share)
    shared = {
        "dispersion": _dispersion(share.tolist(), K),
        "never": float((share == 0).mean()),
        "always": float((share == 1).mean()),
    }
    return [
        {
            "status": "done",
            "reason": None,
            "share_correct": float(share[min(len(share) - 1, len(share) * config.rank // 1000)]),
            **shared,
        }
        for config in configs
    ]


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, means, present

    def both(done: list[Row]) -> tuple[bool, str]:
        shares = means(done, "rank", "share_correct", least=2)
        low, high = shares[100], shares[900]
        return high > EASY and low < 0.05, f"share of correct trainings {low:.0%} at rank 100, {high:.0%} at rank 900"

    def less(done: list[Row]) -> tuple[bool, str]:
        curves = {d: list(means((r for r in done if r["data"] == d), "rank", "share_correct").values()) for d in NOISE}
        for data, shares in curves.items():
            present(shares, f"ranks of {data}:", 2)
        spread = {data: _dispersion(shares, TRAININGS[done[0]["scale"]]) for data, shares in curves.items()}
        ends = {data: fmean(not 0 < share < EASY for share in shares) for data, shares in curves.items()}
        shown = ", ".join(f"{data}: {spread[data]:.1f} and {ends[data]:.0%}" for data in NOISE)
        fewer = all(spread["real"] > 3 * spread[d] and 2 * ends[d] <= ends["real"] for d in ("randX", "randY"))
        return fewer, f"variance between ranks over a coin's, and ranks never or nearly always correct, {shown}"

    return [
        claim_part(
            "real data have easy and hard examples", [r for r in rows if r["data"] == "real"], COLUMNS[:1], both
        ),
        claim_part("noise has far fewer of either", list(rows), COLUMNS[:1], less),
    ]


def _dispersion(shares: Sequence[float], trainings: int) -> float:
    """The variance of shares of correct trainings over that of tosses of one coin; 0 where all are alike."""
    mean = fmean(shares)
    return pvariance(shares) / (mean * (1 - mean) / trainings) if 0 < mean < 1 else 0.0


def ranks(rows: "pd.DataFrame") -> "Figure | None":
    """The share of correct trainings by rank."""
    import altair as alt
    import pandas as pd

    from gengap.report import OURS, PAPER, Figure

    data = rows[rows["share_correct"].notna() & (rows["seed"] == 0)]
    data = data[["data", "rank", "share_correct", "dispersion"]].assign(source=OURS)
    if data.empty:
        return None
    if rows["scale"].iloc[0] != "smoke":
        theirs = [{"data": "real", "rank": n.where["rank"], "share_correct": n.value} for n in REPORTED]
        data = pd.concat([data, pd.DataFrame(theirs).assign(source=PAPER)])
    chart = (
        alt.Chart(data)
        .mark_line(point=True)
        .encode(
            x=alt.X("rank:Q", title="rank of the example, of 1,000"),
            y=alt.Y("share_correct:Q", title="share of correct trainings", axis=alt.Axis(format="%")),
            color=alt.Color("data:N", sort=list(NOISE), title="data"),
            strokeDash=alt.StrokeDash("source:N", sort=[OURS, PAPER], title=None),
        )
        .properties(height=280)
    )
    ours = data[data["source"] == OURS].drop_duplicates("data")
    words = "; ".join(f"{r.data}: variance {r.dispersion:.1f} times a coin's" for r in ours.itertuples())
    return Figure(
        "easy-examples",
        chart,
        "Share of trainings of one epoch after which an example is classified correctly, the hardest example first.",
        f"Share of correct trainings by rank; {words}.",
        data,
        {"share_correct": ".1%", "dispersion": ".2f"},
    )


@study
def arpit2017_easy_examples() -> Study:
    """Figure 1."""
    return Study(
        name=NAME,
        artifact="Figure 1",
        claim=(
            "After one epoch some real examples are classified correctly by almost every training and others by almost "
            "none; with random inputs or labels examples differ little more than tosses of a coin."
        ),
        paper=PAPER,
        differences=(
            *DIFFERENCES,
            f"Plain SGD with learning rate {RATE['paper']:g} and minibatches of {BATCH}: the paper gives neither for "
            "this figure. Its text says MLP, its legend CIFAR-10; both are taken.",
            "Examples ranked are the first of the training set, which every training has seen once.",
        ),
        scaled={
            "smoke": "100 of the embedded digits, 8 trainings, 50 examples.",
            "desk": "the first 20,000 training images, two layers of 256 units, learning rate 0.05, 30 trainings.",
        },
        cost={
            "smoke": "seconds",
            "desk": "about three minutes on one core",
            "paper": "days on one core, an hour on a GPU (an estimate)",
        },
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=(ranks,),
        check=check,
        seen_as=FED,
    )
