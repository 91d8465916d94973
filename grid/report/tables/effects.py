"""The table of effects: the change of the EER for one attribute of a codec, by contrast and by pair."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import takewhile

from grid.analysis.effects.results import OTHERS, EffectRow, Effects, Others, Side
from grid.metrics.crossed_resampling import FEWEST_CODECS, Effect
from grid.report.summary import points
from grid.report.table import Cell, Column, Footnotes, Table, label


@dataclass(frozen=True)
class SideWords:
    """The wording of tables and figures for one side.

    `group` heads the columns of the other codecs; `test` states the unit of the permutation test and its assumption.
    `unit` is the unit of the model of main effects, `reach` what the model generalises to; `outside` and `within` say
    which other codecs its response is the mean over, with `{family}` and `{codecs}`. `marks` and `figure` are the
    legend and the caption of the figure.
    """

    caption: str
    group: str
    test: str
    unit: str
    reach: str
    outside: str
    within: str
    marks: tuple[str, str, str]
    figure: str


TRAINING = SideWords(
    caption=(
        "What one attribute of a codec does to the EER of {detector} on {evaluation} (policy {policy}) where that "
        "codec is in the training. Two trainings, whose codecs differ in that attribute alone as far as the catalogue "
        "knows: EER with the second codec minus EER with the first, in percentage points, mean over tested codecs, "
        "which are never those two."
    ),
    group="tested on",
    test=(
        "its unit is the tested codec (n), with its mean over seeds and pairs. What it takes as exchangeable are the "
        "two sides of an exchange, on each tested codec by itself: it is conditional on these very trainings, so it "
        "says that they differ and not that other trainings would, and too readily where tested codecs are alike."
    ),
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
        "does to the EER; the bar is its interval. Left of zero the second value gives the lower EER."
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
    test=(
        "its unit is the codec trained with (n), with its mean over seeds and pairs. What it takes as exchangeable are "
        "the two tested codecs, for each codec trained with by itself: it is conditional on these two, so it says that "
        "they differ and not that other codecs with that attribute would, and too readily where the codecs trained "
        "with are alike."
    ),
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
        "EER; the bar is its interval. Left of zero the second value is easier to find."
    ),
)
SIDE_WORDS: dict[Side, SideWords] = {"training": TRAINING, "test": TEST}
PARTS = ("difference", "lower", "upper", "p", "adjusted_p", "codecs")
CAPTION_END = (
    " Those like the first favour the first, and the family is not balanced, so only the codecs outside it are "
    "impartial. In brackets the {level:g} % interval, {over}. Bit rate and training seed are the noise floor."
)
TEST_REMARK = (
    "p: permutation test by sign flips (Fisher 1935), adjusted by Holm's procedure (1979) within its column, "
    "attributes and noise floor apart; {assumption}"
)
FLOOR = "The noise floor ({others}): {changes} points. A change of no more than that cannot be laid to an attribute."
FLOOR_PASSES = (
    "The noise floor has p < {error:.2g} too ({others}): there the test tells any two apart, and p is "
    "evidence for no attribute; look at the interval and at the size."
)
OVER = {
    (True, True): "over seeds ({seeds}) and test speakers ({speakers}), both drawn anew with replacement",
    (False, True): "over the {speakers} test speakers alone, for there is one seed: another training is not in it",
    (True, False): "over the {seeds} seeds alone, for the speakers cannot be drawn",
    (False, False): "which is missing, for there is one seed and the speakers cannot be drawn",
}
FEW_SEEDS = (
    "{seeds} seeds are too few for a {level:g} % interval: drawn anew they never reach beyond themselves, and where "
    "trainings vary and nothing else does, all of them lie on one side of zero in {share:.2g} % of cases without any "
    "effect (2 / 2^n). It takes {needed} seeds at least."
)
IMPARTIAL: tuple[Others, ...] = ("outside the family", "better than chance")
"""The columns for which the noise floor is stated, if they have codecs; else it is stated for all others."""
FEW_CODECS = f"fewer than {FEWEST_CODECS} codecs: no test"
WORSE_THAN_CHANCE = (
    "The column `better than chance` holds the codecs outside the family but those with whom the mean EER of {family} "
    "is above 50 % ({group} {codecs}). There detectors go by something that points the other way, and a lower EER is "
    "nearer to chance and no better."
)
OUT_OF_REACH = "{others}: with {codecs} codecs and {tests} contrasts no adjusted p can be below {least:.2g}."


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
        *(_entry(row, others, footnotes) for others in OTHERS),
    )


def _entry(row: EffectRow, others: Others, footnotes: Footnotes) -> Cell:
    effect = row.effect(others)
    values = (effect.difference, effect.lower, effect.upper, effect.p_value, effect.adjusted, effect.codecs)
    if not effect.codecs:
        return Cell("missing" if not row.seeds else "none", values)
    interval = "" if math.isnan(effect.lower) else f"[{points(effect.lower)}, {points(effect.upper)}]"
    if not row.pooled:
        return Cell(points(effect.difference), values, details=(interval,) if interval else ())
    test = f"n = {effect.codecs}" if math.isnan(effect.adjusted) else f"p {_p(effect.adjusted)}, n = {effect.codecs}"
    mark = footnotes.mark(FEW_CODECS) if math.isnan(effect.adjusted) else ""
    return Cell(points(effect.difference), values, mark, tuple(filter(None, (interval, test))))


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def _over(effects: Effects) -> str:
    seeds, speakers = len(effects.seeds), effects.speakers
    return OVER[seeds > 1, speakers > 1].format(seeds=seeds, speakers=speakers)


def _remarks(effects: Effects) -> list[str]:
    """Remarks on the validity of p, few seeds, the noise floor, and tests that cannot become significant."""
    tested = any(not math.isnan(effect.p_value) for row in effects.rows for effect in row.effects)
    remarks = [TEST_REMARK.format(assumption=SIDE_WORDS[effects.side].test)] if tested else []
    seeds, needed = len(effects.seeds), math.ceil(1 - math.log2(1 - effects.level))
    if 1 < seeds < needed:
        share = 100 * 2.0 ** (1 - seeds)
        remarks.append(FEW_SEEDS.format(seeds=seeds, level=100 * effects.level, share=share, needed=needed))
    remarks += _noise_floor(effects)
    remarks += [
        WORSE_THAN_CHANCE.format(family=family, group=SIDE_WORDS[effects.side].group, codecs=", ".join(codecs))
        for family, codecs in effects.left_out().items()
    ]
    return remarks + [text for others in OTHERS if (text := _out_of_reach(effects, others))]


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
    error = 1 - effects.level
    passing = [others for others in OTHERS if any(row.effect(others).adjusted < error for row in floor)]
    return remarks + ([FLOOR_PASSES.format(error=error, others=", ".join(passing))] if passing else [])


def _out_of_reach(effects: Effects, others: Others) -> str:
    """The remark for a column in which no adjusted p-value can be significant, "" for other columns."""
    effects_of_column = [row.effect(others) for row in effects.rows if not row.contrast.is_noise_floor]
    tested = [effect for effect in effects_of_column if not math.isnan(effect.p_value)]
    least = _least_p(tested)
    if not tested or least <= 1 - effects.level:
        return ""
    most = max(effect.codecs for effect in tested)
    words = others[0].upper() + others[1:]
    return OUT_OF_REACH.format(others=words, codecs=most, tests=len(tested), least=least)


def _least_p(tested: list[Effect]) -> float:
    """The smallest adjusted p-value that tests of so many codecs can give: 2 of 2^n sign assignments are extreme."""
    return len(tested) * min((2.0 ** (1 - effect.codecs) for effect in tested), default=1.0)


def _common_prefix(names: list[str]) -> str:
    """The common leading words of all names, which are joined by hyphens; at least one word of each name is left."""
    split = [name.split("-")[:-1] for name in names]
    shared = takewhile(lambda words: len(set(words)) == 1, zip(*split, strict=False))
    return "".join(f"{words[0]}-" for words in shared)
