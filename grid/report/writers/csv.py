"""The CSV form of a table: the values behind it for programs, EERs as fractions at full precision."""

from __future__ import annotations

import csv
import io
import math

from grid.core.table_text import to_cell
from grid.report.table import CellValue, Column, Table


def to_csv(table: Table) -> str:
    """One line per row and one column per part of each column, named `GROUP NAME PART`.

    A number that does not exist (the standard error of a single seed) is empty; a cell that did not finish has its
    state (failed, missing, running, absent) in every part. Reading a number back gives the same 64-bit float. A name
    that a spreadsheet would compute has a single quote in front (grid/core/table_text.py).
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([_header(column, part) for column in table.columns for part in column.parts])
    for row in table.rows:
        writer.writerow([_value(value) for cell in row for value in cell.values])
    return stream.getvalue()


def _header(column: Column, part: str) -> str:
    return to_cell(f"{column.full_name} {part}" if part else column.full_name)


def _value(value: CellValue) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(float(value))
    return to_cell(str(value))
