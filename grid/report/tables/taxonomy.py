"""The taxonomy tables: EER by category of the training codec and category of the test codec (QUA, AUX, DEC).

The method is that of Table V of the CodecFake+ paper: a detector trained on one selection is one countermeasure (CM);
its value is the mean EER over the test codecs of a category (not the EER of the pooled trials); an entry is the mean
over the CMs of a training category, with the standard error over these CMs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grid.analysis.results import CellResult, CodecFacts, GridResults, codec_condition
from grid.core.identity import slug
from grid.core.vocabulary import Axis
from grid.report.summary import mean_and_error, percent, summarise
from grid.report.table import Cell, Column, Footnotes, Table, label
from grid.report.tables.cross_codec import DEFAULT_POLICY

AXIS_NAMES = {"qua": "quantiser (QUA)", "aux": "auxiliary objective (AUX)", "dec": "decoder domain (DEC)"}
TRANSMISSION = "transmission"
UNCLASSIFIED = "unclassified"
CATEGORY_ORDER = ("mvq", "svq", "scq", "none", "sem", "disent", "time", "freq")
"""The categories in the order of the paper, lower case."""
PARTS = ("eer", "standard_error", "members")


@dataclass(frozen=True)
class Member:
    """One countermeasure (CM): the category of its training codecs, and its cells, one per seed."""

    category: str
    cells: tuple[CellResult, ...]


def category(facts: CodecFacts | None, axis: Axis) -> str:
    """The category of a codec; transmission codecs have one of their own, outside the taxonomy of neural codecs."""
    if facts is not None and facts.group == "transmission":
        return TRANSMISSION
    value = None if facts is None else getattr(facts, axis)
    return value if value is not None else UNCLASSIFIED


def taxonomy_table(
    results: GridResults,
    *,
    axis: Axis,
    evaluation: str,
    detector: str,
    policy: str = DEFAULT_POLICY,
    same_codec: bool = True,
) -> Table:
    """Training category x test category; without `same_codec`, a CM's own training codecs are left out of its tests."""
    footnotes = Footnotes()
    members, mixed = members_of(results, axis, detector, policy)
    tests: dict[str, list[str]] = {}
    for codec in results.test_codecs(evaluation):
        tests.setdefault(category(results.codecs.get(codec), axis), []).append(codec)
    columns = sorted(tests, key=_rank)
    rows = []
    for train in sorted({member.category for member in members}, key=_rank):
        group = [member for member in members if member.category == train]
        entries = [_entry(group, tests[test], evaluation, same_codec, footnotes) for test in columns]
        rows.append((label(train), *entries))
    remark = f"Left out, because they mix categories: {', '.join(mixed)}." if mixed else ""
    return Table(
        name="-".join(
            [f"taxonomy-{axis}", *map(slug, (evaluation, policy, detector)), *([] if same_codec else ["other-codecs"])]
        ),
        title=f"Taxonomy {axis.upper()}: {detector}, {policy}, {evaluation}" + ("" if same_codec else ", other codecs"),
        caption=_caption(axis, evaluation, detector, policy, same_codec),
        columns=(
            Column("trained on", align="left"),
            *(Column(test, group="tested on", parts=PARTS) for test in columns),
        ),
        rows=tuple(rows),
        notes=footnotes.notes(*([remark] if remark else [])),
    )


def members_of(results: GridResults, axis: Axis, detector: str, policy: str) -> tuple[list[Member], list[str]]:
    """The CMs whose codecs share one category, and the names of the selections whose codecs do not."""
    members, mixed = [], []
    for selection in results.selections():
        cells = results.select(selection=selection, policy=policy, detector=detector)
        categories = {category(results.codecs.get(codec), axis) for cell in cells for codec in cell.codecs}
        if len(categories) == 1:
            members.append(Member(categories.pop(), cells))
        elif categories:
            mixed.append(selection)
    return members, mixed


def _entry(
    members: Sequence[Member], codecs: Sequence[str], evaluation: str, same_codec: bool, footnotes: Footnotes
) -> Cell:
    values, troubles, states = [], [], []
    for member in members:
        tested = [codec for codec in codecs if same_codec or codec not in member.cells[0].codecs]
        summaries = [summarise(member.cells, evaluation, codec_condition(codec)) for codec in tested]
        done = [summary.mean for summary in summaries if summary.state == "done"]
        if done:
            values.append(math.fsum(done) / len(done))
        states += [summary.state for summary in summaries]
        troubles += [text for summary in summaries for text in summary.troubles]
    mean, error = mean_and_error(values)
    reasons = _reasons(len(values), troubles)
    mark = footnotes.mark(reasons) if reasons else ""
    if not values:
        word = next((state for state in ("failed", "running", "missing") if state in states), "no other codec")
        return Cell(word, (word,) * len(PARTS), mark)
    text = percent(mean) if math.isnan(error) else f"{percent(mean)} ± {percent(error)}"
    return Cell(f"{text} (n={len(values)})", (mean, error, len(values)), mark)


def _reasons(count: int, troubles: Sequence[str]) -> str:
    single = ["a single training, so no standard error"] if count == 1 else []
    return "; ".join([*single, *dict.fromkeys(troubles)])


def _caption(axis: Axis, evaluation: str, detector: str, policy: str, same_codec: bool) -> str:
    tested = "its own included" if same_codec else "its own left out"
    return (
        f"How far what one kind of codec teaches carries to another: EER in % of {detector} on {evaluation} (policy "
        f"{policy}) by {AXIS_NAMES[axis]} of the training codec (rows) and of the test codec (columns); the mean ± "
        f"standard error over the n trainings of the row, each of which counts with its mean over the column's codecs, "
        f"{tested}."
    )


def _rank(name: str) -> tuple[int, int, str]:
    last = {TRANSMISSION: 1, UNCLASSIFIED: 2}.get(name, 0)
    order = CATEGORY_ORDER.index(name.lower()) if name.lower() in CATEGORY_ORDER else len(CATEGORY_ORDER)
    return last, order, name
