"""Renditions: a corpus after a processing chain (an attack, a codec and a control, each or none), and its identity."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from grid.core.identity import digest
from grid.core.vocabulary import NATIVE, OWN_ATTACKS, SAMPLE_RATE, CodingRate, Control
from grid.corpus.holdings import CorpusFacts, CorsParts
from grid.resynthesis.controls import control_identity

RENDER_REVISION = 1
"""Raised by hand when the same chain of the same corpus gives other samples than before."""


@dataclass(frozen=True)
class Chain:
    """The processing of a recording: first the attack, then the codec, then the control, each by name, "" for none.

    With the attack `own` and a codec, the input is not a recording but the corpus's own attacks. A control alone is
    applied to both.
    """

    attack: str = ""
    codec: str = ""
    control: Control | Literal[""] = ""

    @property
    def of_own_attacks(self) -> bool:
        """Whether its input are the attacks that the corpus brings."""
        return self.attack == OWN_ATTACKS

    @property
    def name(self) -> str:
        """`raw`, `world`, `opus-6kbps` or `world~opus-6kbps`; in an utterance id it follows the origin and `~`."""
        return "~".join(part for part in (self.attack, self.codec, self.control) if part) or "raw"

    @property
    def last(self) -> str:
        """The name of its last link; `raw` for the recordings themselves."""
        return self.control or self.codec or self.attack or "raw"

    @property
    def parent(self) -> Chain | None:
        """The chain whose audio is the input of this one's last link; None for the recordings themselves."""
        if self.control:
            return Chain(attack=self.attack, codec=self.codec)
        if self.codec and not self.of_own_attacks:
            return Chain(attack=self.attack)
        return Chain() if self.attack else None  # the recordings' rendition holds the corpus's own attacks too


RAW = Chain()


@dataclass(frozen=True)
class Rendition:
    """A chain applied to a corpus.

    `attack` and `codec` are the identities of the links (every field that can change a sample), None where the chain
    has none; `seed` is that of stochastic codecs and of attacks. With `own_cors` the CoRS of a codec are the corpus's
    own rows in the splits where it has some; otherwise, and in every other rendition, its own CoRS rows are left out.
    `through` is what a codec of more than 16 kHz gets of a recording in a file of more than 16 kHz.
    """

    corpus: CorpusFacts
    chain: Chain
    attack: dict[str, Any] | None
    codec: dict[str, Any] | None
    seed: int
    own_cors: bool = False
    through: CodingRate = NATIVE

    @property
    def parent(self) -> Rendition | None:
        """The rendition that is the input of the last link; None for the recordings themselves."""
        chain = self.chain.parent
        if chain is None:
            return None
        attack, codec = self.attack if chain.attack else None, self.codec if chain.codec else None
        return replace(self, chain=chain, attack=attack, codec=codec)

    @property
    def cors_parts(self) -> CorsParts:
        """The sources of its CoRS; the corpus's own rows are used only where the chain is a codec alone."""
        return self.corpus.cors_parts(self.chain.codec, own=self.own_cors and not self.chain.attack)

    @property
    def applied(self) -> bool:
        """Whether the last link is applied to any row; if not, all audio is copied and the codec is not needed."""
        return self.chain != RAW and (bool(self.chain.attack or self.chain.control) or self.cors_parts.applied)

    @property
    def made_splits(self) -> tuple[str, ...]:
        """The splits in which the last link is applied to every input; a control is for tests alone."""
        return ("test",) if self.chain.control else self.cors_parts.made

    @property
    def coded_natively(self) -> bool:
        """Whether the codec gets its inputs from their files' own rates.

        It does where that makes a difference: the codec is applied to files of the corpus (a stand-in attack gives
        16 kHz), and both it and some of these files are of more than 16 kHz.
        """
        at_16_khz = self.chain.control or (self.chain.attack and not self.chain.of_own_attacks)
        if self.through != NATIVE or at_16_khz or self.codec is None or not self.applied:
            return False
        rates = self.corpus.attack_rates if self.chain.of_own_attacks else self.corpus.recorded_rates
        return min(self.codec["native_rate"], max(rates, default=0)) > SAMPLE_RATE

    def identity(self) -> dict[str, Any]:
        """Everything that can change a sample of this rendition; the seed only where the last link is applied."""
        if self.chain.control:
            return self._identity_of_control(self.chain.control)
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
        if self.coded_natively:
            identity["through"] = NATIVE
        return identity

    def _identity_of_control(self, control: Control) -> dict[str, Any]:
        parent = self.parent
        assert parent is not None  # a control is the last link
        return {"revision": RENDER_REVISION, "of": parent.id, "control": control_identity(control)}

    @cached_property
    def id(self) -> str:
        """The digest of the identity, 16 hexadecimal digits."""
        return digest(self.identity())

    @property
    def folder(self) -> str:
        """Its folder in the store: the names of corpus and chain, and 12 digits of the id."""
        return f"audio/{self.corpus.name}/{self.chain.name}-{self.id[:12]}"


def chain_name_of(folder: str) -> str:
    """The name of the chain, from the folder of a rendition."""
    return folder.rpartition("/")[2].rpartition("-")[0]


def corpus_of(folder: str) -> str:
    """The name of the corpus, from the folder of a rendition."""
    return folder.split("/")[-2]
