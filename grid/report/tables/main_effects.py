"""The table of main effects: the change of the EER for each attribute over all codecs of a family, one row per term."""

from __future__ import annotations

from grid.analysis.effects.results import Effects, MainEffects
from grid.metrics.linear_model import Coefficient
from grid.report.summary import points
from grid.report.table import Cell, Column, Footnotes, Table, label
from grid.report.tables.effects import SIDE_WORDS

CAPTION = (
    "What one attribute of the {exchanged} does to the EER of {detector} on {evaluation} (policy {policy}) over all "
    "codecs of a family at once. The unit is {unit}, in a linear model of QUA, AUX and DEC (each category against the "
    "most frequent one) and of the bit rate. Change of the EER in percentage points, all else equal, with the "
    "{level:g} % interval; t and p by Student's t with df = codecs - parameters. This speaks of {reach}."
)
ADDITIVE = (
    "Effects add up in this model: an attribute that does more beside one value of another than beside a second "
    "(an interaction) is in the residual, and in the estimates where not all combinations are there."
)
HOLM = "Adjusted p: Holm's procedure (1979) for all terms of this table."
WITHOUT = (
    "Left out, for the mean EER with them is above 50 %: {codecs}. This selects on the outcome, the very EERs of the "
    "model: its intervals and p-values take the choice as given and speak of the codecs so chosen alone."
)
RESIDUAL = "What the terms leave to a codec has a standard deviation of {points:.2f} points (df = {df})."
NUMBERS = ("estimate", "lower", "upper")


def main_effects_table(effects: Effects) -> Table:
    """One row per term of each family; a note in place of numbers for a family without a model."""
    footnotes, words = Footnotes(), SIDE_WORDS[effects.side]
    several = len({main.family for main in effects.main}) > 1
    rows = tuple(row for main in effects.main for row in _rows(main, several, footnotes))
    return Table(
        name=f"main-{effects.name}",
        title=f"Main effects of the {effects.exchanged}: {effects.view}",
        caption=CAPTION.format(
            detector=effects.detector,
            evaluation=effects.evaluation,
            policy=effects.policy,
            level=100 * effects.level,
            exchanged=effects.exchanged,
            unit=words.unit,
            reach=words.reach,
        ),
        columns=(
            Column("term", align="left"),
            Column("change of the EER", parts=NUMBERS),
            Column("t"),
            Column("df"),
            Column("p"),
            Column("adjusted p"),
            Column("codecs"),
            Column("seeds"),
        ),
        rows=rows,
        notes=footnotes.notes(*_remarks(effects)),
    )


def _rows(main: MainEffects, several: bool, footnotes: Footnotes) -> list[tuple[Cell, ...]]:
    missing = footnotes.mark("without " + "; ".join(main.troubles)) if main.troubles else ""
    size = _count(len(main.members)), _count(len(main.seeds), missing)
    words = [f"{main.family}: {term}" if several else term for term in main.terms]
    if main.model is None:
        mark = footnotes.mark(f"no model: {main.unfit}")
        absent = Cell("none", ("",) * len(NUMBERS), mark), *(Cell("", ("",)) for _ in range(4))
        return [(label(term), *absent, *size) for term in words]
    degrees = _count(main.model.degrees_of_freedom)
    coefficients = zip(words, main.model.coefficients, strict=True)
    return [(label(term), *_numbers(coefficient, degrees), *size) for term, coefficient in coefficients]


def _numbers(coefficient: Coefficient, degrees: Cell) -> tuple[Cell, ...]:
    interval = f"[{points(coefficient.lower)}, {points(coefficient.upper)}]"
    return (
        Cell(
            points(coefficient.estimate),
            (coefficient.estimate, coefficient.lower, coefficient.upper),
            details=(interval,),
        ),
        Cell(f"{coefficient.t:.2f}", (coefficient.t,)),
        degrees,
        *(Cell("< 0.001" if p < 0.001 else f"{p:.3f}", (p,)) for p in (coefficient.p_value, coefficient.adjusted)),
    )


def _count(number: int, mark: str = "") -> Cell:
    return Cell(str(number), (number,), mark)


def _remarks(effects: Effects) -> list[str]:
    remarks, words = [], SIDE_WORDS[effects.side]
    for main in effects.main:
        basis = words.within if main.basis == "all others" else words.outside
        sentences = [basis.format(family=main.family, codecs=main.codecs)]
        if main.left_out:
            sentences.append(WITHOUT.format(codecs=", ".join(main.left_out)))
        if main.model is not None:
            sentences.append(RESIDUAL.format(points=100 * main.model.residual, df=main.model.degrees_of_freedom))
        remarks.append(" ".join(sentences))
    return remarks + ([ADDITIVE, HOLM] if any(main.model for main in effects.main) else [])
