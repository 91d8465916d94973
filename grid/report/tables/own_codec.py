"""The table of the dual role of CoRS: the effect of its label on the EER for the codec that was labelled."""

from __future__ import annotations

import math

from grid.analysis.results import GridResults, codec_condition
from grid.report.summary import NOT_IN_GRID, mean_and_error, percent, points
from grid.report.table import Cell, Column, Footnotes, Table, label
from grid.report.tables.policies import PARTS, policy_entry, policy_summary

CAPTION = (
    "The dual role of resynthesised speech: EER in % on the trials of the codec that the detector was trained with "
    "(lower is better), below it its interval and, in parentheses, the difference in percentage points from the same "
    "detector without resynthesised speech. The last rows are the mean over codecs ± its standard error, and the mean "
    "difference ± its standard error over the same codecs."
)


def own_codec_table(results: GridResults) -> Table:
    """One row per (codec, policy) of the trainings on a single codec, then the mean over codecs of each policy."""
    footnotes = Footnotes()
    evaluations = [name for name in results.evaluations() if results.test_codecs(name)]
    axes = [(detector, evaluation) for detector in results.detectors() for evaluation in evaluations]
    single = [cell for cell in results.cells if len(cell.codecs) == 1 and axes]
    rows = [
        (
            label(selection),
            label(policy),
            *(
                policy_entry(results, selection, policy, *axis, footnotes, condition=codec_condition(codec))
                for axis in axes
            ),
        )
        for selection, policy, codec in dict.fromkeys((c.selection, c.policy, c.codecs[0]) for c in single)
    ]
    policies = list(dict.fromkeys(cell.policy for cell in single))
    codecs = {cell.selection: cell.codecs[0] for cell in single}
    if rows:
        rows += [
            (label("mean over codecs"), label(policy), *(_mean(results, codecs, policy, *axis) for axis in axes))
            for policy in policies
        ]
    return Table(
        name="own-codec",
        title="Labelling policies on the codec that was labelled",
        caption=CAPTION,
        columns=(
            Column("selection", align="left"),
            Column("policy", align="left"),
            *(Column(evaluation, group=detector, parts=PARTS) for detector, evaluation in axes),
        ),
        rows=tuple(rows),
        notes=footnotes.notes(),
    )


def _mean(results: GridResults, codecs: dict[str, str], policy: str, detector: str, evaluation: str) -> Cell:
    """The mean over codecs (each the mean of its seeds), and the mean of the paired differences from the baseline."""
    pairs = [
        policy_summary(results, selection, policy, detector, evaluation, codec_condition(codec))
        for selection, codec in codecs.items()
    ]
    eers = [summary.mean for summary, _ in pairs if summary.state == "done"]
    if len(eers) < 2:  # one codec has no mean over codecs
        return Cell(NOT_IN_GRID, ("absent",) * len(PARTS))
    mean, error = mean_and_error(eers)
    difference, spread = mean_and_error([change for _, change in pairs if not math.isnan(change)])
    details = [] if math.isnan(error) else [f"± {percent(error)}"]
    if not math.isnan(difference):
        details.append(f"({points(difference)}{'' if math.isnan(spread) else f' ± {percent(spread)}'})")
    return Cell(percent(mean), (mean, math.nan, math.nan, error, len(eers), difference), details=tuple(details))
