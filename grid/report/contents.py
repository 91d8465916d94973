"""The parts of a report and their order: paper tables, policies, cross-codec matrix, taxonomy, effects and the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from grid.analysis.effects.results import Effects
from grid.analysis.results import GridResults
from grid.core.vocabulary import AXES, NO_CORS
from grid.report.about import About, provenance
from grid.report.faults import Fault, attempt
from grid.report.figures.artefacts import artefact_figures
from grid.report.figures.cross_codec import draw_heat_map
from grid.report.figures.det import det_figures
from grid.report.figures.effects import draw_effects
from grid.report.figures.encoding_shortcut import encoding_figure
from grid.report.figures.mos import mos_figure
from grid.report.figures.policies import draw_policy_figure, figure_evaluations, figure_strips
from grid.report.page import Figure, Fold, Page, Part
from grid.report.papers import paper_parts
from grid.report.table import Column, Table
from grid.report.tables.artefacts import artefact_table
from grid.report.tables.audit import groups_table, separation_table
from grid.report.tables.calibration import calibration_table
from grid.report.tables.classes import confusion_table, label_table
from grid.report.tables.cross_codec import DEFAULT_POLICY, cross_codec_matrix, matrix_table
from grid.report.tables.effects import SIDE_WORDS, effects_table
from grid.report.tables.encoding_shortcut import encoding_policy_table, encoding_table
from grid.report.tables.main_effects import main_effects_table
from grid.report.tables.mos import mos_table
from grid.report.tables.own_codec import own_codec_table
from grid.report.tables.policies import policy_table
from grid.report.tables.shortcut_controls import controls_table
from grid.report.tables.shortcuts import shortcut_table
from grid.report.tables.significance import significance_table
from grid.report.tables.status import status_table
from grid.report.tables.taxonomy import taxonomy_table

HEAT_MAP = (
    "Trained on the row's codec, tested on the column's; bold where they are the same, bright where the detector "
    "fails. Hatched: F failed, M missing, R running."
)

POLICY_FIGURE = (
    "Each mark is the EER of one policy (further left is better), each bar its bootstrap interval or standard error. "
    "{compare} Dotted: chance."
)
COMPARE = (
    "Compare a filled mark with the open one (or with the dashed line, where all rows share it), which was trained "
    "without resynthesised speech: a label that helps moves the mark to the left."
)
NOTHING_TO_COMPARE = "No detector here was trained both with resynthesised speech and without: no label is compared."

NOISE_FLOOR = " Grey, below the dashed line: the noise floor, which an effect has to exceed."
MAIN_EFFECTS_MARK = (
    " Diamond: the main effect over all codecs of the family, whose bar is for other codecs trained like these; the "
    "other bars are for these very codecs."
)

NO_CELLS = Table("cells", "All cells", "This table could not be made.", (Column("cell"),), ())
"""Shown in place of the table of all cells if that cannot be made."""


@dataclass(frozen=True)
class View:
    """One detector under one policy on one evaluation."""

    evaluation: str
    policy: str
    detector: str

    @property
    def title(self) -> str:
        return f"{self.evaluation}, {self.detector}, policy {self.policy}"


def outline(results: GridResults, about: About, faults: list[Fault] | None = None) -> Page:
    """The page of `results`: the paper tables that `about` names, then the views of its evaluation (or the first).

    A part that cannot be made is added to `faults` and left out; without that list its error is raised. Raises
    RequestError for a paper table that does not exist.
    """
    views = [
        View(evaluation, policy, detector)
        for evaluation in _per_codec(results)
        for policy in results.policies()
        for detector in results.detectors()
    ]
    first = leading_views(results, about.cross_testing)

    def attempted(part: str, make: Callable[[], Sequence[Part]]) -> tuple[Part, ...]:
        return tuple(attempt(part, make, (), faults))

    def folded(title: str, make: Callable[[], Sequence[Part]]) -> Fold:
        return Fold(title, attempted(f"what is folded under {title!r}", make))

    shown = [part for name in about.tables for part in attempted(f"table {name}", partial(paper_parts, name, results))]
    shown += attempted("table policies", lambda: policy_parts(policy_table(results)))
    shown += attempted("table own-codec", lambda: policy_parts(own_codec_table(results)))
    shown += attempted("table calibration", lambda: calibration_parts(results))
    shown += attempted("tables of classes", lambda: class_parts(results))
    shown += attempted("tables of encoding as a shortcut", lambda: encoding_parts(results))
    shown += attempted("table of shortcut controls", lambda: control_parts(results))
    for view in first:
        shown += attempted(f"cross-codec matrix of {view.title}", partial(matrix_parts, results, view))
    for view in first:
        shown += attempted(f"taxonomy of {view.title}", partial(taxonomy_tables, results, view))
    shown += attempted("table significance", lambda: significance_parts(results))
    leading_effects = [item for item in results.effects if item.evaluation == results.effects[0].evaluation]
    for effects in leading_effects:
        shown += attempted(f"table {effects.name}", partial(effect_parts, effects))
    shown += attempted("table of artefacts", lambda: artefact_parts(results))
    shown += attempted("table of MOS", lambda: mos_parts(results))
    shown += attempted("table of shortcuts", lambda: shortcut_parts(results, pooled=True))
    shown += attempted("table of the audit", lambda: audit_parts(results))
    folds = [folded(f"{view.title}: training codec left out", partial(_others, results, view)) for view in first]
    folds += [folded(view.title, partial(_all, results, view)) for view in views if view not in first]
    more_effects = [item for item in results.effects if item not in leading_effects]
    folds += [folded(item.title, partial(effect_parts, item)) for item in more_effects]
    by_condition = attempted("table of shortcuts by condition", lambda: shortcut_parts(results, pooled=False))
    folds += [Fold(part.title, (part,)) for part in by_condition]
    folds.append(folded("The files of the corpora", lambda: file_parts(results)))
    return Page(
        title=results.name,
        summary=_summary(results),
        shown=tuple(shown),
        folds=tuple(fold for fold in folds if fold.parts),
        last=attempt("table cells", lambda: status_table(results), NO_CELLS, faults),
        warnings=(*about.stand_ins, *about.left_out, *_audit_warnings(results)),
        terms=tuple((name, text) for name, text in about.evaluations if name in results.evaluations()),
        facts=provenance(results, about),
    )


def leading_views(results: GridResults, cross_testing: str | None) -> list[View]:
    """The views shown first, one per detector; the policy is `spoof`, else the first that uses resynthesised speech."""
    evaluations, policies = _per_codec(results), results.policies()
    if cross_testing is not None:
        evaluations = [name for name in evaluations if name == cross_testing]
    trained = [name for name in policies if name != NO_CORS] or policies
    policy = DEFAULT_POLICY if DEFAULT_POLICY in policies else trained[0] if trained else ""
    return [View(evaluation, policy, detector) for evaluation in evaluations[:1] for detector in results.detectors()]


def policy_parts(table: Table) -> list[Part]:
    """A table of policies with its figure; the table alone, or nothing, where the figure would have no row."""
    strips = figure_strips(table)
    if not strips:
        return [table] if table.name == "policies" else []
    title = f"{table.title}: {' and '.join(figure_evaluations(table))}"
    compare = COMPARE if any(strip.compares for strip in strips) else NOTHING_TO_COMPARE
    caption = POLICY_FIGURE.format(compare=compare)
    return [table, Figure(table.name, title, caption, partial(draw_policy_figure, table))]


def significance_parts(results: GridResults) -> list[Part]:
    """The table of significance tests, if the experiment has them."""
    return [significance_table(results)] if results.significance else []


def calibration_parts(results: GridResults) -> list[Part]:
    """The table and the DET curves of the calibration of the cells, if there are any."""
    found = results.calibrations
    return [calibration_table(found), *det_figures(found.cells)] if found.cells or found.missing else []


def class_parts(results: GridResults) -> list[Part]:
    """The tables of policies of several outputs, if there are finished cells of one."""
    found = results.classes
    return [confusion_table(found), label_table(found)] if found.cells or found.missing else []


def encoding_parts(results: GridResults) -> list[Part]:
    """The tables and the figure of encoding as a shortcut, if the experiment has it."""
    found = results.shortcut_conditions
    if not any(cell.encoding for cell in found.cells):
        return []
    return [*encoding_figure(found), encoding_table(found), encoding_policy_table(found)]


def control_parts(results: GridResults) -> list[Part]:
    """The table of shortcut controls, if the experiment has them."""
    found = results.shortcut_conditions
    return [controls_table(found)] if any(cell.controlled for cell in found.cells) else []


def effect_parts(effects: Effects) -> list[Part]:
    """The figure and the tables of the effects of attributes, each only if it would not be empty."""
    parts: list[Part] = []
    if any(effect.codecs for row in effects.rows for effect in row.effects):
        caption = (
            SIDE_WORDS[effects.side].figure
            + NOISE_FLOOR
            + (MAIN_EFFECTS_MARK if any(main.model for main in effects.main) else "")
        )
        parts.append(Figure(effects.name, effects.title, caption, partial(draw_effects, effects)))
    parts += [effects_table(effects)] if effects.rows else []
    return parts + ([main_effects_table(effects)] if effects.main else [])


def artefact_parts(results: GridResults) -> list[Part]:
    """The table and the figures of codec artefacts, if they were measured."""
    artefacts = results.artefacts
    return [artefact_table(artefacts), *artefact_figures(artefacts)] if artefacts else []


def mos_parts(results: GridResults) -> list[Part]:
    """The table and the figure of predicted MOS by system, if there are predictions."""
    return [mos_table(results.mos), mos_figure(results.mos)] if results.mos else []


def audit_parts(results: GridResults) -> list[Part]:
    """The table of what tells the classes of the corpora apart, if some split has more than one."""
    return [separation_table(results.audit)] if results.audit and results.audit.shortcuts else []


def file_parts(results: GridResults) -> list[Part]:
    """The table of the corpora's files, and that of their numbers where there is but one class."""
    found = results.audit
    if found is None:
        return []
    return [groups_table(found)] if found.shortcuts else [groups_table(found), separation_table(found)]


