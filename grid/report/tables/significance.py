"""The table of significance: each training beside the best baseline, with all tests that compare the two."""

from __future__ import annotations

import math

from grid.analysis.results import CellResult, GridResults
from grid.analysis.significance import Significance
from grid.core.vocabulary import POOLED
from grid.report.summary import percent, points
from grid.report.table import Cell, Column, Footnotes, Table, label

EERS, PREDICTIONS = "†", "*"
LEAST_SHOWN = 0.0001
CAPTION = (
    "Which trainings differ from the best baseline, the one with the lowest pooled EER on that evaluation with that "
    "seed. EERs in %; their difference in percentage points, above zero where the training is worse, with the "
    f"{{interval:g}} % interval of this comparison alone. {EERS}: the EERs differ, p < {{level:g}} by the paired "
    "bootstrap ({replicates} replicates, so no p is below {least:.2g}) after Holm's correction for all {count} "
    "comparisons of this table. "
    f"{PREDICTIONS}: the predictions differ, p < {{level:g}} by the paired t-test and by Wilcoxon's signed-rank test, "
    "without correction. The tests on predictions are those of the CodecFake paper (Wu et al., 2024, Table 3, "
    "p < 0.01), which does not say what a prediction is: here {predictions}. They take trials as independent. The "
    "bootstrap and the correction are ours. All are about these very trainings, not about others like them."
)
PREDICTED = {
    "decisions": "1 for right and 0 for wrong, each detector at its own EER threshold",
    "scores": "the score, with the other sign for spoofs, so these tests compare scores and no error rates",
}
DRAWN = (
    "{evaluation}: {trials}the bootstrap draws {drawn}. Of {count} comparisons {eers} have {first}, {both} {second}."
)


def significance_table(results: GridResults) -> Table:
    """One row per comparison, by evaluation and in the order of the cells; empty without tests in the experiment."""
    footnotes = Footnotes()
    cells = {cell.cell_id: cell for cell in results.cells}
    return Table(
        name="significance",
        title="Significance: trainings beside the best baseline",
        caption=_caption(results),
        columns=(
            *(Column(name, align="left") for name in ("evaluation", "selection", "policy", "detector")),
            Column("seed"),
            Column("EER"),
            Column("detector", group="best baseline", align="left"),
            Column("EER", group="best baseline"),
            Column("difference", group="EER, paired bootstrap", parts=("", "lower", "upper")),
            Column("p", group="EER, paired bootstrap"),
            Column("p (Holm)", group="EER, paired bootstrap"),
            Column("t-test p", group="predictions"),
            Column("Wilcoxon p", group="predictions"),
            Column("verdict", align="left", parts=("eers_differ", "predictions_differ")),
        ),
        rows=tuple(_row(test, cells[test.cell_id], footnotes) for test in results.significance),
        notes=footnotes.notes(*_remarks(results, cells)),
    )


def _row(test: Significance, cell: CellResult, footnotes: Footnotes) -> tuple[Cell, ...]:
    bounds = f"[{points(test.lower)}, {points(test.upper)}]"
    return (
        *(label(text) for text in (test.evaluation, cell.selection, cell.policy, cell.detector)),
        Cell(str(cell.seed), (cell.seed,)),
        Cell(percent(test.eer), (test.eer,)),
        label(test.baseline),
        Cell(percent(test.baseline_eer), (test.baseline_eer,)),
        Cell(points(test.difference), (test.difference, test.lower, test.upper), details=(bounds,)),
        *(_p(value) for value in (test.bootstrap_p, test.adjusted_p, test.t_p, test.wilcoxon_p)),
        _verdict(test, footnotes),
    )


def _p(value: float) -> Cell:
    if math.isnan(value):
        return Cell("none", (value,))
    return Cell(f"< {LEAST_SHOWN:.4f}" if value < LEAST_SHOWN else f"{value:.4f}", (value,))


def _verdict(test: Significance, footnotes: Footnotes) -> Cell:
    """The marks of the tests that are significant; `too few`, with the reason, where there is too little data."""
    if test.note:
        return Cell("too few", ("too few", "too few"), footnotes.mark(test.note))
    marks = " ".join([EERS] * test.eers_differ + [PREDICTIONS] * test.predictions_differ)
    words = tuple("yes" if differs else "no" for differs in (test.eers_differ, test.predictions_differ))
    return Cell(marks or "no difference found", words)


def _caption(results: GridResults) -> str:
    if not results.significance:
        return "The experiment asks for no tests of significance."
    procedure = results.significance[0].procedure
    return CAPTION.format(
        interval=100 * (1 - procedure.level),
        level=procedure.level,
        replicates=procedure.replicates,
        least=2 / (procedure.replicates + 1),
        count=len(results.significance),
        predictions=PREDICTED[procedure.predictions],
    )


def _remarks(results: GridResults, cells: dict[str, CellResult]) -> list[str]:
    """Per evaluation: the number of trials, what the bootstrap draws, and how many comparisons are marked."""
    remarks = []
    for evaluation in dict.fromkeys(test.evaluation for test in results.significance):
        tests = [test for test in results.significance if test.evaluation == evaluation]
        measured = cells[tests[0].cell_id].measurement(evaluation, POOLED)
        trials = f"{measured.n_bonafide} bona fide and {measured.n_spoof} spoof trials; " if measured else ""
        remarks.append(
            DRAWN.format(
                evaluation=evaluation,
                trials=trials,
                drawn=" or ".join(dict.fromkeys(test.drawn for test in tests)),
                count=len(tests),
                eers=sum(test.eers_differ and not test.note for test in tests),
                both=sum(test.predictions_differ and not test.note for test in tests),
                first=EERS,
                second=PREDICTIONS,
            )
        )
    return remarks
