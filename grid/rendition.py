"""What a rendition is: a corpus after a chain (nothing, an attack, a codec, or both), and its identity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from grid.identity import digest

Role = Literal["raw", "cors", "attack", "cosg"]

RENDER_REVISION = 1
"""Raised by hand when the same chain of the same corpus gives other samples than before."""


@dataclass(frozen=True)
class Chain:
    """What was done to a recording: `attack` and `codec` are names, "" for none."""

    attack: str = ""
    codec: str = ""

    @property
    def name(self) -> str:
        """`raw`, `world`, `opus-6kbps`, or `world~opus-6kbps`; follows the origin in an utterance id after `~`."""
        return "~".join(part for part in (self.attack, self.codec) if part) or "raw"

    @property
    def parent(self) -> Chain | None:
        """The chain whose audio is the input of this one's last link; None for the recordings themselves."""
        if self.codec:
            return Chain(attack=self.attack)
        return Chain() if self.attack else None


RAW = Chain()


@dataclass(frozen=True)
class CorpusFacts:
    """An imported corpus: its name and the digest of its manifest."""

    name: str
    manifest_digest: str


@dataclass(frozen=True)
class Rendition:
    """A chain applied to a corpus.

    `attack` and `codec` are the identities of the links (every field that can change a sample), None where the chain
    has none; `seed` is of stochastic codecs and of attacks.
    """

    corpus: CorpusFacts
    chain: Chain
    attack: dict[str, Any] | None
    codec: dict[str, Any] | None
    seed: int

    def identity(self) -> dict[str, Any]:
        """Everything that can change a sample of this rendition. The seed counts only where something is drawn."""
        return {
            "revision": RENDER_REVISION,
            "corpus": self.corpus.manifest_digest,
            "attack": self.attack,
            "codec": self.codec,
            "seed": None if self.chain == RAW else self.seed,
        }

    @property
    def id(self) -> str:
        return digest(self.identity())

    @property
    def folder(self) -> str:
        """Where it lies in the store: a name for people, an id for truth."""
        return f"audio/{self.corpus.name}/{self.chain.name}-{self.id[:12]}"


def role_of(key: str, attack: str, codec: str) -> Role:
    """The role of an utterance in a trial: a spoof that came through a codec is CoSG, a bona fide one is CoRS."""
    if key == "spoof":
        return "cosg" if codec else "attack"
    return "cors" if codec else "raw"
