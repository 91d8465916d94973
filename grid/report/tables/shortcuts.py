"""The table of shortcuts: how well duration, level and bandwidth alone separate the classes of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from grid.core.vocabulary import POOLED
from grid.metrics.shortcut_features import FEATURES, UNITS, Shortcut
from grid.report.summary import percent
from grid.report.table import Cell, Column, Footnotes, Table, label

PARTS = ("eer", "bonafide_median", "spoof_median")
LEAK, LEAST_TRIALS = 0.35, 20
"""An EER below LEAK is marked, and so are classes with fewer than LEAST_TRIALS trials."""
CAPTION = (
    "What a detector could learn that is no artefact: the EER in % of one number alone, in whichever direction is "
    "better, so 50 is no leak and 0 a perfect one; in parentheses the medians of bona fide and of spoof. Level is the "
    "RMS, bandwidth the highest frequency within 60 dB of the strongest, heard at 16 kHz. A detector's EER means "
    "little on a row where one of these does as well."
)
LEAKS = "leaks: this number alone gives an EER below 35 %"
FEW = f"a class has fewer than {LEAST_TRIALS} trials"


def shortcut_table(shortcuts: Sequence[Shortcut], *, pooled: bool = True) -> Table:
    """One row per evaluation on all its trials, or, without `pooled`, one per other condition."""
    footnotes = Footnotes()
    places = dict.fromkeys((s.evaluation, s.condition) for s in shortcuts if (s.condition == POOLED) == pooled)
    shortcut_of = {(s.evaluation, s.condition, s.feature): s for s in shortcuts}
    rows = []
    for evaluation, condition in places:
        by_feature = [shortcut_of[evaluation, condition, feature] for feature in FEATURES]
        few = min(by_feature[0].n_bonafide, by_feature[0].n_spoof) < LEAST_TRIALS
        counted = Cell(
            f"{by_feature[0].n_bonafide} / {by_feature[0].n_spoof}",
            (by_feature[0].n_bonafide, by_feature[0].n_spoof),
            footnotes.mark(FEW) if few else "",
        )
        rows.append((label(evaluation), label(condition), counted, *(_entry(item, footnotes) for item in by_feature)))
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


def _entry(item: Shortcut, footnotes: Footnotes) -> Cell:
    mark = footnotes.mark(LEAKS) if item.eer < LEAK else ""
    medians = f"({item.bonafide_median:.2f} / {item.spoof_median:.2f})"
    return Cell(percent(item.eer), (item.eer, item.bonafide_median, item.spoof_median), mark, (medians,))
