"""What a rendition is: a corpus after a chain (nothing, an attack, a codec, or both), and its identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from grid.corpus.manifest import SPLITS
from grid.corpus.roles import Holding
from grid.identity import digest

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
class CorsParts:
    """Where the CoRS of one codec come from in some splits of a corpus.

    In the splits of `own` they are rows of the corpus, in those of `made` they are made here from its recordings.
    `applied` says whether the codec is: to recordings, or to rows that are pending.
    """

    own: tuple[str, ...]
    made: tuple[str, ...]
    applied: bool


@dataclass(frozen=True)
class CorpusFacts:
    """An imported corpus: its name, the digest of its manifest, and what that holds."""

    name: str
    manifest_digest: str
    holdings: tuple[Holding, ...] = ()

    @property
    def has_cors(self) -> bool:
        """Whether rows of the corpus are CoRS."""
        return any(held.role == "cors" for held in self.holdings)

    def cors_parts(self, codec: str, *, own: bool, splits: Sequence[str] = SPLITS) -> CorsParts:
        """Where the CoRS of `codec` come from in `splits`, with rows of the corpus where it has some if `own`."""
        rows = [held for held in self.holdings if own and held.role == "cors" and held.codec == codec]
        there = tuple(split for split in splits if any(held.split == split for held in rows))
        made = tuple(split for split in splits if split not in there)
        recorded = not self.holdings or any(held.is_recorded and held.split in made for held in self.holdings)
        return CorsParts(there, made, recorded or any(held.pending and held.split in there for held in rows))


@dataclass(frozen=True)
class Rendition:
    """A chain applied to a corpus.

    `attack` and `codec` are the identities of the links (every field that can change a sample), None where the chain
    has none; `seed` is of stochastic codecs and of attacks. With `own_cors` the CoRS of a codec are the corpus's own
    rows, in the splits where it has some; otherwise, and in every other rendition, its own CoRS rows are left out.
    """

    corpus: CorpusFacts
    chain: Chain
    attack: dict[str, Any] | None
    codec: dict[str, Any] | None
    seed: int
    own_cors: bool = False

    @property
    def parent(self) -> Rendition | None:
        """The rendition that this one's last link hears; None for the recordings themselves."""
        chain = self.chain.parent
        if chain is None:
            return None
        return replace(self, chain=chain, attack=self.attack if chain.attack else None, codec=None)

    @property
    def cors_parts(self) -> CorsParts:
        """Where its CoRS come from; nothing is taken from the corpus where the chain is more or less than a codec."""
        return self.corpus.cors_parts(self.chain.codec, own=self.own_cors and not self.chain.attack)

    @property
    def applied(self) -> bool:
        """Whether the last link is applied to anything; if not, all audio is copied and the codec need not run here."""
        return self.chain != RAW and (bool(self.chain.attack) or self.cors_parts.applied)

    def identity(self) -> dict[str, Any]:
        """Everything that can change a sample of this rendition. The seed counts only where something is drawn."""
        copied = {"name": self.chain.codec} if self.chain.codec else None
        identity = {
            "revision": RENDER_REVISION,
            "corpus": self.corpus.manifest_digest,
            "attack": self.attack,
            "codec": self.codec if self.applied else copied,
            "seed": self.seed if self.applied else None,
        }
        if self.corpus.has_cors:
            identity["cors"] = "own" if self.chain.codec and self.cors_parts.own else "left out"
        return identity

    @cached_property
    def id(self) -> str:
        return digest(self.identity())

    @property
    def folder(self) -> str:
        """Where it lies in the store: a name for people, an id for truth."""
        return f"audio/{self.corpus.name}/{self.chain.name}-{self.id[:12]}"


def corpus_of(folder: str) -> str:
    """The name of the corpus that a rendition's folder is of."""
    return folder.split("/")[-2]
