"""The place of a codec in the taxonomy of CodecFake+ (Table III): quantiser (QUA), auxiliary (AUX), decoder (DEC)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from grid.codecs.catalogue import load_catalogue
from grid.core.errors import RequestError, unknown_name

# spellings of the CodecFake+ paper and of the CodecFake-Source-Tracing metadata, in lower case -> those of Table III
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
        """A name for a codec of which only the place is known, such as `mvq-none-freq`."""
        return "-".join(self).lower()


def parse_place(qua: str, aux: str, dec: str, where: str) -> Place:
    """The place for any spelling in the papers' files (SQ is Scq, Trad is None); else RequestError with `where`."""
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
