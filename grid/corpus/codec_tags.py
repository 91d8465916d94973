"""Owns what the corpora call their codecs: their tags as catalogue names, and the taxonomy of what has no entry.

The tags are in codec_tags.yaml, one table for each corpus, with the spelling mistakes of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from grid.codecs.catalogue import load_catalogue
from grid.errors import RequestError, unknown_name

FILE = Path(__file__).resolve().parent / "codec_tags.yaml"

REFUSE, KEEP = "refuse", "keep"
UNKNOWN_CODECS = (REFUSE, KEEP)
"""What a reader does with a tag that its table lacks: refuse the protocol, or keep the tag as the codec's name."""

# CodecFake+ (paper), CodecFake-Source-Tracing (metadata), in lower case -> the words of the paper's Table III
_QUANTISERS = {"mvq": "Mvq", "svq": "Svq", "scq": "Scq", "sq": "Scq"}
_AUXILIARIES = {"sem": "Sem", "disent": "Disent", "none": "None", "trad": "None"}
_DECODERS = {"time": "Time", "freq": "Freq"}


class Place(NamedTuple):
    """A codec's place in the taxonomy of CodecFake+ (Table III): Mvq, Sem, Time and so on; no auxiliary is "None"."""

    qua: str
    aux: str
    dec: str

    @property
    def name(self) -> str:
        """What stands in for the name of a codec of which only its place is known, such as `mvq-none-freq`."""
        return "-".join(self).lower()


def parse_place(qua: str, aux: str, dec: str, where: str) -> Place:
    """The place for any spelling of the papers' files (SQ is Scq, Trad is None); RequestError, naming `where`."""
    words = []
    tables = (("quantiser", qua, _QUANTISERS), ("auxiliary", aux, _AUXILIARIES), ("decoder", dec, _DECODERS))
    for kind, spelling, table in tables:
        if spelling.lower() not in table:
            raise unknown_name(kind, spelling, table, where=where)
        words.append(table[spelling.lower()])
    return Place(*words)


@lru_cache(maxsize=1024)
def place_of(codec: str) -> Place | None:
    """The place of a catalogue entry, or of a name such as `mvq-none-freq`; None where there is none."""
    for entry in load_catalogue():
        if entry.name == codec:
            return Place(entry.qua, entry.aux, entry.dec) if entry.qua and entry.aux and entry.dec else None
    parts = codec.split("-")
    try:
        return parse_place(parts[0], parts[1], parts[2], codec) if len(parts) == 3 else None
    except RequestError:
        return None


@lru_cache(maxsize=8)
def tags_of(corpus: str) -> Mapping[str, str]:
    """The table of `corpus`: its tag -> the catalogue's name, "" for a recording that went through no codec."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    tables = yaml.load(FILE.read_text(encoding="utf-8"), Loader=loader)
    if corpus not in tables:
        raise unknown_name("table of codec tags", corpus, tables)
    return {str(tag): str(name) for tag, name in tables[corpus].items()}


def codec_of(tag: str, corpus: str, where: str, unknown_codecs: str = REFUSE) -> str:
    """The catalogue's name of what `corpus` calls `tag`.

    A tag without an entry is a RequestError that names `where`, or with `unknown_codecs` "keep" the tag itself.
    """
    name = tags_of(corpus).get(tag)
    if name is None and tag and unknown_codecs == KEEP:
        return tag
    if name is None:
        error = unknown_name("codec tag", tag, tags_of(corpus), where=where)
        raise RequestError(f"{error} The option unknown_codecs=keep takes any tag as a name.")
    return name


def check_unknown_codecs(value: str) -> str:
    """`value` if it is refuse or keep, else RequestError."""
    if value not in UNKNOWN_CODECS:
        raise unknown_name("unknown_codecs", value, UNKNOWN_CODECS)
    return value
