"""The table of selection x policy against detector x evaluation: the effect of the labelling policy on the EER."""

from __future__ import annotations

import math

from grid.analysis.results import GridResults
from grid.core.vocabulary import NO_CORS, POOLED
from grid.report.summary import Summary, percent, points, state_cell, summarise, uncertainty
from grid.report.table import Cell, Column, Footnotes, Table, label

PARTS = ("eer", "lower", "upper", "standard_error", "seeds", "difference")
CAPTION = (
    "What the label of resynthesised speech does: pooled EER in % (lower is better), below it its bootstrap interval "
    "in brackets or, over several seeds, ± its standard error, and in parentheses the difference, in percentage "
    "points, from the same detector trained without resynthesised speech (policy none)."
)


def policy_table(results: GridResults) -> Table:
    """One row per (selection, policy), one column per (detector, evaluation with a pooled condition)."""
    footnotes = Footnotes()
    evaluations, detectors = results.evaluations(), results.detectors()
    axes = [(detector, evaluation) for detector in detectors for evaluation in evaluations]
    rows = []
    for selection, policy in dict.fromkeys((cell.selection, cell.policy) for cell in results.cells):
        entries = [policy_entry(results, selection, policy, *axis, footnotes) for axis in axes]
        rows.append((label(selection), label(policy), *entries))
    columns = (
        Column("selection", align="left"),
        Column("policy", align="left"),
        *(Column(evaluation, group=detector, parts=PARTS) for detector, evaluation in axes),
    )
    return Table(
        name="policies",
        title="Labelling policies",
        caption=CAPTION,
        columns=columns,
        rows=tuple(rows),
        notes=footnotes.notes(),
    )


def policy_summary(
    results: GridResults, selection: str, policy: str, detector: str, evaluation: str, condition: str = POOLED
) -> tuple[Summary, float]:
    """The summary over seeds, and its difference from the baseline; NaN without one, and for policy none."""
    cells = results.select(selection=selection, policy=policy, detector=detector)
    summary = summarise(cells, evaluation, condition)
    baseline = summarise(results.baseline(selection, detector), evaluation, condition)
    return summary, math.nan if policy == NO_CORS else summary.mean - baseline.mean


def policy_entry(
    results: GridResults,
    selection: str,
    policy: str,
    detector: str,
    evaluation: str,
    footnotes: Footnotes,
    condition: str = POOLED,
) -> Cell:
    """The entry of one training on one condition: EER, interval, difference from the baseline, footnotes."""
    summary, difference = policy_summary(results, selection, policy, detector, evaluation, condition)
    if summary.state != "done":
        return state_cell(summary, len(PARTS), footnotes)
    details = (uncertainty(summary), "" if math.isnan(difference) else f"({points(difference)})")
    values = (summary.mean, summary.lower, summary.upper, summary.standard_error, summary.count, difference)
    mark = footnotes.mark("mean of the other seeds; " + "; ".join(summary.troubles)) if summary.troubles else ""
    return Cell(percent(summary.mean), values, mark, tuple(filter(None, details)))
