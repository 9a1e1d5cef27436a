"""Parquet tables, whose declared sizes are read before their columns."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gengap.data.limits import check_memory, out_of_memory_refused, unpacked_limit
from gengap.data.text_table import check_columns
from gengap.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_CELL = 8  # bytes of a value in memory at least: a number, or a pointer to a text


def read_parquet(file: Path) -> "pd.DataFrame":
    """The table in a Parquet file.

    Raises:
        InputError: It is damaged, names a column twice, or does not fit into memory.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with out_of_memory_refused(str(file)), pq.ParquetFile(file) as opened:
            declared = opened.metadata
            check_columns(declared.num_columns, str(file))
            groups = [declared.row_group(i) for i in range(declared.num_row_groups)]
            cells = declared.num_rows * declared.num_columns
            needed = max(2 * sum(group.total_byte_size for group in groups), cells * _CELL)
            check_memory(f"{file} of {declared.num_rows:,} rows", needed, unpacked_limit(file.stat().st_size))
            names = [field.name for field in opened.schema_arrow if _is_text(field.type)]
        with out_of_memory_refused(str(file)):
            table = pq.read_table(file, read_dictionary=names)
            frame: pd.DataFrame = _decoded(table, names, file).to_pandas()
            return frame
    except InputError:
        raise
    except (pa.ArrowException, ValueError, OSError, KeyError) as error:
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise InputError(
            f"{file} is no table that can be read: {reason:.120}", expected="a complete Parquet file"
        ) from error


def _is_text(data_type: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(data_type) or pa.types.is_binary(data_type))


def _decoded(table: Any, names: list[str], file: Path) -> Any:
    """The table with its text written out: a file that holds a long text once may refer to it in every row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    limit, needed = unpacked_limit(file.stat().st_size), 0
    for name in names:
        column = table[name]
        for chunk in column.chunks:
            lengths = pc.cast(pc.binary_length(chunk.dictionary), pa.int64())
            needed += pc.sum(pc.take(lengths, chunk.indices)).as_py() or 0
        check_memory(f"{file}: column {name}", needed, limit)
        index = table.schema.get_field_index(name)
        field = table.schema.field(index).with_type(column.type.value_type)
        table = table.set_column(index, field, column.cast(column.type.value_type))
    return table
