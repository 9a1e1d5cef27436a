"""Running a study at a scale, and what that gives: rows, comparisons, a section of a report."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from gengap.store import RESULTS
from gengap.studies.study import Reported, Row, Scale, Study

if TYPE_CHECKING:
    from gengap.studies.page import Artifact
    from gengap.sweep import Options
    from gengap.verdicts import ClaimPart, Comparison


@dataclass(frozen=True)
class Outcome:
    """A study's rows at a scale.

    Attributes:
        study, scale: What was run.
        rows: As ``study.measure`` gave them.
    """

    study: Study
    scale: Scale
    rows: Sequence[Row]

    @property
    def indicative(self) -> str:
        """What keeps this scale from being judged; empty at paper scale."""
        return "" if self.scale == "paper" else self.study.scaled[self.scale]

    @property
    def failed(self) -> list[Row]:
        """Rows without a result; a run that diverged is a result."""
        return [row for row in self.rows if row["status"] not in RESULTS]

    @property
    def seen_as(self) -> list[str]:
        """What models are fed, in words, as far as the study or its rows say it."""
        if self.study.seen_as:
            return [self.study.seen_as]
        return list(dict.fromkeys(text for row in self.rows if isinstance(text := row.get("seen_as"), str)))

    def comparisons(self) -> "list[Comparison]":
        """Each number of the paper with ours beside it."""
        return [_comparison(reported, self) for reported in self.study.reported]

    def claim_parts(self) -> "list[ClaimPart]":
        """Each part of the study's claim, and whether it holds in these rows.

        A configuration of the scale without a row counts as missing, so that no part is judged on what is left of its
        rows. Where a row lacks a field of its configuration, nothing is judged.
        """
        from gengap.verdicts import ClaimPart

        if not self.rows:
            return self.study.check([])
        configs = [vars(config) for config in self.study.sweep(self.scale)]
        if unnamed := self._unnamed(configs):
            return [ClaimPart("the whole claim", "cannot be judged", f"a row does not say its {unnamed}")]
        return self.study.check([*self.rows, *self._lost(configs)])

    def _unnamed(self, configs: Sequence[Row]) -> str | None:
        """A field of the configurations that a row lacks, or that is None or NaN in it and in no configuration."""
        optional = {name for config in configs for name, value in config.items() if value is None}

        def lacks(row: Row, name: str) -> bool:
            value = row.get(name)
            return value != value or (name not in row if name in optional else value is None)

        return next((name for row in self.rows for name in configs[0] if lacks(row, name)), None)

    def _lost(self, configs: Sequence[Row]) -> list[Row]:
        """A row without results for each configuration of the scale that has none."""
        present = {_identity(row, configs[0]) for row in self.rows}
        lost = [config for config in configs if _identity(config, config) not in present]
        columns = dict.fromkeys(name for row in self.rows for name in row) if lost else {}
        return [columns | {"status": "missing", "reason": "its row is lost", "history": []} | each for each in lost]

    def artifact(self) -> "Artifact":
        """What the report shows of it."""
        import pandas as pd

        from gengap.studies.page import Artifact

        study = self.study
        frame = pd.DataFrame(self.rows)
        views = [view(frame) for view in study.views]
        return Artifact(
            name=study.name,
            title=study.artifact,
            claim=study.claim,
            paper=study.paper,
            views=[view for view in views if view is not None],
            claim_parts=self.claim_parts(),
            comparisons=self.comparisons(),
            unfinished=self._unfinished(),
            differences=study.differences,
            indicative=self.indicative,
            seen_as=self.seen_as,
        )

    def to_json(self) -> dict[str, Any]:
        """Name, claim and whether it holds in the rows, rows without histories, comparisons, what has no result."""
        from gengap.verdicts import whole_claim

        parts = self.claim_parts()
        return {
            "name": self.study.name,
            "artifact": self.study.artifact,
            "claim": self.study.claim,
            "claim_check": {"finding": whole_claim(parts), "parts": [part.record() for part in parts]},
            "scale": self.scale,
            "indicative": self.indicative or None,
            "rows": [{name: value for name, value in row.items() if name != "history"} for row in self.rows],
            "comparisons": [comparison.record() for comparison in self.comparisons()],
            "failed": self._unfinished().query("status not in @RESULTS").to_dict("records") if self.failed else [],
        }

    def _unfinished(self) -> Any:
        """A table of the rows that did not end well: the configuration, the status and its reason."""
        import pandas as pd

        fields = list(asdict(self.study.sweep(self.scale)[0]))
        rows = [row for row in self.rows if row["status"] != "done"]
        return pd.DataFrame(rows, columns=[*fields, "status", "reason"])


def run_study(study: Study, scale: Scale, options: "Options") -> Outcome:
    """Measures what a study lacks at a scale.

    Raises:
        InputError: Its data are not here, or the device.
        Interrupted: Ctrl-C; what is stored stays, and running it again goes on.
    """
    rows = study.measure(study.sweep(scale), options)
    return Outcome(study, scale, [row | {"seen_as": study.seen_as} for row in rows] if study.seen_as else rows)


def _identity(row: Mapping[str, Any], fields: Iterable[str]) -> str:
    """What tells the row of a configuration from others, the same after JSON."""
    return json.dumps([row.get(name) for name in fields])


def _comparison(reported: Reported, outcome: Outcome) -> "Comparison":
    from gengap.verdicts import Comparison

    rows = [row for row in outcome.rows if reported.matches(row)]
    factor = 100.0 if reported.unit == "%" else 1.0
    values, missing = [], []
    for row in rows:
        value = row.get(reported.quantity) if row["status"] == "done" else None
        if value is None:
            missing.append(_reason(row, reported.quantity))
        else:
            values.append(factor * value)
    return Comparison(
        what=reported.what,
        place=reported.place,
        reported=reported.value,
        unit=reported.unit,
        tolerance=reported.tolerance,
        source=reported.source,
        values=tuple(values),
        missing=tuple(missing),
        diverged=sum(row["status"] == "diverged" for row in rows),
        indicative=outcome.indicative,
    )


def _reason(row: Mapping[str, Any], quantity: str) -> str:
    if row["status"] != "done":
        return f"{row['status']}: {row['reason']}"
    return str(row.get(f"{quantity}_reason") or f"the row holds no {quantity}")
