"""The CodecFake+ paper's Table V: training sub-category by test sub-category of the taxonomy, for each detector.

A detector trained on one codec is a member model of the codec's sub-category. An entry is the mean over the members of
their EER on the trials of the test sub-category, with the standard error over them. The table has three blocks, one per
axis, and a block has the sub-categories of its axis alone: each is a table here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from grid.analysis.results import GridResults
from grid.core.identity import slug
from grid.core.vocabulary import AXES, POOLED, Axis
from grid.report.page import Part
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.beside import BESIDE, beside, beside_values, setup
from grid.report.papers.shared.codec_matrix import shown_policy
from grid.report.papers.shared.codecfake_plus import COSG, MAIN_DETECTOR, words
from grid.report.papers.shared.published import MemberEer, TaxonomyEer, published
from grid.report.papers.shared.words import word
from grid.report.summary import mean_and_error, percent, summarise
from grid.report.table import Cell, Column, Footnotes, Table, label
from grid.report.tables.taxonomy import Member, members_of

NAME = "codecfake-plus-table-5"
FEWEST = 20
BLOCKS: dict[Axis, tuple[str, tuple[str, ...]]] = {
    "qua": ("a", ("Svq", "Mvq", "Scq")),
    "aux": ("b", ("None", "Sem", "Disent")),
    "dec": ("c", ("Time", "Freq")),
}
"""The letter of the block of each axis, and its sub-categories in the order of the paper."""
ALL = "All"
PARTS = ("eer", "standard_error", "members", "bonafide", "spoof", *BESIDE, "paper_standard_error")
CAPTION = (
    "What the kind of codec in training does for speech generated through each kind, as block ({letter}) of Table V of "
    "{paper} has it: EER in % of {detector} on {evaluation} by sub-category ({axis}) of the training codec (rows) and "
    "of the generator's codec (columns), the mean ± standard error over the n member models of the row, each trained "
    "on one codec; in parentheses the paper's mean (± standard error, where it is in print), and ours minus the "
    "paper's in percentage points. A generator is tested against its own recordings. {trials} {setup}"
)
ABOVE = "Trials are utterances with a predicted MOS above {mos:g} (the paper: 3.5)."
ANY_MOS = "Trials are of any quality; the paper has those with a predicted MOS above 3.5 (`mos_above: 3.5`)."
NOT_COSG = "The paper has no such table of {evaluation}: its trials are CoSG with a predicted MOS above 3.5."


@PAPER_TABLES.register(NAME)
def parts(results: GridResults) -> tuple[Part, ...]:
    """A table for each evaluation that is split by `qua`, `aux` or `dec`, each detector and each axis."""
    evaluations = results.evaluations(lambda condition: condition.startswith(tuple(f"{axis}=" for axis in AXES)))
    first = sorted(evaluations, key=lambda name: (not name.startswith(COSG), name not in results.mos_above))
    tables = [
        _block(results, detector, name, axis) for name in first for detector in results.detectors() for axis in AXES
    ]
    return tuple(table for table in tables if table.rows)


def _block(results: GridResults, detector: str, evaluation: str, axis: Axis) -> Table:
    footnotes, policy = Footnotes(), shown_policy(results)
    letter, order = BLOCKS[axis]
    members = [m for m in members_of(results, axis, detector, policy)[0] if len(m.cells[0].codecs) == 1]
    tests = [name for name in order if f"{axis}={name}" in results.conditions(evaluation)]
    conditions = {**{test: f"{axis}={test}" for test in tests}, ALL: POOLED}
    paper = evaluation.startswith(COSG) and word(words().detectors, detector) == MAIN_DETECTOR
    rows = []
    for train in order:
        group = [member for member in members if member.category == train]
        if group and tests:
            of_paper = paper and all(word(words().codecs, m.cells[0].codecs[0]) for m in group)
            rows.append(
                (
                    label(train),
                    *(
                        _entry(group, evaluation, condition, stated(axis, train, test) if of_paper else None, footnotes)
                        for test, condition in conditions.items()
                    ),
                )
            )
    name = word(words().detectors, detector) or detector
    return Table(
        name=f"{NAME}{letter}-{slug(evaluation)}-{slug(detector)}",
        title=f"CodecFake+, Table V ({letter}), {axis.upper()}: {name}, {evaluation}",
        caption=CAPTION.format(
            letter=letter,
            paper=words().paper,
            detector=name,
            evaluation=evaluation,
            axis=axis.upper(),
            trials=_trials(results, evaluation),
            setup=setup(results, words()),
        ),
        columns=(
            Column("trained on", align="left"),
            *(Column(test, group="tested on", parts=PARTS) for test in conditions),
        ),
        rows=tuple(rows),
        notes=footnotes.notes(*_remarks(axis, paper)),
    )


def _trials(results: GridResults, evaluation: str) -> str:
    if not evaluation.startswith(COSG):
        return NOT_COSG.format(evaluation=evaluation)
    return ABOVE.format(mos=results.mos_above[evaluation]) if evaluation in results.mos_above else ANY_MOS


def _remarks(axis: Axis, paper: bool) -> list[str]:
    """The paper's footnote on the members of Svq, and what is not in print; nothing where its figures are not shown."""
    if not paper:
        return []
    svq = published(f"{NAME}-footnote", MemberEer)
    names, eers = (" and ".join([", ".join(items[:-1]), items[-1]]) for items in (
        [row.trained_on for row in svq], [f"{row.percent:.2f}" for row in svq],
    ))  # fmt: skip
    footnote = (
        f"The paper's footnote: its three members {names} have {eers} % on the {svq[0].bonafide} bona fide and "
        f"{svq[0].spoof} spoof trials of Svq."
    )
    return [*([footnote] if axis == "qua" else []), *words().remarks(NAME)]


def stated(axis: Axis, trained_on: str, tested_on: str) -> TaxonomyEer | None:
    """The entry of the paper, None where it has none."""
    key = (axis.upper(), trained_on, tested_on)
    found = (row for row in published(NAME, TaxonomyEer) if (row.axis, row.trained_on, row.tested_on) == key)
    return next(found, None)


def _entry(
    group: Sequence[Member], evaluation: str, condition: str, paper: TaxonomyEer | None, footnotes: Footnotes
) -> Cell:
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
    printed = None if paper is None else paper.mean_percent / 100
    printed_error = math.nan if paper is None or paper.standard_error is None else paper.standard_error / 100

    def write(value: float) -> str:
        return percent(value) if math.isnan(printed_error) else f"{percent(value)} ± {percent(printed_error)}"

    details = (f"± {percent(error)}",) if len(values) > 1 else ()
    mark = footnotes.mark("; ".join([*notes, *troubles])) if notes or troubles else ""
    return Cell(
        percent(mean),
        (mean, error, len(values), bonafide, spoof, *beside_values(mean, printed), printed_error),
        mark,
        (*details, f"(n={len(values)})", *beside(mean, printed, write)),
    )
