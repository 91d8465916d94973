"""Tables that lay out a grid as a paper does, with the figures stated by the paper beside ours; one file is one table.

To add one, put a file here (`my_paper_table_2.py` is the table `my-paper-table-2`), or declare in another package an
entry point in the group `codecgrid.tables` whose value is the module:

    @PAPER_TABLES.register("my-paper-table-2")
    def table(results: GridResults) -> Table: ...       # or parts of a page, tables and figures, in their order

What the papers print is in `published/`, one CSV file a table, and stands beside ours; a paper's words for our names
are in `PAPER.yaml`. `codecgrid report --published NAME` prints a published table alone.

An experiment requests a table with `report: [my-paper-table-2]`. A table is made from the results that exist: cells
that failed or never ran show their state, and `results.compared` holds the grids of the experiments in `compare`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from grid.analysis.results import GridResults
from grid.core.plugins import Registry
from grid.report.page import Part
from grid.report.table import Table

PaperTable: TypeAlias = Callable[[GridResults], Table | tuple[Part, ...]]

PAPER_TABLES: Registry[PaperTable] = Registry(kind="paper table", package="grid.report.papers", plural="tables")


def paper_parts(name: str, results: GridResults) -> tuple[Part, ...]:
    """The parts of the paper table or figure `name` for `results`; RequestError if it does not exist."""
    parts = PAPER_TABLES.get(name)(results)
    return (parts,) if isinstance(parts, Table) else parts
