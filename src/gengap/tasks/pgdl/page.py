"""The page of scores on a zoo: the competition's score of every measure, then the ranking."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from gengap.report import Block, Fact, Facts, Page, Section, Table, Text

TITLE = "Every measure, the largest PGDL score first, those that some networks lack at the end"
EXPLAINED = (
    "The PGDL score is 100 times the conditional information of the measure about the order of the gaps, the least "
    "over sets of at most two hyperparameters that are known. A measure says something where its score is above the "
    "largest of ten permuted measures.",
)


def scores_page(
    ranking: Page, scores: pd.DataFrame, sentence: str, cautions: Sequence[str], left_out: Mapping[str, str]
) -> Page:
    """The page.

    Args:
        ranking: The page of the ranking, of which all but the first section follow the scores.
        scores: One row a measure, the largest score first; see ``ZooScores``.
        sentence: What it comes to.
        cautions: What limits it.
        left_out: Network's name -> why it could not be built.
    """
    shown = scores[["measure", "score", "permuted", "n"]].rename(
        columns={"score": "PGDL score", "permuted": "largest permuted score", "n": "networks"}
    )
    shown["note"] = [reason or "" for reason in scores["reason"]]
    formats = dict.fromkeys(("PGDL score", "largest permuted score"), ".2f")
    blocks: list[Block] = [Table(shown, TITLE, formats), Text(EXPLAINED)]
    short, *rest = ranking.sections
    facts = [block for block in short.parts if isinstance(block, Facts)]
    left = [Fact("Left out", f"{len(left_out)}", "networks that could not be built")] if left_out else []
    parts: list[Block] = [Facts([*(fact for block in facts for fact in block.facts), *left]), Text(tuple(cautions))]
    sections = [Section(short.title, parts), Section("PGDL score", blocks), *_left_out(left_out), *rest]
    return replace(ranking, title="PGDL score of measures", lead=sentence, sections=sections)


def _left_out(left_out: Mapping[str, str]) -> list[Section]:
    if not left_out:
        return []
    frame = pd.DataFrame({"network": list(left_out), "reason": list(left_out.values())})
    return [Section("Networks left out", [Table(frame, "Networks that could not be built")])]
