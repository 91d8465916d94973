"""The figures that the three papers print, read from the CSV files in `published/`: one file is one table.

A row class has one field per column of its file, in its order. Numbers are as printed: EERs in percent, differences in
percentage points; an empty entry, which is not in print, is None. The files hold facts alone and are never edited to
fit ours; `grid/report/papers/shared/published_tables.py` says how each is read and prints it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, get_args, get_type_hints

FOLDER = Path(__file__).resolve().parents[1] / "published"


@dataclass(frozen=True)
class LabelledDifference:
    """CDD, Table 3: the EER of a base model (label `none`), or the difference from it by codec and label of CoRS."""

    label_of_cors: str
    detector: str
    codec: str
    column: str
    percent_or_points: float


@dataclass(frozen=True)
class TrainingCorpusEer:
    """CDD, Table 4."""

    detector: str
    training: str
    evaluation: str
    percent: float


@dataclass(frozen=True)
class MeanScore:
    """CDD, Table 5: the mean score of the base model (codec `none`), or the difference from it."""

    detector: str
    codec: str
    speech: str
    score_or_difference: float


@dataclass(frozen=True)
class DataStatistics:
    """CodecFake, Table 2: utterances and speakers of a set, None where it has no such split."""

    use: str
    name: str
    source: str
    training_utterances: int | None
    training_speakers: int | None
    validation_utterances: int | None
    validation_speakers: int | None
    test_utterances: int | None
    test_speakers: int | None


@dataclass(frozen=True)
class CrossTestingEer:
    """CodecFake, Figure 2; CodecFake+, Figures 6 and 7 and Section VII-C1."""

    trained_on: str
    tested_on: str
    percent: float


@dataclass(frozen=True)
class UnseenGeneratorEer:
    """CodecFake, Table 3."""

    test_set: str
    trained_on: str
    percent: float


@dataclass(frozen=True)
class GeneratorFacts:
    """CodecFake+, Table IV: a generator, its codec and its numbers of utterances."""

    system: str
    codec: str
    qua: str
    aux: str
    dec: str
    bonafide: int
    spoof: int
    source: str
    language_model: str


@dataclass(frozen=True)
class TaxonomyEer:
    """CodecFake+, Table V: the mean EER over member models, and its standard error."""

    axis: str
    trained_on: str
    tested_on: str
    mean_percent: float
    standard_error: float | None


@dataclass(frozen=True)
class MemberEer:
    """CodecFake+, the footnote of Table V: the EER of one member model, and its numbers of trials."""

    trained_on: str
    tested_on: str
    percent: float
    bonafide: int
    spoof: int


@dataclass(frozen=True)
class DatabaseEer:
    """CodecFake+, Table VI: a training set, with the conditional interval on CoSG."""

    row: str
    detector: str
    trained_on: str
    asvspoof2019la_percent: float
    cosg_percent: float
    cosg_low: float
    cosg_high: float


@dataclass(frozen=True)
class FactorEer:
    """CodecFake+, Table VII: a training of W2V2-AASIST on two sets of MaskGCT, with intervals."""

    row: str
    trained_on: str
    data_type: str
    vctk_percent: float
    vctk_low: float
    vctk_high: float
    e2_percent: float
    e2_low: float
    e2_high: float


@dataclass(frozen=True)
class Similarity:
    """CodecFake+, Table VIII: the similarity of the residual spectrograms of a group of pairs of codecs."""

    group: str
    mean_ssim: float
    mean_correlation: float


@dataclass(frozen=True)
class PredictedMos:
    """CodecFake+, Figure 5: the predicted MOS (UTMOS) of one kind of speech."""

    part: str
    speech: str
    utmos: float


ROWS: dict[str, type] = {
    "cdd-table-3": LabelledDifference,
    "cdd-table-4": TrainingCorpusEer,
    "cdd-table-5": MeanScore,
    "codecfake-table-2": DataStatistics,
    "codecfake-figure-2": CrossTestingEer,
    "codecfake-table-3": UnseenGeneratorEer,
    "codecfake-plus-table-4": GeneratorFacts,
    "codecfake-plus-figure-5": PredictedMos,
    "codecfake-plus-figure-6": CrossTestingEer,
    "codecfake-plus-table-5": TaxonomyEer,
    "codecfake-plus-table-5-footnote": MemberEer,
    "codecfake-plus-section-7-c-1": CrossTestingEer,
    "codecfake-plus-table-6": DatabaseEer,
    "codecfake-plus-figure-7": CrossTestingEer,
    "codecfake-plus-table-7": FactorEer,
    "codecfake-plus-table-8": Similarity,
}
"""The class of the rows of each published table."""

Row = TypeVar("Row")


@dataclass(frozen=True)
class CsvText:
    """A file as text: its headings, which may occur twice, and its rows."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def csv_path(name: str) -> Path:
    return FOLDER / f"{name.replace('-', '_')}.csv"


@lru_cache
def csv_text(name: str) -> CsvText:
    """The file of the published table `name`."""
    with csv_path(name).open(encoding="utf-8", newline="") as file:
        headings, *rows = csv.reader(file)
    return CsvText(tuple(headings), tuple(map(tuple, rows)))


@lru_cache
def published(name: str, kind: type[Row]) -> tuple[Row, ...]:
    """The rows of the published table `name`, of the class that `ROWS` has for it."""
    assert ROWS[name] is kind, f"{name} has rows of class {ROWS[name].__name__}"
    types = get_type_hints(kind)
    readers = [types[item.name] for item in fields(kind)]  # type: ignore[arg-type]
    return tuple(kind(*(_read(text, of) for text, of in zip(row, readers, strict=True))) for row in csv_text(name).rows)


def _read(text: str, of: type) -> str | int | float | None:
    """An entry as its type; the type of an entry that may be empty is `float | None` or `int | None`."""
    optional = [choice for choice in get_args(of) if choice is not type(None)]
    if optional and not text:
        return None
    number: str | int | float = (optional[0] if optional else of)(text)
    return number


def cross_testing_eer(name: str, trained_on: str, tested_on: str) -> float | None:
    """The EER (fraction) of a published cross-testing figure; None where it is not in print."""
    found = (
        r.percent for r in published(name, CrossTestingEer) if (r.trained_on, r.tested_on) == (trained_on, tested_on)
    )
    percent = next(found, None)
    return None if percent is None else percent / 100
