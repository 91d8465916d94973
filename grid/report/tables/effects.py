"""The table of effects: the change of the EER for one attribute of a codec, by contrast and by pair."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import takewhile

from grid.analysis.effects.results import OTHERS, EffectRow, Effects, Others, Side
from grid.report.summary import points
from grid.report.table import Cell, Column, Footnotes, Table, label


@dataclass(frozen=True)
class SideWords:
    """The wording of tables and figures for one side.

    `group` heads the columns of the other codecs. `unit` is the unit of the model of main effects, `reach` what the
    model generalises to; `outside` and `within` say which other codecs its response is the mean over, with `{family}`
    and `{codecs}`. `marks` and `figure` are the legend and the caption of the figure.
    """

    caption: str
    group: str
    unit: str
    reach: str
    outside: str
    within: str
    marks: tuple[str, str, str]
    figure: str


CHOSEN = (
    " Triangles, and the diamonds of a family whose table leaves codecs out, select on the outcome: the other codecs "
    "for which the mean EER of the family is at most 50 %; their bars take that choice as given."
)
TRAINING = SideWords(
    caption=(
        "What one attribute of a codec does to the EER of {detector} on {evaluation} (policy {policy}) where that "
        "codec is in the training. Two trainings, whose codecs differ in that attribute alone as far as the catalogue "
        "knows: EER with the second codec minus EER with the first, in percentage points, mean over tested codecs, "
        "which are never those two."
    ),
    group="tested on",
    unit="the codec's training: its mean EER over the seeds of the detector and the tested codecs",
    reach="other codecs of the family trained like these, as tested on these codecs and speakers",
    outside="{family}: mean EER on {codecs} tested codecs outside the family.",
    within=(
        "{family}: no tested codec is outside the family; mean EER on all {codecs} but the one that the detector was "
        "trained with, so what is tested changes with the codec."
    ),
    marks=("tested outside the family", "where better than chance", "on all others"),
    figure=(
        "Each mark is what the exchange of the codec in the training for another, unlike it in one attribute alone, "
        "does to the EER; the bar is its interval. Left of zero the second value gives the lower EER." + CHOSEN
    ),
)
TEST = SideWords(
    caption=(
        "What one attribute of a codec does to the EER of {detector} on {evaluation} (policy {policy}) where that "
        "codec is in the test. One training, and two tested codecs that differ in that attribute alone as far as the "
        "catalogue knows: EER on the second codec minus EER on the first, in percentage points, mean over the codecs "
        "trained with, which are never those two. Below zero the second is easier to find."
    ),
    group="trained with",
    unit="the tested codec: the mean EER on it over the seeds of the detector and the codecs trained with",
    reach="other codecs of the family made like these, as heard by detectors trained with these codecs",
    outside="{family}: mean EER of detectors trained with {codecs} codecs outside the family.",
    within=(
        "{family}: no detector was trained with a codec outside the family; mean EER of those trained with all "
        "{codecs} but the tested one, so what is trained with changes with the codec."
    ),
    marks=("trained outside the family", "where better than chance", "with all others"),
    figure=(
        "Each mark is what the exchange of the tested codec for another, unlike it in one attribute alone, does to the "
        "EER; the bar is its interval. Left of zero the second value is easier to find." + CHOSEN
    ),
)
SIDE_WORDS: dict[Side, SideWords] = {"training": TRAINING, "test": TEST}
PARTS = ("difference", "lower", "upper", "codecs")
CAPTION_END = (
    " Those like the first favour the first, and the family is not balanced, so only the codecs outside it are "
    "impartial. In brackets the {level:g} % interval, {over}. Bit rate and training seed are the noise floor."
)
FLOOR = "The noise floor ({others}): {changes} points. A change of no more than that cannot be laid to an attribute."
OVER = {
    (True, True): "over seeds ({seeds}) and test speakers ({speakers}), both drawn anew with replacement",
    (False, True): "over the {speakers} test speakers alone, for there is one seed: another training is not in it",
    (True, False): "over the {seeds} seeds alone, for the speakers cannot be drawn",
    (False, False): "which is missing, for there is one seed and the speakers cannot be drawn",
}
NO_TEST = (
    "There is no p-value of an exchange: of the tests simulated none that can reject holds 5 % with the seeds and "
    "codecs of an experiment, and one seed gives nothing to test with. Nor is an interval that leaves out zero a test: "
    "without an effect a 95 % interval did so in 16 to 88 % of simulations with one seed, 10 to 51 % with three and 7 "
    "to 52 % with six, for it holds neither other tested codecs nor other trainings of the codecs."
)
IMPARTIAL: tuple[Others, ...] = ("outside the family", "better than chance")
"""The columns for which the noise floor is stated, if they have codecs; else it is stated for all others."""
ON_OUTCOME = (
    "The column `better than chance` selects on the outcome: it holds the codecs outside the family for which the mean "
    "EER of the family, over its exchanged codecs and these seeds, is at most 50 %. Its interval takes that choice as "
    "given: the choice is not made anew in the draws, so the interval is for these codecs and does not cover that "
    "a codec near 50 % may fall on the other side with other seeds or speakers."
)
WORSE_THAN_CHANCE = (
    "It leaves out those with whom the mean EER of {family} is above 50 % ({group} {codecs}). There detectors go by "
    "something that points the other way, and a lower EER is nearer to chance and no better."
)


def effects_table(effects: Effects) -> Table:
    """One row per contrast and, if it has several pairs, one per pair."""
    footnotes, words = Footnotes(), SIDE_WORDS[effects.side]
    prefix = _common_prefix([codec for row in effects.rows for pair in row.pairs for codec in pair])
    families = {row.contrast.family for row in effects.rows}
    rows = tuple(_row(row, len(families) > 1, prefix, footnotes) for row in effects.rows)
    return Table(
        name=effects.name,
        title=effects.title,
        caption=(words.caption + CAPTION_END).format(
            detector=effects.detector,
            evaluation=effects.evaluation,
            policy=effects.policy,
            level=100 * effects.level,
            over=_over(effects),
        ),
        columns=(
            Column("contrast", align="left"),
            Column("codecs", align="left", parts=("first", "second")),
            Column("seeds"),
            *(Column(others, group=words.group, parts=PARTS) for others in OTHERS),
        ),
        rows=rows,
        notes=footnotes.notes(*_remarks(effects)),
    )


def contrast_words(row: EffectRow, several_families: bool) -> str:
    """The words of the contrast, with its family if the table has several."""
    return f"{row.contrast.family}: {row.contrast.words}" if several_families else row.contrast.words


def _row(row: EffectRow, several_families: bool, prefix: str, footnotes: Footnotes) -> tuple[Cell, ...]:
    missing = footnotes.mark("without " + "; ".join(row.troubles)) if row.troubles else ""
    if len(row.pairs) == 1:
        first, second = row.pairs[0]
        codecs = Cell(f"{first.removeprefix(prefix)} to {second.removeprefix(prefix)}", (first, second))
    else:
        codecs = Cell(f"mean of {len(row.pairs)} pairs", ("", ""))
    return (
        label(contrast_words(row, several_families)),
        codecs,
        Cell(str(len(row.seeds)), (len(row.seeds),), missing),
        *(_entry(row, others) for others in OTHERS),
    )


def _entry(row: EffectRow, others: Others) -> Cell:
    effect = row.effect(others)
    values = (effect.difference, effect.lower, effect.upper, effect.codecs)
    if not effect.codecs:
        return Cell("missing" if not row.seeds else "none", values)
    interval = "" if math.isnan(effect.lower) else f"[{points(effect.lower)}, {points(effect.upper)}]"
    size = f"n = {effect.codecs}" if row.pooled else ""
    return Cell(points(effect.difference), values, details=tuple(filter(None, (interval, size))))


def _over(effects: Effects) -> str:
    seeds, speakers = len(effects.seeds), effects.speakers
    return OVER[seeds > 1, speakers > 1].format(seeds=seeds, speakers=speakers)


def _remarks(effects: Effects) -> list[str]:
    """Remarks on the interval, on the noise floor, and on the column whose codecs are chosen by their EER."""
    with_codecs = {others for row in effects.rows for others in OTHERS if row.effect(others).codecs}
    remarks = [NO_TEST] if with_codecs else []
    remarks += _noise_floor(effects)
    if "better than chance" in with_codecs or effects.left_out():
        remarks.append(ON_OUTCOME)
    return remarks + [
        WORSE_THAN_CHANCE.format(family=family, group=SIDE_WORDS[effects.side].group, codecs=", ".join(codecs))
        for family, codecs in effects.left_out().items()
    ]


def _noise_floor(effects: Effects) -> list[str]:
    floor = [row for row in effects.of_taxonomy() if row.pooled and row.contrast.is_noise_floor]
    impartial = IMPARTIAL if effects.left_out() else IMPARTIAL[:1]
    with_codecs = [others for others in impartial if any(row.effect(others).codecs for row in floor)]
    remarks = []
    for others in with_codecs or OTHERS[:1]:
        changes = [
            f"{row.contrast.words} {points(row.effect(others).difference)}"
            for row in floor
            if row.effect(others).codecs
        ]
        if changes:
            remarks.append(FLOOR.format(others=others, changes=", ".join(changes)))
    return remarks


def _common_prefix(names: list[str]) -> str:
    """The common leading words of all names, which are joined by hyphens; at least one word of each name is left."""
    split = [name.split("-")[:-1] for name in names]
    shared = takewhile(lambda words: len(set(words)) == 1, zip(*split, strict=False))
    return "".join(f"{words[0]}-" for words in shared)
