"""Owns the table of main effects: what an attribute does to the EER over all codecs of a family, a row per term."""

from __future__ import annotations

from grid.analysis.effects.results import Effects, MainEffects
from grid.metrics.linear_model import Coefficient
from grid.report.summary import points
from grid.report.table import Cell, Column, Footnotes, Table, label
from grid.report.tables.effects import WORDS

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
WITHOUT = "Left out, for the mean EER with them is above 50 %: {codecs}."
RESIDUAL = "What the terms leave to a codec has a standard deviation of {points:.2f} points (df = {df})."
NUMBERS = ("estimate", "lower", "upper")


def main_effects_table(effects: Effects) -> Table:
    """One row for each term of each family; no numbers, and a note, where its codecs are too few."""
    footnotes, words = Footnotes(), WORDS[effects.side]
    several = len({each.family for each in effects.main}) > 1
    rows = tuple(row for each in effects.main for row in _rows(each, several, footnotes))
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
    lacking = footnotes.mark("without " + "; ".join(main.troubles)) if main.troubles else ""
    size = _count(len(main.members)), _count(len(main.seeds), lacking)
    words = [f"{main.family}: {term}" if several else term for term in main.terms]
    if main.model is None:
        mark = footnotes.mark(f"no model: {main.unfit}")
        absent = Cell("none", ("",) * len(NUMBERS), mark), *(Cell("", ("",)) for _ in range(4))
        return [(label(each), *absent, *size) for each in words]
    degrees = _count(main.model.degrees_of_freedom)
    found = zip(words, main.model.coefficients, strict=True)
    return [(label(each), *_numbers(coefficient, degrees), *size) for each, coefficient in found]


def _numbers(found: Coefficient, degrees: Cell) -> tuple[Cell, ...]:
    interval = f"[{points(found.lower)}, {points(found.upper)}]"
    return (
        Cell(points(found.estimate), (found.estimate, found.lower, found.upper), details=(interval,)),
        Cell(f"{found.t:.2f}", (found.t,)),
        degrees,
        *(Cell("< 0.001" if p < 0.001 else f"{p:.3f}", (p,)) for p in (found.p_value, found.adjusted)),
    )


def _count(number: int, mark: str = "") -> Cell:
    return Cell(str(number), (number,), mark)


def _remarks(effects: Effects) -> list[str]:
    remarks, words = [], WORDS[effects.side]
    for main in effects.main:
        basis = words.within if main.basis == "all others" else words.outside
        told = [basis.format(family=main.family, codecs=main.codecs)]
        if main.left_out:
            told.append(WITHOUT.format(codecs=", ".join(main.left_out)))
        if main.model is not None:
            told.append(RESIDUAL.format(points=100 * main.model.residual, df=main.model.degrees_of_freedom))
        remarks.append(" ".join(told))
    return remarks + ([ADDITIVE, HOLM] if any(main.model for main in effects.main) else [])
