"""Owns what tables and figures of effects say of either side: the codec trained with is exchanged, or the tested."""

from __future__ import annotations

from dataclasses import dataclass

from grid.report.effects import Side


@dataclass(frozen=True)
class SideWords:
    """`group` heads the columns of the other codecs; `test` is the unit of the permutation test and what it assumes.

    `unit` is that of the model of main effects, `reach` what the model speaks of; `outside` and `within` say which
    other codecs its response is the mean over, with `{family}` and `{codecs}`. `marks` are of the figure.
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
WORDS: dict[Side, SideWords] = {"training": TRAINING, "test": TEST}
