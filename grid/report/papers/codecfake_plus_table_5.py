"""The CodecFake+ paper's Table V: training sub-category by test sub-category of the taxonomy, for each detector.

A detector trained on codecs of one sub-category is a member model. An entry is the mean over the members of their EER
on the trials of the test sub-category, with the standard error over them (the paper's section on the taxonomy).
"""

from __future__ import annotations

from collections.abc import Sequence

from grid.analysis.results import GridResults
from grid.core.identity import slug
from grid.core.vocabulary import AXES, Axis
from grid.report.page import Part
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.codec_matrix import shown_policy
from grid.report.papers.shared.stated_figures import read_figures, word
from grid.report.summary import mean_and_error, percent, summarise
from grid.report.table import Cell, Column, Footnotes, Table, label
from grid.report.tables.taxonomy import AXIS_NAMES, CATEGORY_ORDER, Member, members_of

TABLE = 5
FEWEST = 20
PARTS = ("eer", "standard_error", "members", "bonafide", "spoof")
CAPTION = (
    "What the kind of codec in training does for speech generated through each kind, as Table V of {paper} has it: EER "
    "in % of {detector} on {evaluation} by sub-category of the training codec (rows) and of the generator's codec "
    "(columns), the mean ± standard error over the n member models of the row. A generator is tested against its own "
    "recordings."
)


@PAPER_TABLES.register("codecfake-plus-table-5")
def parts(results: GridResults) -> tuple[Part, ...]:
    """A table for each detector and evaluation that is split by `qua`, `aux` or `dec`."""
    evaluations = results.evaluations(lambda condition: condition.startswith(tuple(f"{axis}=" for axis in AXES)))
    tables = [_table(results, detector, name) for name in evaluations for detector in results.detectors()]
    return tuple(table for table in tables if table.rows)


def _table(results: GridResults, detector: str, evaluation: str) -> Table:
    figures, footnotes, policy = read_figures("codecfake_plus"), Footnotes(), shown_policy(results)
    tests = [(axis, value) for axis in AXES for value in _tested(results, evaluation, axis)]
    rows = []
    for axis in AXES:
        members = members_of(results, axis, detector, policy)[0]
        for train in sorted({member.category for member in members}, key=_rank):
            group = [member for member in members if member.category == train]
            entries = (_entry(group, evaluation, f"{test}={value}", footnotes) for test, value in tests)
            rows.append((label(AXIS_NAMES[axis]), label(train), *entries))
    missing = figures.missing.get(TABLE)
    remarks = [f"Figures of the paper that codecgrid does not have and so does not show: {missing}."] if missing else []
    name = word(figures.detectors, detector) or detector
    return Table(
        name=f"codecfake-plus-table-5-{slug(evaluation)}-{slug(detector)}",
        title=f"CodecFake+, Table V: {name}, {evaluation}",
        caption=CAPTION.format(paper=figures.paper, detector=name, evaluation=evaluation),
        columns=(
            Column("trained on", align="left"),
            Column("sub-category", align="left"),
            *(Column(value, group=f"tested on {test.upper()}", parts=PARTS) for test, value in tests),
        ),
        rows=tuple(rows),
        notes=footnotes.notes(*remarks),
    )


def _tested(results: GridResults, evaluation: str, axis: Axis) -> list[str]:
    values = [name.removeprefix(f"{axis}=") for name in results.conditions(evaluation) if name.startswith(f"{axis}=")]
    return sorted(values, key=_rank)


def _entry(group: Sequence[Member], evaluation: str, condition: str, footnotes: Footnotes) -> Cell:
    summaries = [summarise(member.cells, evaluation, condition) for member in group]
    values = [summary.mean for summary in summaries if summary.state == "done"]
    troubles = list(dict.fromkeys(text for summary in summaries for text in summary.troubles))
    if not values:
        state = next((name for name in ("failed", "running", "missing") if name in {s.state for s in summaries}), "-")
        return Cell(state, (state,) * len(PARTS), footnotes.mark("; ".join(troubles)) if troubles else "")
    measured = [m for member in group for cell in member.cells if (m := cell.measurement(evaluation, condition))]
    bonafide, spoof = measured[0].n_bonafide, measured[0].n_spoof
    notes = [f"few trials: {bonafide} bona fide and {spoof} spoof"] if min(bonafide, spoof) < FEWEST else []
    notes += ["a single member model, so no standard error"] if len(values) == 1 else []
    mean, error = mean_and_error(values)
    details = (f"± {percent(error)}",) if len(values) > 1 else ()
    mark = footnotes.mark("; ".join([*notes, *troubles])) if notes or troubles else ""
    return Cell(percent(mean), (mean, error, len(values), bonafide, spoof), mark, (*details, f"(n={len(values)})"))


def _rank(name: str) -> tuple[int, str]:
    order = CATEGORY_ORDER.index(name.lower()) if name.lower() in CATEGORY_ORDER else len(CATEGORY_ORDER)
    return order, name
