"""What all studies that train networks have in common: from configurations to stored rows."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gengap.studies.study import Row

if TYPE_CHECKING:
    from gengap.cells import Cell, Options


def trained(configs: Sequence[Any], cells: "Sequence[Cell]", options: "Options") -> list[Row]:
    """One row for each configuration: that of its cell, trained unless it is stored, and the configuration's fields.

    A cell that two configurations share, of one study or of several, is trained once. A cell without a row has
    status ``missing``. Every row has all columns: without a result they are None, and ``history`` is empty.

    Args:
        configs: Frozen dataclasses.
        cells: The cell of each.
        options: How cells are run.
    """
    from gengap.cells import run
    from gengap.store import Store

    with Store() as store:
        rows, _ = run(cells, store, options)
    found = {row["key"]: row for row in rows}
    return [{**_row(cell, found), **asdict(config)} for config, cell in zip(configs, cells, strict=True)]


def _row(cell: "Cell", found: dict[str, Row]) -> Row:
    row = found.get(cell.key, {"key": cell.key, "status": "missing", "reason": "it was never trained"})
    return cell.columns() | row
