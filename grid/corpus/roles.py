"""Owns the role of an utterance in the study, recording, CoRS, attack or CoSG, and how many of each a corpus holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from grid.corpus.manifest import BONAFIDE, SPLITS, SPOOF, pending_rows

Role = Literal["raw", "cors", "attack", "cosg"]


def role_of(key: str, attack: str, codec: str) -> Role:
    """The role of an utterance in a trial.

    What came through a codec and is no attack is CoRS, whatever its published key: what it is called is the question
    that a labelling policy answers. A spoof that came through a codec is CoSG, any other spoof an attack.
    """
    if codec and not attack:
        return "cors"
    if key == SPOOF:
        return "cosg" if codec else "attack"
    return "raw"


@dataclass(frozen=True)
class Holding:
    """The `utterances` of a corpus that agree in split, role, codec ("" for none) and in being pending or not."""

    split: str
    role: Role
    codec: str
    pending: bool
    utterances: int

    @property
    def is_recorded(self) -> bool:
        """Recordings that went through nothing: codecs and attacks are made from these."""
        return self.role == "raw" and not self.codec


def holdings(manifest: pa.Table) -> tuple[Holding, ...]:
    """All that a manifest holds; train before dev before test, then by role and codec."""
    columns = ["split", "key", "attack", "codec"]
    table = manifest.select(columns).append_column("pending", pending_rows(manifest))
    counts: Counter[tuple[str, Role, str, bool]] = Counter()
    for row in table.group_by([*columns, "pending"]).aggregate([([], "count_all")]).to_pylist():
        role = role_of(row["key"], row["attack"], row["codec"])
        counts[row["split"], role, row["codec"], row["pending"]] += row["count_all"]
    ordered = sorted(counts, key=lambda kind: (SPLITS.index(kind[0]), *kind[1:]))
    return tuple(Holding(*kind, utterances=counts[kind]) for kind in ordered)


def are_cors(manifest: pa.Table) -> pa.ChunkedArray:
    """Which rows of a manifest are CoRS, as `role_of` says it."""
    return pc.and_(pc.not_equal(manifest["codec"], ""), pc.equal(manifest["attack"], ""))


def are_recorded(manifest: pa.Table) -> pa.ChunkedArray:
    """Which rows are recordings that went through nothing, as `Holding.is_recorded` says it."""
    return pc.and_(pc.equal(manifest["key"], BONAFIDE), pc.equal(manifest["codec"], ""))
