"""The results of an audit: groups of utterances, how well each number tells them apart, and what to be warned of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from grid.core.vocabulary import BONAFIDE, SPOOF
from grid.metrics.separation import Separation
from grid.metrics.shortcut_features import FEATURES, UNITS, Feature

AudioClass = Literal["bonafide", "spoof", "cors"]
"""What the audio of a corpus is: recordings, generated speech, or resynthesised speech, whose label a policy sets."""
CORS: AudioClass = "cors"
CLASSES: tuple[AudioClass, ...] = (BONAFIDE, SPOOF, CORS)
CLASS_WORDS: dict[AudioClass, str] = {BONAFIDE: "bona fide", SPOOF: "spoof", CORS: "CoRS"}

Number = Feature | Literal["sampling rate"]
NUMBERS: tuple[Number, ...] = ("sampling rate", *FEATURES)
FROM_MANIFEST: tuple[Number, ...] = ("sampling rate", "duration")
"""What the manifest has, so that the import knows it; all other numbers are measured from the audio."""


def unit(number: Number) -> str:
    """The unit of a number."""
    return "kHz" if number == "sampling rate" else UNITS[number]


@dataclass(frozen=True)
class Spread:
    """The quartiles of a number, in its unit."""

    lower: float
    median: float
    upper: float


@dataclass(frozen=True)
class Group:
    """The utterances of one class in one split: how many, of how many speakers, and the hours.

    `rates` has the number of files of each sampling rate in Hz. `repeated` counts the utterances whose audio is also in
    another split, `of_shared_speakers` those whose speaker is. `spreads` has the numbers that are known.
    """

    split: str
    kind: AudioClass
    utterances: int
    speakers: int
    hours: float
    rates: dict[int, int]
    repeated: int
    of_shared_speakers: int
    spreads: dict[Number, Spread]


@dataclass(frozen=True)
class ClassShortcut:
    """How well one number tells the bona fide utterances of a split from those of another class."""

    split: str
    kind: AudioClass
    number: Number
    separation: Separation

    @property
    def larger_in(self) -> str:
        """The class in which the number is larger, in words; `neither` at an EER of 50 %."""
        if self.separation.eer >= 0.5:
            return "neither"
        return CLASS_WORDS[BONAFIDE if self.separation.bonafide_is_larger else self.kind]

    @property
    def words(self) -> str:
        """The number, its EER and in which class it is larger."""
        return f"{self.number} (EER {100 * self.separation.eer:.1f} %, higher in {self.larger_in})"


@dataclass(frozen=True)
class SharedSpeakers:
    """The speakers of a corpus that are in more than one split, and who promises that there are none ("": nobody)."""

    corpus: str
    speakers: tuple[str, ...]
    promised_by: str

    @property
    def sentence(self) -> str:
        """The finding in words."""
        promise = f"{self.promised_by} has each in one" if self.promised_by else "its protocol promises nothing else"
        count, first = len(self.speakers), self.speakers[0]
        return f"{self.corpus}: {count} speakers are in more than one split, such as {first}; {promise}"


@dataclass(frozen=True)
class Audit:
    """The audit of some corpora together, whose utterances are pooled by class and split as an experiment does.

    `unmeasured` are the corpora without features: then only the numbers of FROM_MANIFEST are known, and a repeated file
    is found by its bytes instead of its samples.
    """

    corpora: tuple[str, ...]
    groups: tuple[Group, ...]
    shortcuts: tuple[ClassShortcut, ...]
    shared_speakers: tuple[SharedSpeakers, ...] = ()
    unmeasured: tuple[str, ...] = ()

    def warnings(self) -> tuple[str, ...]:
        """A sentence for each class and split with shortcuts, one for repeated audio, one for each broken promise."""
        broken = (shared.sentence for shared in self.shared_speakers if shared.promised_by)
        return (*_of_shortcuts(self.shortcuts), *_of_repeated(self.groups), *broken)


def _of_shortcuts(shortcuts: Sequence[ClassShortcut]) -> Iterator[str]:
    for (split, kind), items in groupby(shortcuts, key=lambda item: (item.split, item.kind)):
        words = [item.words for item in items if item.separation.leaks]
        if words:
            tell = "alone tells" if len(words) == 1 else "each alone tell"
            yield f"in {split}, {' and '.join(words)} {tell} {CLASS_WORDS[BONAFIDE]} from {CLASS_WORDS[kind]}"


def _of_repeated(groups: Sequence[Group]) -> Iterator[str]:
    counts = [f"{g.split} {CLASS_WORDS[g.kind]} {g.repeated} of {g.utterances}" for g in groups if g.repeated]
    if counts:
        yield f"the same audio is in more than one split: {', '.join(counts)}"
