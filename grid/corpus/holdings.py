"""The role of an utterance in the study (recording, CoRS, attack or CoSG), and how many of each a corpus holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from grid.core.vocabulary import BONAFIDE, SAMPLE_RATE, SPLITS, SPOOF, Role
from grid.corpus.manifest import pending_rows


@dataclass(frozen=True)
class CorsParts:
    """The source of the CoRS of one codec in each split of a corpus.

    In the splits of `own` they are rows of the corpus; in those of `made` they are made from its recordings. `applied`
    says whether the codec has to be run, on recordings or on pending rows.
    """

    own: tuple[str, ...]
    made: tuple[str, ...]
    applied: bool


@dataclass(frozen=True)
class CorpusFacts:
    """An imported corpus: its name, the digest of its manifest, its holdings, and the sampling rates of its files.

    `recorded_rates` are those of recordings and pending rows, `attack_rates` those of its own attacks, in Hz.
    """

    name: str
    manifest_digest: str
    holdings: tuple[Holding, ...] = ()
    recorded_rates: tuple[int, ...] = ()
    attack_rates: tuple[int, ...] = ()

    @property
    def has_cors(self) -> bool:
        """Whether rows of the corpus are CoRS."""
        return any(held.role == "cors" for held in self.holdings)

    def has_attacks(self, splits: Sequence[str]) -> bool:
        """Whether one of these splits has attacks of its own that no codec has decoded."""
        return any(held.role == "attack" and held.split in splits for held in self.holdings)

    def cors_parts(self, codec: str, *, own: bool, splits: Sequence[str] = SPLITS) -> CorsParts:
        """The source of the CoRS of `codec` in `splits`; with `own`, the rows of the corpus where a split has some."""
        rows = [held for held in self.holdings if own and held.role == "cors" and held.codec == codec]
        own_splits = tuple(split for split in splits if any(held.split == split for held in rows))
        made = tuple(split for split in splits if split not in own_splits)
        recorded = not self.holdings or any(held.is_recorded and held.split in made for held in self.holdings)
        return CorsParts(own_splits, made, recorded or any(held.pending and held.split in own_splits for held in rows))


def role_of(key: str, attack: str, codec: str) -> Role:
    """The role of an utterance in a trial.

    An utterance with a codec and without an attack is CoRS, whatever its published key: its label is set by the
    labelling policy. A spoof with a codec is CoSG, any other spoof an attack.
    """
    if codec and not attack:
        return "cors"
    if key == SPOOF:
        return "cosg" if codec else "attack"
    return "raw"


@dataclass(frozen=True)
class Holding:
    """The number of `utterances` of a corpus with this split, role and codec ("" for none) that are pending or not."""

    split: str
    role: Role
    codec: str
    pending: bool
    utterances: int

    @property
    def is_recorded(self) -> bool:
        """Whether these are unprocessed recordings, the input of codecs and attacks."""
        return self.role == "raw" and not self.codec


def holdings(manifest: pa.Table) -> tuple[Holding, ...]:
    """The holdings of a manifest, sorted by split (train, dev, test), role and codec."""
    columns = ["split", "key", "attack", "codec"]
    table = manifest.select(columns).append_column("pending", pending_rows(manifest))
    counts: Counter[tuple[str, Role, str, bool]] = Counter()
    for row in table.group_by([*columns, "pending"]).aggregate([([], "count_all")]).to_pylist():
        role = role_of(row["key"], row["attack"], row["codec"])
        counts[row["split"], role, row["codec"], row["pending"]] += row["count_all"]
    ordered = sorted(counts, key=lambda kind: (SPLITS.index(kind[0]), *kind[1:]))
    return tuple(Holding(*kind, utterances=counts[kind]) for kind in ordered)


def are_cors(manifest: pa.Table) -> pa.ChunkedArray:
    """A mask of the rows of a manifest that are CoRS, as in `role_of`."""
    return pc.and_(pc.not_equal(manifest["codec"], ""), pc.equal(manifest["attack"], ""))


def are_recorded(manifest: pa.Table) -> pa.ChunkedArray:
    """A mask of the rows that are unprocessed recordings, as in `Holding.is_recorded`."""
    return pc.and_(pc.equal(manifest["key"], BONAFIDE), pc.equal(manifest["codec"], ""))


def are_attacks(manifest: pa.Table) -> pa.ChunkedArray:
    """A mask of the rows that are attacks, as in `role_of`: spoofs without a codec."""
    return pc.and_(pc.equal(manifest["key"], SPOOF), pc.equal(manifest["codec"], ""))


def attack_rates(manifest: pa.Table) -> tuple[int, ...]:
    """The sampling rates in Hz, sorted, of the files of its own attacks."""
    return tuple(sorted(pc.unique(manifest.filter(are_attacks(manifest))["sample_rate"]).to_pylist()))


def recorded_rates(manifest: pa.Table) -> tuple[int, ...]:
    """The sampling rates in Hz, sorted, of the files that codecs are applied to: recordings and pending rows."""
    coded = manifest.filter(pc.or_(are_recorded(manifest), pending_rows(manifest)))
    return tuple(sorted(pc.unique(coded["sample_rate"]).to_pylist()))


def corpus_facts_of(name: str, manifest_digest: str, manifest: pa.Table) -> CorpusFacts:
    """The facts of a corpus, from its manifest."""
    return CorpusFacts(name, manifest_digest, holdings(manifest), recorded_rates(manifest), attack_rates(manifest))


@dataclass(frozen=True)
class SplitCount:
    """The amount of one key in a split: utterances, hours of audio, and different speaker names, "" included."""

    split: str
    key: str
    utterances: int
    speakers: int
    hours: float


def summary(table: pa.Table) -> list[SplitCount]:
    """One SplitCount for each split and key of a manifest: train, dev, test, and bona fide before spoof."""
    counted = table.group_by(["split", "key"]).aggregate(
        [("utterance_id", "count"), ("speaker", "count_distinct"), ("samples", "sum")]
    )
    rows = [
        SplitCount(
            split=row["split"],
            key=row["key"],
            utterances=row["utterance_id_count"],
            speakers=row["speaker_count_distinct"],
            hours=row["samples_sum"] / SAMPLE_RATE / 3600,
        )
        for row in counted.to_pylist()
    ]
    return sorted(rows, key=lambda row: (SPLITS.index(row.split), row.key))


def shared_speakers(table: pa.Table) -> list[str]:
    """The sorted names of speakers in more than one split: a detector may then have been trained on a test speaker."""
    pairs = table.group_by(["speaker", "split"]).aggregate([])
    counts = Counter(name for name in pairs.column("speaker").to_pylist() if name)
    return sorted(name for name, splits in counts.items() if splits > 1)
