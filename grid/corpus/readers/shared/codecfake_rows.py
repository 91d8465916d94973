"""Protocol rows from the lines of CodecFake, which come from datalist.csv or from its Parquet files."""

from __future__ import annotations

import string
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

from grid.core.errors import RequestError, unknown_name
from grid.core.vocabulary import BONAFIDE, SPOOF
from grid.corpus.codec_tags import codec_of
from grid.corpus.protocol import ProtocolRow, parse_key, parse_names
from grid.corpus.readers.vctk import DEV_SPEAKERS, TEST_SPEAKERS

GENUINE = "genuine"
VALLE = "valle"
SOURCE = "codecfake"
RecordingName = tuple[str, str]
"""Speaker and file stem, which a resynthesised utterance shares with the recording it was made from."""
Speakers = str | Sequence[str]
"""Names of speakers: a list in an experiment file, `p226,p229` on the command line."""


@dataclass(frozen=True)
class Entry:
    """An utterance in the terms of CodecFake; `path` is that of the protocol row, `where` is file:line for messages."""

    stem: str
    speaker: str
    label: str
    tag: str
    path: str
    where: str
    line: int


@dataclass(frozen=True)
class CodecFakeRows:
    """Converts entries to rows; `recordings` are those of the whole list, `splits` maps speakers to dev or test."""

    recordings: Container[RecordingName]
    splits: Mapping[str, str]
    unknown_codecs: str

    def row(self, entry: Entry) -> ProtocolRow:
        """The row of one entry; RequestError for an unknown label or tag, and for a label that contradicts the tag."""
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
    """The stem for a recording, else stem and codec tag: the files of all codecs share the stem of the recording."""
    return stem if tag == GENUINE else f"{stem}-{tag}"


def layout_of(pattern: str, fields: Sequence[str]) -> Callable[..., str]:
    """The function that formats `pattern` from `fields`, its keyword arguments; RequestError for an unknown field."""
    try:
        used = [name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None]
    except ValueError as error:
        raise RequestError(f"layout {pattern!r}: {error}") from error
    for name in used:
        if name not in fields:
            raise unknown_name("field", name, fields, where=f"layout {pattern!r}")
    return pattern.format


def speaker_splits(dev: Speakers = DEV_SPEAKERS, test: Speakers = TEST_SPEAKERS) -> dict[str, str]:
    """Speaker -> dev or test; other speakers are train. RequestError for a speaker in both."""
    dev, test = parse_names(dev), parse_names(test)
    both = sorted(set(dev) & set(test))
    if both:
        raise RequestError(f"speakers {', '.join(both)} are in both dev and test")
    return dict.fromkeys(dev, "dev") | dict.fromkeys(test, "test")
