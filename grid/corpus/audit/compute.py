"""The computation of an audit from the manifests of corpora and the features of their files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grid.core.errors import RequestError
from grid.core.vocabulary import BONAFIDE, SAMPLE_RATE, SPLITS, Split
from grid.corpus.audit.features import AUDIO_DIGEST, measured_rows
from grid.corpus.audit.results import (
    CLASSES,
    CORS,
    NUMBERS,
    AudioClass,
    Audit,
    ClassShortcut,
    Group,
    Number,
    SharedSpeakers,
    Spread,
)
from grid.corpus.holdings import are_cors, shared_speakers
from grid.metrics.separation import separation
from grid.metrics.shortcut_features import FEATURES


@dataclass(frozen=True)
class AuditedCorpus:
    """A corpus to audit, or a part of it: only `splits`, and its own CoRS only `with_cors`.

    `features` are those of `read_features`, None where the audio was not measured. `disjoint_speakers` says who
    promises that each speaker is in one split only, "" for nobody.
    """

    name: str
    manifest: pa.Table
    features: pa.Table | None = None
    disjoint_speakers: str = ""
    splits: Sequence[str] = SPLITS
    with_cors: bool = True

    def used(self, rows: pa.Table) -> pa.ChunkedArray:
        """A mask of the rows that are used."""
        used = pc.is_in(rows["split"], value_set=pa.array(self.splits))
        return used if self.with_cors else pc.and_(used, pc.invert(are_cors(rows)))

    def shared_speakers(self) -> SharedSpeakers:
        """Its speakers that are in more than one split."""
        found = shared_speakers(self.manifest.filter(self.used(self.manifest)))
        return SharedSpeakers(self.name, tuple(found), self.disjoint_speakers)


def audit(corpora: Sequence[AuditedCorpus]) -> Audit:
    """Audits `corpora` together. Raises RequestError where none of them has an utterance to audit."""
    unmeasured = tuple(corpus.name for corpus in corpora if corpus.features is None)
    utterances = pa.concat_tables([_utterances(corpus, with_audio=not unmeasured) for corpus in corpora])
    if not utterances.num_rows:
        raise RequestError(f"no utterance to audit in {', '.join(corpus.name for corpus in corpora)}")
    for name, column in (("repeated", "audio"), ("of_shared_speaker", "speaker")):
        utterances = utterances.append_column(name, _in_several_splits(utterances, column))
    numbers = [name for name in NUMBERS if name in utterances.column_names]
    parts = {
        (split, kind): part for split in SPLITS for kind in CLASSES if (part := _part(utterances, split, kind)).num_rows
    }
    return Audit(
        corpora=tuple(corpus.name for corpus in corpora),
        groups=tuple(_group(split, kind, part, numbers) for (split, kind), part in parts.items()),
        shortcuts=tuple(_shortcuts(parts, numbers)),
        shared_speakers=tuple(shared for corpus in corpora if (shared := corpus.shared_speakers()).speakers),
        unmeasured=unmeasured,
    )


def _utterances(corpus: AuditedCorpus, *, with_audio: bool) -> pa.Table:
    """The rows that are not pending with their class, a digest of their audio and the numbers that are known.

    `speaker` is null where the protocol names none.
    """
    rows = measured_rows(corpus.manifest)
    named = pc.binary_join_element_wise(corpus.name, rows["speaker"], "/")
    columns: dict[str, Any] = {
        "split": rows["split"],
        "kind": pc.if_else(are_cors(rows), CORS, rows["key"]),
        "speaker": pc.if_else(pc.equal(rows["speaker"], ""), None, named),
        "audio": rows["sha256"],
        "sampling rate": pc.divide(pc.cast(rows["sample_rate"], pa.float64()), 1000),
        "duration": pc.divide(pc.cast(rows["samples"], pa.float64()), SAMPLE_RATE),
    }
    if with_audio and corpus.features is not None:
        if not corpus.features["utterance_id"].equals(rows["utterance_id"]):
            raise ValueError(f"the features of {corpus.name} are of other utterances than its manifest")
        columns["audio"] = corpus.features[AUDIO_DIGEST]
        columns.update({name: corpus.features[name] for name in FEATURES})
    return pa.table(columns).filter(corpus.used(rows))


def _in_several_splits(utterances: pa.Table, column: str) -> pa.ChunkedArray:
    """A mask of the utterances whose value of `column` is in more than one split; false for null."""
    counted = utterances.group_by(column).aggregate([("split", "count_distinct")])
    several = counted.filter(pc.greater(counted["split_count_distinct"], 1))[column].drop_null()
    return pc.is_in(utterances[column], value_set=several.combine_chunks())


def _part(utterances: pa.Table, split: str, kind: AudioClass) -> pa.Table:
    return utterances.filter(pc.and_(pc.equal(utterances["split"], split), pc.equal(utterances["kind"], kind)))


def _group(split: str, kind: AudioClass, part: pa.Table, numbers: Iterable[Number]) -> Group:
    rates = part.group_by("sampling rate").aggregate([([], "count_all")]).sort_by("sampling rate").to_pylist()
    return Group(
        split=split,
        kind=kind,
        utterances=part.num_rows,
        speakers=pc.count_distinct(part["speaker"]).as_py(),
        hours=pc.sum(part["duration"]).as_py() / 3600,
        rates={round(1000 * row["sampling rate"]): row["count_all"] for row in rates},
        repeated=pc.sum(part["repeated"]).as_py(),
        of_shared_speakers=pc.sum(part["of_shared_speaker"]).as_py(),
        spreads={name: Spread(*map(float, np.percentile(part[name].to_numpy(), (25, 50, 75)))) for name in numbers},
    )


def _shortcuts(
    parts: Mapping[tuple[Split, AudioClass], pa.Table], numbers: Sequence[Number]
) -> Iterator[ClassShortcut]:
    for (split, kind), part in parts.items():
        recorded = parts.get((split, BONAFIDE))
        if kind == BONAFIDE or recorded is None:
            continue
        for name in numbers:
            found = separation(recorded[name].to_numpy(), part[name].to_numpy(), condition=f"{split}, {name}")
            yield ClassShortcut(split, kind, name, found)
