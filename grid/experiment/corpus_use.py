"""A corpus as an experiment uses it: its splits, the origin of its CoRS, and its part in the identity of a cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from grid.config.experiment import CorpusSource
from grid.core.vocabulary import SPLITS
from grid.corpus.holdings import CorpusFacts, CorsParts


@dataclass(frozen=True)
class CorpusUse:
    """An entry of `corpora` with the corpus that it names."""

    source: CorpusSource
    facts: CorpusFacts

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def own_cors(self) -> bool:
        """Whether its CoRS are its own rows, where it has any."""
        return self.source.cors == "own"

    @property
    def with_cors(self) -> bool:
        """Whether the experiment uses CoRS of it, its own or rendered ones."""
        return self.source.cors != "none"

    @property
    def leaves_out_pending(self) -> bool:
        """Whether it has utterances whose codec is still to be applied and that the experiment leaves out."""
        return not self.own_cors and any(held.pending for held in self.facts.holdings)

    @property
    def tested(self) -> bool:
        return "test" in self.source.splits

    @property
    def training_splits(self) -> tuple[str, ...]:
        """Those of train and dev that are used; none for a corpus that is only evaluated."""
        return tuple(split for split in SPLITS[:2] if split in self.source.splits)

    def trained_cors(self, codec: str) -> CorsParts:
        """Where the CoRS of `codec` that a detector trains on come from."""
        return self.facts.cors_parts(codec, own=self.own_cors, splits=self.training_splits)

    def identity(self) -> str | dict[str, Any]:
        """What can change a training: the digest of the manifest, with splits and CoRS where they are restricted."""
        splits = {"splits": list(self.training_splits)} if self.training_splits != SPLITS[:2] else {}
        without_cors = {"cors": "left out"} if self.facts.has_cors else {}
        digest = self.facts.manifest_digest
        return {"manifest": digest, **splits, **without_cors} if splits or without_cors else digest
