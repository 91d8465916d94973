"""The table of ranking against threshold: which numbers a labelling policy moves, those of order or of calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from grid.analysis.calibration import Calibrations
from grid.metrics.calibration import Calibration
from grid.report.summary import mean_and_error, percent
from grid.report.table import Cell, Column, Footnotes, Table, label

RANKING, AS_THEY_ARE, DEV = "ranking", "scores as they are", "threshold of the dev EER"
NUMBERS: tuple[tuple[str, str, Callable[[Calibration], float | None], bool], ...] = (
    (RANKING, "EER (%)", lambda c: c.eer, True),
    (RANKING, "AUC (%)", lambda c: c.auc, True),
    (RANKING, "minDCF", lambda c: c.min_dcf, False),
    (RANKING, "minCllr", lambda c: c.min_cllr, False),
    (AS_THEY_ARE, "actDCF", lambda c: c.act_dcf, False),
    (AS_THEY_ARE, "Cllr", lambda c: c.cllr, False),
    (AS_THEY_ARE, "Cllr - minCllr", lambda c: c.loss, False),
    (DEV, "balanced accuracy (%)", lambda c: c.balanced_accuracy, True),
    (DEV, "FAR (%)", lambda c: c.far, True),
    (DEV, "FRR (%)", lambda c: c.frr, True),
)
"""The columns: group, name, value, and whether it is shown in percent."""
CAPTION = (
    "Mean over the finished cells of each policy. Left, numbers that depend on the order of the scores alone; right, "
    "numbers that a shift or another scale of the scores changes too. A policy that moves only the right moves the "
    "threshold, not the ranking. Cllr (bits; 1 says nothing) and actDCF read a score as the natural logarithm of a "
    "likelihood ratio, bona fide over spoof; DCFs have ASVspoof 5's costs (1 is the better constant decision)."
)


def calibration_table(found: Calibrations) -> Table:
    """One row per (evaluation, detector, policy), in the order of the cells; a note names cells without numbers."""
    items = found.cells
    footnotes = Footnotes()
    groups: dict[tuple[str, str, str], list[Calibration]] = {}
    evaluations = list(dict.fromkeys(item.evaluation for item in items))
    for item in sorted(items, key=lambda item: evaluations.index(item.evaluation)):
        groups.setdefault((item.evaluation, item.detector, item.policy), []).append(item.calibration)
    return Table(
        name="calibration",
        title="What the label moves: ranking or threshold",
        caption=CAPTION,
        columns=(
            *(Column(name, align="left") for name in ("evaluation", "detector", "policy")),
            Column("cells"),
            *(Column(name, group=group) for group, name, _, _ in NUMBERS),
        ),
        rows=tuple(
            (*map(label, key), Cell(str(len(of_group)), (len(of_group),)), *_numbers(of_group, footnotes))
            for key, of_group in groups.items()
        ),
        notes=footnotes.notes(*_missing(found.missing)),
    )


def _missing(reasons: dict[str, str]) -> list[str]:
    """A note for each reason why cells are not in the table, with their ids."""
    cells: dict[str, list[str]] = {}
    for cell_id, reason in reasons.items():
        cells.setdefault(reason, []).append(cell_id)
    return [f"Not calibrated: {', '.join(ids)}: {reason}" for reason, ids in cells.items()]


def _numbers(found: Sequence[Calibration], footnotes: Footnotes) -> list[Cell]:
    cells = []
    for _, _, number, in_percent in NUMBERS:
        values = [value for item in found if (value := number(item)) is not None]
        lacking = len(found) - len(values)
        mark = ""
        if lacking:
            mark = footnotes.mark(
                f"{lacking} of {len(found)} cells have no threshold of their weights on dev, as they were trained "
                "before it was kept, or their weights are a mean of several epochs"
            )
        mean, _ = mean_and_error(values)
        text = "-" if not values else percent(mean) if in_percent else f"{mean:.3f}"
        cells.append(Cell(text, (mean,), mark))
    return cells
