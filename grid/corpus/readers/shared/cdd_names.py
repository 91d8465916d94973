"""Owns what the names in a protocol of CDD mean: recording, CoRS of a codec, or the speech of a generator."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grid.codecs.catalogue import load_catalogue
from grid.core.errors import RequestError
from grid.core.vocabulary import BONAFIDE, SPOOF
from grid.corpus.codec_tags import tags_of
from grid.corpus.protocol import mapped, parse_key

_NOTHING = ("", "-", "nan", "none", "bonafide", "bona-fide", "real")
# an utterance of ASVspoof 5, in the id or the file name of what was made from it
_RECORDING = re.compile(r"(?<![A-Za-z0-9])[TDE]_\d{10}(?!\d)")


@dataclass(frozen=True)
class CddKind:
    """What an utterance is: a recording (neither attack nor codec), CoRS (a codec), CoSG (both), or another attack."""

    key: str
    attack: str = ""
    codec: str = ""


@dataclass(frozen=True)
class CddNames:
    """The names of codecs and of generators in lower case, and the catalogue's codec of each ("": none is known)."""

    codecs: Mapping[str, str]
    generators: Mapping[str, str]

    @classmethod
    def declared(cls, codecs: str | Mapping[str, Any] | None, generators: str | Mapping[str, Any] | None) -> CddNames:
        """The names of codec_tags.yaml with those of the options on top; RequestError for a codec not in the catalogue.

        Both options are maps of names to codecs of the catalogue, the second's may be "".
        """
        return cls(
            codecs={**tags_of("cdd"), **_declared(codecs, "codecs")},
            generators={**tags_of("cdd-generators"), **_declared(generators, "generators", may_be_empty=True)},
        )

    def kind(self, label: str, attacker: str, other: str, where: str) -> CddKind:
        """What the label, the attacker and another field that may name a codec (origin_ds) say together.

        Resynthesised speech is CoRS and bona fide by key, whatever its published label. Raises RequestError, naming
        `where`, for a generator called bona fide, a spoof without a generator, and a name that a bona fide row has and
        that is no codec's.
        """
        key, name = parse_key(label, where), named(attacker)
        codec = self.codecs.get(name.lower()) or self.codecs.get(other.lower()) or ""
        if name.lower() in self.generators and key == SPOOF:
            return CddKind(SPOOF, name, self.generators[name.lower()])
        if name and name.lower() not in self.codecs and key == SPOOF:
            return CddKind(SPOOF, name, codec)
        if name and name.lower() not in self.codecs:
            raise RequestError(
                f"{where}: {name!r} is bona fide and no codec that is known ({', '.join(self.codecs)}). "
                f'Declare it: --option \'codecs={{"{name}": "CODEC"}}\', with a name of `codecgrid codecs`'
            )
        if key == SPOOF and not codec:
            raise RequestError(f"{where}: a spoof that names no attacker")
        return CddKind(BONAFIDE, codec=codec)


def named(field: str) -> str:
    """`field`, or "" where it says that there is no attacker: -, none, bonafide and the like."""
    return "" if field.lower() in _NOTHING else field


def recording_of(kind: CddKind, *names: str) -> str:
    """The ASVspoof 5 id in one of `names`, for CoRS: the recording it was made from; "" where none says it."""
    if kind.attack or not kind.codec:
        return ""
    found = (match[0] for name in names for match in _RECORDING.finditer(name))
    return next(found, "")


def _declared(value: str | Mapping[str, Any] | None, option: str, *, may_be_empty: bool = False) -> dict[str, str]:
    found = {name.lower(): str(codec or "") for name, codec in mapped(value, option).items()}
    for name, codec in found.items():
        if codec or not may_be_empty:
            load_catalogue().get(codec, where=f"option {option}, {name}")
    return found
