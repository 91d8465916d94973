"""Owns what a line of CodecFake means, whether it comes from datalist.csv or from the Parquet files."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

from grid.corpus.codec_tags import codec_of
from grid.corpus.manifest import BONAFIDE, SPOOF
from grid.corpus.protocol import ProtocolRow, parse_key
from grid.errors import RequestError

GENUINE = "genuine"
VALLE = "valle"
SOURCE = "codecfake"

Recording = tuple[str, str]
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

    recordings: Container[Recording]
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