def shortcut_parts(results: GridResults, *, pooled: bool) -> list[Part]:
    """The table of the EERs of duration, level and bandwidth alone, pooled or by condition, if they were measured."""
    table = shortcut_table(results.shortcuts, pooled=pooled)
    return [table] if table.rows else []


def matrix_parts(results: GridResults, view: View) -> list[Part]:
    """The heat map and the table of a view; nothing without a training on a single codec."""
    matrix = cross_codec_matrix(results, evaluation=view.evaluation, policy=view.policy, detector=view.detector)
    if not matrix.train_codecs:
        return []
    table = matrix_table(matrix)
    return [Figure(table.name, table.title, HEAT_MAP, partial(draw_heat_map, matrix)), table]


def taxonomy_tables(results: GridResults, view: View, *, same_codec: bool = True) -> list[Table]:
    """The tables by quantiser, auxiliary objective and decoder domain of a view that have rows."""
    tables = [
        taxonomy_table(
            results,
            axis=axis,
            evaluation=view.evaluation,
            policy=view.policy,
            detector=view.detector,
            same_codec=same_codec,
        )
        for axis in AXES
    ]
    return [table for table in tables if table.rows]


def _all(results: GridResults, view: View) -> tuple[Part, ...]:
    return (*matrix_parts(results, view), *taxonomy_tables(results, view), *_others(results, view))


def _others(results: GridResults, view: View) -> tuple[Part, ...]:
    return tuple(taxonomy_tables(results, view, same_codec=False))


def _per_codec(results: GridResults) -> list[str]:
    return [evaluation for evaluation in results.evaluations(bool) if results.test_codecs(evaluation)]


def _audit_warnings(results: GridResults) -> list[str]:
    """The warnings of the audit as sentences."""
    return [f"{text[0].upper()}{text[1:]}." for text in results.audit.warnings()] if results.audit else []


def _summary(results: GridResults) -> str:
    done = sum(cell.status == "done" for cell in results.cells)
    return f"{done} of {len(results.cells)} cells done. In the CSV files EERs are fractions at full precision."
