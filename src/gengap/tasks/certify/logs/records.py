"""What every reader of logs returns: columns of records, one a question and repetition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Log:
    """The records of a log.

    Attributes:
        source: The file's name.
        values: Metric -> its value in each record, as it stands in the log; None where there is none.
        items: The question's name in each record, or None where the log names none.
        model: The model's name in each record, or one for all.
        columns: Other columns, such as metadata by which questions belong together.
        higher_is_better: Metric -> whether larger is better; where it is not said, it is.
        remarks: What was seen that the reader should know.
        averaged: Whether the values are means of repetitions already.
    """

    source: str
    values: Mapping[str, Sequence[Any]]
    items: Sequence[Any] | None
    model: str | Sequence[str]
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    higher_is_better: Mapping[str, bool] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    averaged: bool = False

    def metrics(self) -> list[str]:
        """The metrics that have any value."""
        return [name for name, column in self.values.items() if any(value is not None for value in column)]

    def models(self) -> list[str]:
        """The models, in the order in which they first appear."""
        return [self.model] if isinstance(self.model, str) else list(dict.fromkeys(self.model))

    def rows_of(self, model: str) -> Sequence[int]:
        """The records of one model."""
        size = len(next(iter(self.values.values())))
        if isinstance(self.model, str):
            return range(size)
        return [row for row, one in enumerate(self.model) if one == model]
