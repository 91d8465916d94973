"""The meaning of names in protocols of CDD: a recording, CoRS of a codec, or the speech of a generator."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grid.codecs.catalogue import load_catalogue
from grid.core.errors import RequestError
from grid.core.vocabulary import BONAFIDE, SPOOF
from grid.corpus.codec_tags import tags_of
from grid.corpus.protocol import parse_key, parse_mapping

_NO_ATTACKER = ("", "-", "nan", "none", "bonafide", "bona-fide", "real")
# an utterance of ASVspoof 5, in the id or the file name of an utterance derived from it
_RECORDING = re.compile(r"(?<![A-Za-z0-9])[TDE]_\d{10}(?!\d)")


@dataclass(frozen=True)
class CddKind:
    """The kind of an utterance: a recording (no attack, no codec), CoRS (a codec), CoSG (both), or another attack."""

    key: str
    attack: str = ""
    codec: str = ""


@dataclass(frozen=True)
class CddNames:
    """The names of codecs and of generators in lower case, each with its codec of the catalogue ("": unknown)."""

    codecs: Mapping[str, str]
    generators: Mapping[str, str]

    @classmethod
    def declared(cls, codecs: str | Mapping[str, Any] | None, generators: str | Mapping[str, Any] | None) -> CddNames:
        """The names of codec_tags.yaml, extended by those of the options.

        Both options map names to codecs of the catalogue; for a generator the codec may be "". Raises RequestError for
        a codec that is not in the catalogue.
        """
        return cls(
            codecs={**tags_of("cdd"), **_declared(codecs, "codecs")},
            generators={**tags_of("cdd-generators"), **_declared(generators, "generators", may_be_empty=True)},
        )

    def kind(self, label: str, attacker: str, corpus: str, where: str) -> CddKind:
        """The kind of an utterance by its label, its attacker and the original corpus, either of which may be a codec.

        Resynthesised speech is CoRS with key bonafide, whatever its published label. Raises RequestError, with `where`,
        for a spoof without an attacker, and for a bona fide row with a name that is not a codec, such as a generator.
        """
        key, name = parse_key(label, where), attacker_name(attacker)
        codec = self.codecs.get(name.lower()) or self.codecs.get(corpus.lower()) or ""
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


def attacker_name(field: str) -> str:
    """`field`, or "" where it states that there is no attacker: -, none, bonafide and the like."""
    return "" if field.lower() in _NO_ATTACKER else field


def recording_of(kind: CddKind, *names: str) -> str:
    """The recording that CoRS was made from, by the ASVspoof 5 id in one of `names`; "" for other kinds or no id."""
    if kind.attack or not kind.codec:
        return ""
    ids = (match[0] for name in names for match in _RECORDING.finditer(name))
    return next(ids, "")


def _declared(value: str | Mapping[str, Any] | None, option: str, *, may_be_empty: bool = False) -> dict[str, str]:
    codecs = {name.lower(): str(codec or "") for name, codec in parse_mapping(value, option).items()}
    for name, codec in codecs.items():
        if codec or not may_be_empty:
            load_catalogue().get(codec, where=f"option {option}, {name}")
    return codecs
