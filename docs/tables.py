"""The tables of README.md, made from the studies, their recorded results and the recorded benchmarks.

``make tables`` writes them between the comments ``<!-- table NAME -->`` and ``<!-- end of table NAME -->``; a test says
when they are out of date.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # benchmarks is no part of the installed package

from benchmarks.__main__ import BENCHMARKS, RESULTS, lines_of  # noqa: E402
from gengap.studies import all_studies  # noqa: E402
from gengap.studies.evidence import Recorded, recorded_results  # noqa: E402
from gengap.verdicts import whole_claim  # noqa: E402

README = ROOT / "README.md"
RECORDED = Path("docs") / "results"


def studies_table(recorded: Mapping[str, Recorded]) -> str:
    """A row for each study: its claim, what its recorded rows say of it, and a number of the paper beside ours."""
    rows = []
    for study in all_studies():
        found = recorded.get(study.name)
        name = study.name if found is None else f"[{study.name}]({(RECORDED / found.folder).as_posix()})"
        rows.append([name, study.claim, *_evidence(found)])
    return _markdown(["study", "claim", "evidence", "paper", "ours"], rows)


def _evidence(found: Recorded | None) -> list[str]:
    """Whether there is evidence and what it says of the claim, then the first number of the paper that has ours."""
    if found is None:
        return ["no", "", ""]
    finding = f"yes, {found.outcome.scale}: {whole_claim(found.outcome.claim_parts())}"
    first = next((each for each in found.outcome.comparisons() if each.ours is not None), None)
    if first is None or first.ours is None:
        return [finding, "", ""]
    return [finding, f"{first.what}: {first.reported:.4g} {first.unit}".strip(), f"{first.ours:.4g}"]


def benchmarks_table() -> str:
    """A row for each comparison that is recorded under benchmarks/results, as its benchmark tells it."""
    rows = []
    for name in BENCHMARKS:
        for path in sorted(RESULTS.glob(f"*/{name}.json")):
            lines = lines_of(name, json.loads(path.read_text(encoding="utf-8")))
            rows += [
                [line.what, line.ours, line.opponent, line.theirs, line.ratio, line.machine]
                for line in lines
                if line.ratio
            ]
    return _markdown(["what", "gengap", "opponent", "opponent's", "ratio", "machine"], rows)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def cell(text: str) -> str:
        return " ".join(re.sub(r"\[/?[a-z]+\]", "", text).split()).replace("|", "\\|")

    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell(text) for text in line) + " |" for line in lines)


def tables() -> Iterator[tuple[str, str]]:
    """Name and text of each table."""
    yield "studies", studies_table(recorded_results(ROOT / RECORDED))
    yield "benchmarks", benchmarks_table()


def with_tables(text: str) -> str:
    """The document with its tables made anew."""
    for name, made in tables():
        begin, end = f"<!-- table {name} -->", f"<!-- end of table {name} -->"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n\n{made}\n\n{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
