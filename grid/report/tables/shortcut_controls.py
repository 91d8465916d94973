"""The table of shortcut controls: an evaluation as it is, and without silence, bandwidth or level in either class."""

from __future__ import annotations

from collections.abc import Sequence

from grid.analysis.shortcut_conditions import CellShortcuts, ShortcutResults
from grid.core.vocabulary import Control
from grid.report.summary import mean_and_error, percent
from grid.report.table import Cell, Column, Footnotes, Table, label

NAMES: dict[Control, str] = {
    "silence-cut": "no silence at the ends",
    "low-pass-4khz": "nothing above 4 kHz",
    "equal-level": "one level",
}
CAPTION = (
    "EER (%) on all trials of an evaluation, and on the same trials after both classes lost a shortcut: what is then "
    "still told apart is not due to it. Silence at the ends is cut (frames of 10 ms, 40 dB below the loudest), or both "
    "go through a low-pass of 4 kHz, or all are set to -30 dBFS. Mean and standard error over seeds; with one seed the "
    "bootstrap interval. The detectors are as they were trained: a number that rises may also be due to input unlike "
    "that of training."
)


def controls_table(found: ShortcutResults) -> Table:
    """One row for each evaluation, detector, selection and policy."""
    controls = list(dict.fromkeys(item.control for cell in found.cells for item in cell.controlled if item.control))
    evaluations = dict.fromkeys(item.evaluation for cell in found.cells for item in cell.controlled)
    groups: dict[tuple[str, str, str], list[CellShortcuts]] = {}
    for cell in found.cells:
        groups.setdefault((cell.detector, cell.selection, cell.policy), []).append(cell)
    rows = [
        (label(evaluation), *map(label, key), *(_entry(cells, evaluation, control) for control in ("", *controls)))
        for evaluation in evaluations
        for key, cells in groups.items()
    ]
    return Table(
        name="shortcut-controls",
        title="What is left without silence, bandwidth and level",
        caption=CAPTION,
        columns=(
            *(Column(name, align="left") for name in ("evaluation", "detector", "trained on", "policy")),
            Column("as it is", group="EER (%)"),
            *(Column(NAMES[control], group="EER (%)") for control in controls),
        ),
        rows=tuple(rows),
        notes=Footnotes().notes(*(f"Not measured: {cell_id}: {reason}" for cell_id, reason in found.missing.items())),
    )


def _entry(cells: Sequence[CellShortcuts], evaluation: str, control: str) -> Cell:
    found = [
        item.numbers
        for cell in cells
        for item in cell.controlled
        if (item.evaluation, item.control) == (evaluation, control)
    ]
    mean, error = mean_and_error([numbers.eer for numbers in found])
    if not found:
        return Cell("-", ("",))
    if len(found) > 1:
        return Cell(percent(mean), (mean,), "", (f"± {percent(error)}",))
    return Cell(percent(mean), (mean,), "", (f"[{percent(found[0].eer_lower)}, {percent(found[0].eer_upper)}]",))
