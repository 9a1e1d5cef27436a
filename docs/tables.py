"""The tables of README.md and of benchmarks/README.md, made from the studies, their recorded results and benchmarks.

``make tables`` writes them between the comments ``<!-- table NAME -->`` and ``<!-- end of table NAME -->``; a test says
when they are out of date.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # benchmarks is no part of the installed package

from benchmarks import machine  # noqa: E402
from benchmarks.__main__ import BENCHMARKS, RESULTS, lines_of  # noqa: E402
from benchmarks.table import Line  # noqa: E402
from gengap.studies import all_studies  # noqa: E402
from gengap.studies.account import topic  # noqa: E402
from gengap.studies.evidence import Recorded, recorded_results  # noqa: E402
from gengap.verdicts import Comparison, whole_claim  # noqa: E402

README = ROOT / "README.md"
ALL_BENCHMARKS = ROOT / "benchmarks" / "README.md"
RECORDED = Path("docs") / "results"
YES = "yes = 1"  # the unit of what a paper says without a number


@dataclass(frozen=True)
class Headline:
    """A comparison that README.md shows, in a few words of its own.

    Attributes:
        benchmark: Its name.
        what, against: Words that its line has in what was done and in the opponent; no other line of it has both.
        title, opponent: What README.md says of the two.
    """

    benchmark: str
    what: str
    against: str
    title: str
    opponent: str


HEADLINES = (
    Headline("mlp-1x512", "epoch", "in memory", "epoch of CIFAR-10, MLP", "PyTorch, data in memory"),
    Headline("alexnet-small", "epoch", "in memory", "12,800 images, small AlexNet", "PyTorch, data in memory"),
    Headline("inception-small", "epoch", "in memory", "1,280 images, small Inception", "PyTorch, data in memory"),
    Headline("optimisers", "AdamW, mlp", "plain loop", "AdamW in float32, one thread", "PyTorch, fused"),
    Headline("measures", "alexnet", "a call for each", "76 measures of an AlexNet", "a call for each"),
    Headline("gradients", "mlp", "vmap", "gradient norms, MLP (1 x: a plain pass)", "torch.func.vmap"),
    Headline("gradients", "cnn", "BackPACK", "gradient norms, convolutions", "BackPACK"),
    Headline("double-descent", "curve", "lstsq", "double-descent curve, n = 2,000", "numpy lstsq, 20 times"),
    Headline("kernel-ridge", "cholesky", "KernelRidge", "kernel machine, n = 15,000", "scikit-learn"),
    Headline("kernel-solvers", "pcg", "peak", "kernel machine, n = 20,000", "n^3/3 operations at peak"),
    Headline(
        "relu-interpolator",
        "any labels",
        "solve",
        "ReLU network through 50,000 points",
        "solve, extrapolated from 4,000",
    ),
    Headline("certify", "certificates", "SciPy", "1,000,000 certificates", "loop over SciPy"),
)


def studies_table(recorded: Mapping[str, Recorded]) -> str:
    """A row for each study: its topic, what its rows say of the claim, and a number of the paper beside ours."""
    rows = []
    for study in all_studies():
        found = recorded.get(study.name)
        name = study.name if found is None else f"[{study.name}]({(RECORDED / found.folder).as_posix()})"
        rows.append([name, topic(study), *_evidence(found)])
    return _markdown(["study", "what", "evidence", "paper", "ours"], rows)


def _evidence(found: Recorded | None) -> list[str]:
    """What the rows say of the claim, and at which scale; then the first number of the paper that has ours."""
    if found is None:
        return ["not run", "", ""]
    finding = f"{found.outcome.scale}: {whole_claim(found.outcome.claim_parts())}"
    numbers = (each for each in found.outcome.comparisons() if each.unit != YES and not _by_definition(each))
    first = next((each for each in numbers if each.ours is not None), None)
    if first is None or first.ours is None:
        return [finding, "", ""]
    unit = f" {first.unit}" if first.unit in ("%", "nats") else ""
    return [finding, f"{first.what}: {first.reported:.4g}{unit}", f"{first.ours:.4g}{unit}"]


def _by_definition(each: Comparison) -> bool:
    """Whether a number is 1 whatever the runs say: a time relative to that on true labels, on true labels."""
    return "relative time" in each.what and each.what.endswith("level 0")


def recorded_lines() -> list[tuple[str, Line]]:
    """(benchmark, line) of every comparison that is recorded under benchmarks/results."""
    return [
        (name, line)
        for name in BENCHMARKS
        for path in sorted(RESULTS.glob(f"*/{name}.json"))
        for line in lines_of(name, json.loads(path.read_text(encoding="utf-8")))
    ]


def benchmarks_table() -> str:
    """A row for each recorded comparison, as its benchmark tells it."""
    rows = [
        [line.what, line.ours, line.opponent, line.theirs, line.ratio, line.limit, line.wanted, line.machine]
        for _, line in recorded_lines()
    ]
    return _markdown(["what", "gengap", "opponent", "opponent's", "ratio", "limit", "aim", "machine"], rows)


def machines_table() -> str:
    """A row for each kind of machine that has a record, as its newest one with measured peaks describes it."""
    records = [json.loads(path.read_text(encoding="utf-8"))["machine"] for path in RESULTS.glob("*/*.json")]
    newest = {machine.kind(facts): facts for facts in sorted(records, key=lambda one: ("peaks" in one, one["date"]))}
    rows = [
        [kind, facts["processor"], str(facts["cores"]), f"{facts['memory_gib']} GiB", machine.told_peaks(facts)]
        for kind, facts in sorted(newest.items())
    ]
    return _markdown(["machine", "processor", "cores", "memory", "measured peaks"], rows)


def headlines_table() -> str:
    """A row for each of ``HEADLINES``, its figures without their spreads; columns are aligned, for a terminal."""
    lines = recorded_lines()
    rows = []
    for headline in HEADLINES:
        line = line_of(headline, lines)
        ours, theirs = figure(line.ours), opponents(line)
        figures = [ours, headline.opponent, theirs, faster(ours, theirs)]
        rows.append([headline.title, *figures, figure(line.limit), line.machine])
    return _markdown(["what", "gengap", "opponent", "opponent's", "ratio", "limit", "machine"], rows, aligned=True)


def line_of(headline: Headline, lines: Sequence[tuple[str, Line]]) -> Line:
    """The recorded line of a headline, of the first machine that has it."""
    for name, line in lines:
        if name == headline.benchmark and headline.what in line.what and headline.against in line.opponent:
            return line
    raise ValueError(f"no recorded line of {headline.benchmark} has {headline.what!r} against {headline.against!r}")


def figure(text: str) -> str:
    """The first figure of a cell, without its spread and what else is told there: ``13.7 s``."""
    return re.split(r"[\n(,]| at | by | of ", text)[0].strip()


def opponents(line: Line) -> str:
    """The figure of the opponent for what gengap did: where it was timed on less, the extrapolated one."""
    if "extrapolated" not in line.ratio:
        return figure(line.theirs)
    seconds, unit = figure(line.ours).split()
    return f"{float(seconds) * float(line.ratio.split()[0]):.3g} {unit}"


def faster(ours: str, theirs: str) -> str:
    """How many times as fast gengap is, by the two figures as they are shown."""
    (own, unit), (other, other_unit) = ours.split(), theirs.split()
    if unit != other_unit:
        raise ValueError(f"{ours} and {theirs} have different units")
    factor = float(f"{float(other) / float(own):.3g}")
    return f"{factor:,.0f} x" if factor >= 100 else f"{factor:g} x"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]], *, aligned: bool = False) -> str:
    """The table; ``aligned`` pads each column to one width."""

    def cell(text: str) -> str:
        return " ".join(re.sub(r"\[/?[a-z]+\]", "", text).split()).replace("|", "\\|")

    table = [[cell(text) for text in line] for line in [head, *rows]]
    widths = [max(map(len, column)) if aligned else 0 for column in zip(*table, strict=True)]
    table.insert(1, ["-" * max(3, width) for width in widths])
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in table)


def documents() -> dict[Path, dict[str, str]]:
    """Document -> name and text of each of its tables."""
    studies = studies_table(recorded_results(ROOT / RECORDED))
    return {
        README: {"studies": studies, "headlines": headlines_table()},
        ALL_BENCHMARKS: {"machines": machines_table(), "benchmarks": benchmarks_table()},
    }


def with_tables(text: str, tables: Mapping[str, str]) -> str:
    """The document with its tables made anew."""
    for name, made in tables.items():
        begin, end = f"<!-- table {name} -->", f"<!-- end of table {name} -->"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n\n{made}\n\n{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    for document, tables in documents().items():
        document.write_text(with_tables(document.read_text(encoding="utf-8"), tables), encoding="utf-8")
