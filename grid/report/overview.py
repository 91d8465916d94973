"""Short tables for a terminal of 80 columns: EERs in % with one decimal; intervals are in the files of a report."""

from __future__ import annotations

import math
from dataclasses import replace

from grid.analysis.results import GridResults
from grid.report.contents import leading_views
from grid.report.summary import NOT_IN_GRID
from grid.report.table import Cell, Column, Table, label
from grid.report.tables.cross_codec import cross_codec_matrix, matrix_table
from grid.report.tables.policies import policy_summary
from grid.report.tables.taxonomy import AXIS_NAMES, taxonomy_table


def overview(results: GridResults, cross_testing: str | None = None) -> list[Table]:
    """Per detector the policies, then the matrix and the taxonomy by quantiser on the evaluation `cross_testing`."""
    tables = [policy_overview(results, detector) for detector in results.detectors()]
    for view in leading_views(results, cross_testing):
        matrix = matrix_table(
            cross_codec_matrix(results, evaluation=view.evaluation, policy=view.policy, detector=view.detector)
        )
        caption = "EER in %, trained on the row's codec, tested on the column's."
        tables.append(_shortened(matrix, f"Cross-codec EER: {view.title}", caption))
        caption = f"EER in % by {AXIS_NAMES['qua']}: mean ± standard error over the n trainings of the row."
        taxonomy = taxonomy_table(
            results, axis="qua", evaluation=view.evaluation, policy=view.policy, detector=view.detector
        )
        tables.append(_shortened(taxonomy, f"Taxonomy QUA: {view.title}", caption))
    return [table for table in tables if table.rows]


def policy_overview(results: GridResults, detector: str) -> Table:
    """One row per (selection, policy): the pooled EER of each evaluation and its difference from the baseline."""
    evaluations = results.evaluations()
    pairs = dict.fromkeys((cell.selection, cell.policy) for cell in results.select(detector=detector))
    rows, previous = [], ""
    for selection, policy in pairs:
        entries = [_entry(results, selection, policy, detector, evaluation) for evaluation in evaluations]
        rows.append((label("" if selection == previous else selection), label(policy), *entries))
        previous = selection
    return Table(
        name=f"overview-{detector}",
        title=f"Labelling policies: {detector}",
        caption="Pooled EER in % (lower is better) and its change from policy none.",
        columns=(
            Column("selection", align="left"),
            Column("policy", align="left"),
            *(Column(evaluation, align="left") for evaluation in evaluations),
        ),
        rows=tuple(rows),
    )


def _entry(results: GridResults, selection: str, policy: str, detector: str, evaluation: str) -> Cell:
    summary, difference = policy_summary(results, selection, policy, detector, evaluation)
    if summary.state != "done":
        return label(NOT_IN_GRID if summary.state == "absent" else summary.state)
    # Fixed widths in a left-aligned column, so that EERs and differences each line up
    change = "" if math.isnan(difference) else f" {round(100 * difference, 1) + 0.0:+5.1f}"
    return Cell(f"{100 * summary.mean:4.1f}{change}", (summary.mean,))


def _shortened(table: Table, title: str, caption: str) -> Table:
    """The table without its notes and column groups, which the files of the report have."""
    columns = tuple(replace(column, group="") for column in table.columns)
    rows = tuple(tuple(replace(cell, mark="") for cell in row) for row in table.rows)
    return replace(table, title=title, caption=caption, columns=columns, rows=rows, notes=())
