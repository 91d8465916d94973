"""Owns what one wants to know of a corpus at a glance: counts, hours and speakers, and speakers that splits share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa

from grid.corpus.audio import SAMPLE_RATE
from grid.corpus.manifest import SPLITS


@dataclass(frozen=True)
class SplitCount:
    """How much of one key a split holds; `hours` of audio at 16 kHz, `speakers` counts different names, "" included."""

    split: str
    key: str
    utterances: int
    speakers: int
    hours: float


def summary(table: pa.Table) -> list[SplitCount]:
    """One SplitCount for each split and key a manifest holds; train, dev, test, bona fide before spoof."""
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
    """The named speakers that more than one split holds, sorted: a detector may then know a test speaker."""
    pairs = table.group_by(["speaker", "split"]).aggregate([])
    counts = Counter(name for name in pairs.column("speaker").to_pylist() if name)
    return sorted(name for name, splits in counts.items() if splits > 1)
