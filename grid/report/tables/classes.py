"""The tables of policies of several outputs: what each class is taken for, and the EER under both labels of CoRS."""

from __future__ import annotations

import math
from collections.abc import Sequence

from grid.analysis.classes import CellClasses, ClassResults
from grid.core.vocabulary import BONAFIDE, KEYS, SPOOF
from grid.report.summary import mean_and_error, percent
from grid.report.table import Cell, Column, Footnotes, Table, label

CONFUSION_CAPTION = (
    "Of the test utterances of each class, the share (%) that is taken for each class by its largest posterior; mean "
    "over seeds. Chance is one over the number of classes. Recordings taken for CoRS, and generated speech taken for "
    "CoSG, are codecs that the detector does not hear; CoRS taken for CoSG are speakers that it does not."
)
LABEL_CAPTION = (
    "EER (%) of one training, scored with CoRS on either side: the log-sum-exp of the posteriors of the bona fide "
    "classes minus that of the spoofed ones; mean over seeds. An evaluation that holds CoRS is scored under its own "
    "label elsewhere in this report, the others under the label that CoRS had on dev."
)
COLUMN_OF_KEY = {BONAFIDE: "CoRS bona fide", SPOOF: "CoRS spoof"}

Group = tuple[str, str, str]


def confusion_table(found: ClassResults) -> Table:
    """One row for each detector, selection, policy and class of utterances."""
    classes = list(dict.fromkeys(name for cell in found.cells for name in cell.confusion.classes))
    rows = []
    for group, cells in _grouped(found.cells).items():
        for i, name in enumerate(cells[0].confusion.classes):
            of_class = [cell.confusion.counts[i] for cell in cells]
            tested = sum(of_class[0])
            if not tested:
                continue
            shares = [[count / sum(counts) for count in counts] for counts in of_class]
            rows.append((*map(label, group), label(name), Cell(str(tested), (tested,)), *_means(shares)))
    return Table(
        name="class-confusion",
        title="What the classes are taken for",
        caption=CONFUSION_CAPTION,
        columns=(
            *(Column(name, align="left") for name in ("detector", "trained on", "policy", "class")),
            Column("utterances"),
            *(Column(name, group="taken for (%)") for name in classes),
        ),
        rows=tuple(rows),
        notes=Footnotes().notes(*(f"Not shown: {cell_id}: {reason}" for cell_id, reason in found.missing.items())),
    )


def label_table(found: ClassResults) -> Table:
    """One row for each detector, selection, policy and evaluation."""
    rows = []
    for group, cells in _grouped(found.cells).items():
        for evaluation in cells[0].eers:
            eers = [[cell.eers[evaluation][key] for key in KEYS] for cell in cells]
            rows.append((*map(label, group), label(evaluation), Cell(str(len(cells)), (len(cells),)), *_means(eers)))
    return Table(
        name="labels-of-cors",
        title="One training under both labels of CoRS",
        caption=LABEL_CAPTION,
        columns=(
            *(Column(name, align="left") for name in ("detector", "trained on", "policy", "evaluation")),
            Column("seeds"),
            *(Column(COLUMN_OF_KEY[key], group="EER (%)") for key in KEYS),
        ),
        rows=tuple(rows),
    )


def _grouped(cells: Sequence[CellClasses]) -> dict[Group, list[CellClasses]]:
    """The cells of each (detector, selection, policy): one for each seed."""
    groups: dict[Group, list[CellClasses]] = {}
    for cell in cells:
        groups.setdefault((cell.detector, cell.selection, cell.policy), []).append(cell)
    return groups


def _means(values_of_cells: Sequence[Sequence[float]]) -> list[Cell]:
    """The mean over the cells of each column, fractions in percent, with the standard error of several."""
    cells = []
    for values in zip(*values_of_cells, strict=True):
        mean, error = mean_and_error(values)
        details = () if math.isnan(error) else (f"± {percent(error)}",)
        cells.append(Cell(percent(mean), (mean,), details=details))
    return cells
