"""The cross-codec matrix: EER by training codec (rows) and test codec (columns); its values and its table."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from grid.analysis.results import GridResults, codec_condition
from grid.core.errors import unknown_name
from grid.core.identity import slug
from grid.report.summary import Summary, percent, state_cell, summarise, uncertainty
from grid.report.table import Cell, Column, Footnotes, Table, label

DEFAULT_POLICY = "spoof"
PARTS = ("eer", "standard_error", "seeds")


@dataclass(frozen=True)
class Matrix:
    """Summaries [train codec][test codec] of one detector, policy and evaluation.

    The first `apart_rows` rows and the last `apart_columns` columns are not of a single codec; figures separate them.
    """

    evaluation: str
    policy: str
    detector: str
    train_codecs: tuple[str, ...]
    test_codecs: tuple[str, ...]
    summaries: tuple[tuple[Summary, ...], ...]
    apart_rows: int = 0
    apart_columns: int = 0


def cross_codec_matrix(results: GridResults, *, evaluation: str, detector: str, policy: str = DEFAULT_POLICY) -> Matrix:
    """The matrix over all trainings on a single codec, in the order of the grid; without rows if there are none.

    Raises RequestError if `evaluation` has no conditions per codec, or no cell has that detector or policy.
    """
    per_codec = results.evaluations(lambda condition: condition.startswith("codec="))
    for kind, value, known in (
        ("evaluation with conditions per codec", evaluation, per_codec),
        ("detector", detector, results.detectors()),
        ("policy", policy, results.policies()),
    ):
        if value not in known:
            raise unknown_name(kind, value, known)
    cells = [cell for cell in results.select(policy=policy, detector=detector) if len(cell.codecs) == 1]
    train_codecs, test_codecs = aligned((cell.codecs[0] for cell in cells), results.test_codecs(evaluation))
    return Matrix(
        evaluation=evaluation,
        policy=policy,
        detector=detector,
        train_codecs=tuple(train_codecs),
        test_codecs=tuple(test_codecs),
        summaries=tuple(
            tuple(
                summarise([cell for cell in cells if cell.codecs == (train,)], evaluation, codec_condition(test))
                for test in test_codecs
            )
            for train in train_codecs
        ),
    )


def aligned(trained: Iterable[str], tested: Iterable[str]) -> tuple[list[str], list[str]]:
    """Rows and columns in one order: codecs of both sides first, as in `trained`, so that they form a diagonal."""
    rows, columns = list(dict.fromkeys(trained)), list(dict.fromkeys(tested))
    both = [name for name in rows if name in columns]
    return both + [name for name in rows if name not in both], both + [name for name in columns if name not in both]


def matrix_table(matrix: Matrix) -> Table:
    """The matrix as a table: one row per training codec, one column per test codec, EER in % (mean over seeds)."""
    footnotes = Footnotes()
    rows = tuple(
        (label(train), *(_entry(summary, footnotes) for summary in row))
        for train, row in zip(matrix.train_codecs, matrix.summaries, strict=True)
    )
    return Table(
        name=f"cross-codec-{slug(matrix.evaluation)}-{slug(matrix.policy)}-{slug(matrix.detector)}",
        title=f"Cross-codec EER: {matrix.detector}, {matrix.policy}, {matrix.evaluation}",
        caption=f"How far what one codec teaches carries to another: EER in % of {matrix.detector} on "
        f"{matrix.evaluation} (policy {matrix.policy}; mean over seeds), trained with the row's codec and tested on "
        "the column's; read along a row, a low EER says that it carries.",
        columns=(
            Column("trained on", align="left"),
            *(Column(test, group="tested on", parts=PARTS) for test in matrix.test_codecs),
        ),
        rows=rows,
        notes=footnotes.notes(),
    )


def _entry(summary: Summary, footnotes: Footnotes) -> Cell:
    if summary.state != "done":
        return state_cell(summary, len(PARTS), footnotes)
    details = () if math.isnan(summary.standard_error) else (uncertainty(summary),)
    mark = footnotes.mark("mean of the other seeds; " + "; ".join(summary.troubles)) if summary.troubles else ""
    return Cell(percent(summary.mean), (summary.mean, summary.standard_error, summary.count), mark, details)
