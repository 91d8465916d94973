"""Owns what a line of CodecFake means, whether it comes from datalist.csv or from the Parquet files."""

from __future__ import annotations

import string
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

from grid.core.errors import RequestError, unknown_name
from grid.core.vocabulary import BONAFIDE, SPOOF
from grid.corpus.codec_tags import codec_of
from grid.corpus.protocol import ProtocolRow, listed, parse_key
from grid.corpus.readers.vctk import DEV_SPEAKERS, TEST_SPEAKERS

GENUINE = "genuine"
VALLE = "valle"
SOURCE = "codecfake"
RecordingName = tuple[str, str]
"""Speaker and file stem, by which a resynthesised utterance finds the recording it was made from."""


@dataclass(frozen=True)
class Entry:
    """What CodecFake says of one utterance, in its own words; `path` is ours; `where` is file:line for messages."""

    stem: str
    speaker: str
    label: str
    tag: str
    path: str
    where: str
    line: int


@dataclass(frozen=True)
class CodecFakeRows:
    """Turns entries into rows; `recordings` are the genuine ones of the whole list, `splits` speaker -> dev or test."""

    recordings: Container[RecordingName]
    splits: Mapping[str, str]
    unknown_codecs: str

    def row(self, entry: Entry) -> ProtocolRow:
        """The row of one entry; RequestError for an unknown label or tag, and for a label that its tag contradicts."""
        labelled = parse_key(entry.label, entry.where)
        if (labelled == BONAFIDE) != (entry.tag == GENUINE):
            raise RequestError(
                f"{entry.where}: label {entry.label!r} with codec {entry.tag!r}; exactly the codec {GENUINE!r} is "
                f"labelled {GENUINE!r}. Are columns or lines shifted?"
            )
        generated = entry.tag == VALLE
        codec = (
            codec_of(VALLE, "cosg", entry.where)
            if generated
            else codec_of(entry.tag, "codecfake", entry.where, self.unknown_codecs)
        )
        has_origin = bool(codec) and not generated and (entry.speaker, entry.stem) in self.recordings
        return ProtocolRow(
            utterance_id=utterance_id(entry.stem, entry.tag),
            path=entry.path,
            speaker=entry.speaker,
            split="test" if generated else self.splits.get(entry.speaker, "train"),
            key=SPOOF if generated else BONAFIDE,
            attack=VALLE if generated else "",
            codec=codec,
            origin=utterance_id(entry.stem, GENUINE) if has_origin else "",
            source=SOURCE,
            line=entry.line,
        )


def utterance_id(stem: str, tag: str) -> str:
    """The stem for a recording; stem and codec tag for what was made from it, because all codecs share the stem."""
    return stem if tag == GENUINE else f"{stem}-{tag}"


def layout_of(pattern: str, fields: Sequence[str]) -> Callable[..., str]:
    """The function that fills `pattern`; it takes `fields` by name. RequestError for a field that does not exist."""
    try:
        used = [name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None]
    except ValueError as error:
        raise RequestError(f"layout {pattern!r}: {error}") from error
    for name in used:
        if name not in fields:
            raise unknown_name("field", name, fields, where=f"layout {pattern!r}")
    return pattern.format


Speakers = str | Sequence[str]
"""Names of speakers: a list in an experiment file, `p226,p229` on the command line."""


def speaker_splits(dev: Speakers = DEV_SPEAKERS, test: Speakers = TEST_SPEAKERS) -> dict[str, str]:
    """speaker -> dev or test; whoever is not there is train. RequestError for a speaker in both."""
    dev, test = listed(dev), listed(test)
    both = sorted(set(dev) & set(test))
    if both:
        raise RequestError(f"speakers {', '.join(both)} are in both dev and test")
    return dict.fromkeys(dev, "dev") | dict.fromkeys(test, "test")
