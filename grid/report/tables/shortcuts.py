"""The table of shortcuts: how well duration, level, silence, bandwidth and clipping alone separate an evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from grid.analysis.shortcuts import Shortcut
from grid.core.vocabulary import POOLED
from grid.metrics.shortcut_features import FEATURES, UNITS
from grid.report.summary import percent
from grid.report.table import Cell, Column, Footnotes, Table, label
from grid.report.tables.audit import DEFINITIONS, LEAKS

PARTS = ("eer", "eer_lower", "eer_upper", "bonafide_median", "spoof_median")
CAPTION = (
    "What a detector could learn that is no artefact: the EER in % of one number alone, in whichever direction is "
    "better, so 50 is no leak and 0 a perfect one; in parentheses the medians of bona fide and of spoof. "
    f"{DEFINITIONS} A detector's EER means little on a row where one of these does as well."
)


def shortcut_table(shortcuts: Sequence[Shortcut], *, pooled: bool = True) -> Table:
    """One row per evaluation on all its trials, or, without `pooled`, one per other condition."""
    footnotes = Footnotes()
    places = dict.fromkeys((s.evaluation, s.condition) for s in shortcuts if (s.condition == POOLED) == pooled)
    found = {(s.evaluation, s.condition, s.feature): s.separation for s in shortcuts}
    rows = []
    for evaluation, condition in places:
        by_feature = [found[evaluation, condition, feature] for feature in FEATURES]
        counts = by_feature[0].n_bonafide, by_feature[0].n_spoof
        entries = (
            Cell(
                percent(item.eer),
                (item.eer, item.lower, item.upper, item.bonafide_median, item.spoof_median),
                footnotes.mark(LEAKS) if item.leaks else "",
                (f"({item.bonafide_median:.2f} / {item.spoof_median:.2f})",),
            )
            for item in by_feature
        )
        rows.append((label(evaluation), label(condition), Cell(f"{counts[0]} / {counts[1]}", counts), *entries))
    return Table(
        name="shortcuts" if pooled else "shortcuts-by-condition",
        title="Shortcuts" if pooled else "Shortcuts, by condition",
        caption=CAPTION,
        columns=(
            Column("evaluation", align="left"),
            Column("condition", align="left"),
            Column("bona fide / spoof", parts=("bonafide", "spoof")),
            *(Column(f"{feature} ({UNITS[feature]})", group="EER % of", parts=PARTS) for feature in FEATURES),
        ),
        rows=tuple(rows),
        notes=footnotes.notes(),
    )
