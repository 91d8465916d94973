"""The 17 codec-based speech generators of CodecFake+ (Table IV), read from cosg_systems.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from grid.codecs.taxonomy import Place, parse_place
from grid.config.yaml_file import load_yaml
from grid.corpus.codec_tags import tags_of

FILE = Path(__file__).resolve().parent / "cosg_systems.yaml"


@dataclass(frozen=True)
class CosgSystem:
    """A generator: its name in the data (`tag`) and in Table IV, its place in the taxonomy, and its clips in the set.

    `codec` is the catalogue's name where it is certain, else the name of the place, such as `mvq-none-freq`;
    `codec_in_paper` is the paper's name of the codec, which leaves its configuration open.
    `bonafide` and `spoof` are numbers of clips.
    """

    tag: str
    name: str
    place: Place
    codec: str
    codec_in_paper: str
    bonafide: int
    spoof: int

    @property
    def attack(self) -> str:
        """Its name in the column `attack` of a manifest."""
        return self.tag.lower()


@lru_cache(maxsize=1)
def cosg_systems() -> MappingProxyType[str, CosgSystem]:
    """The systems by their name in a manifest's column `attack`, in the order of the file."""
    rows = load_yaml(FILE)["systems"]
    systems = [_system(tag, **row) for tag, row in rows.items()]
    return MappingProxyType({system.attack: system for system in systems})


def _system(
    tag: str, *, name: str, codec_in_paper: str, qua: str, aux: str, dec: str, bonafide: int, spoof: int
) -> CosgSystem:
    place = parse_place(qua, aux, dec, f"{FILE.name}: {tag}")
    return CosgSystem(tag, name, place, tags_of("cosg")[tag.lower()], codec_in_paper, bonafide, spoof)
