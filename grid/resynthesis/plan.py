"""The plan of a rendition: its input utterances, whether each is copied or processed, and its division into shards.

The last link of the rendition's chain, an attack, a codec or a control, is what processes:

    rendition      input                                                              treatment
    recordings     rows of the corpus that are not CoRS                               copied
    attack         the recordings                                                     attacked
    own~codec      the corpus's own attacks                                           coded
    codec (CoRS)   the corpus's own CoRS of the codec, if they are used               copied
                   pending rows of the codec, whose audio is the recording            coded
                   the recordings of the splits that have neither                     coded
    attack~codec   the attacked recordings                                            coded
    control        the test split of what is before it                                controlled

Inputs are at 16 kHz, except those of a codec that gets recordings from their files' own rates
(`Rendition.coded_natively`): they are read from the files of the corpus instead of the recordings' rendition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from grid.core.errors import RequestError
from grid.core.record import local_output, read_record
from grid.core.store import Store
from grid.core.vocabulary import SAMPLE_RATE, Control
from grid.corpus.holdings import are_attacks, are_cors, are_recorded
from grid.corpus.imported import StoredCorpus
from grid.corpus.manifest import MANIFEST_SCHEMA, PENDING, pending_rows
from grid.resynthesis.rendition import Rendition

SHARD_SECONDS = 600.0
"""About 19 MB of PCM16: 1,300 hours are 7,800 files, and a killed worker loses at most one shard."""
LEAST_SHARDS = 4
"""The least number of shards, so that a small corpus occupies several workers."""

IS_STORED, IS_PROCESSED, INPUT_ID, RENDERED_ID = "is_stored", "is_processed", "input_id", "rendered_id"
"""Columns of the input rows besides those of a manifest: whether the audio is in the parent's shards or in a file of
the corpus; whether the last link is applied; the id of the input, which seeds stochastic codecs; and the id in the
rendition."""
INPUT_RATE, INPUT_SAMPLES = "input_rate", "input_samples"
"""Further columns: the rate in Hz at which the audio is read, and its length at that rate."""

_PLANNED = ("utterance_id", "split", "key", "attack", "codec", "origin", "samples", PENDING)


@dataclass(frozen=True)
class RenderJob:
    """Everything a worker needs to render shards of one rendition; small and picklable.

    `parent` is the folder of the rendition whose shards are the input of the last link, "" where there is none or files
    are read instead, and `made_splits` the splits in which the link is applied to every recording, or, with
    `own_attacks`, to every attack of the corpus; `attack` is "" then. With a `control` both attack and codec are "".
    `corpus` is the folder of the imported corpus, "" where no row is taken from it, and `audio_root` the folder that
    its paths are relative to. `applied` says whether any row goes through the last link, `native` whether the codec
    gets its inputs from their files' own rates. `shards` are the `(start, stop)` rows of each shard and
    `shard_samples` its total length in samples at 16 kHz.
    """

    root: str
    folder: str
    parent: str
    made_splits: tuple[str, ...]
    corpus: str
    audio_root: str
    attack: str
    codec: str
    seed: int
    control: Control | Literal[""] = ""
    own_attacks: bool = False
    native: bool = False
    applied: bool = False
    shards: tuple[tuple[int, int], ...] = ()
    shard_samples: tuple[int, ...] = ()

    @property
    def last_link(self) -> tuple[str, str, Control | Literal[""]]:
        """The attack, the codec and the control to build, "" for none: one of them, or none when all is copied."""
        if not self.applied:
            return "", "", ""
        return ("", self.codec, "") if self.codec else (self.attack, "", self.control)


def plan_render(store: Store, rendition: Rendition, corpus: StoredCorpus) -> RenderJob:
    """The job that renders `rendition`, whose parent must be finished. Reads manifests only, no audio.

    Raises RequestError when two utterances would have the same id.
    """
    native = rendition.coded_natively
    parent = None if native else rendition.parent
    takes_rows = reads_recordings(rendition)
    job = RenderJob(
        root=store.root,
        folder=rendition.folder,
        parent=parent.folder if parent is not None else "",
        made_splits=rendition.made_splits,
        corpus=corpus.folder if takes_rows else "",
        audio_root=corpus.audio_root if takes_rows else "",
        attack="" if rendition.chain.control or rendition.chain.of_own_attacks else rendition.chain.attack,
        codec="" if rendition.chain.control else rendition.chain.codec,
        seed=rendition.seed,
        control=rendition.chain.control,
        own_attacks=rendition.chain.of_own_attacks,
        native=native,
    )
    rows = _inputs(store, job, _PLANNED)
    if _has_own(rendition):
        _check_unique(rows, rendition)
    samples = np.sort(rows["samples"].to_numpy())
    shards = shard_bounds(samples)
    return replace(
        job,
        applied=bool(pc.any(rows[IS_PROCESSED]).as_py()),
        shards=shards,
        shard_samples=tuple(int(samples[start:stop].sum()) for start, stop in shards),
    )


def reads_recordings(rendition: Rendition) -> bool:
    """Whether its workers read recordings of the corpus: without a parent rendition, or with rows of its own CoRS."""
    return rendition.coded_natively or rendition.parent is None or _has_own(rendition)


def _has_own(rendition: Rendition) -> bool:
    return bool(rendition.chain.codec) and not rendition.chain.control and bool(rendition.cors_parts.own)


def shard_bounds(samples: NDArray[np.int64], shard_seconds: float = SHARD_SECONDS) -> tuple[tuple[int, int], ...]:
    """The `(start, stop)` rows of each shard, from utterance lengths `(utterances,)` in samples and in shard order.

    The bounds depend on the lengths only, not on the number of workers.
    """
    if len(samples) == 0:
        return ()
    ends = np.cumsum(samples)
    total = int(ends[-1])
    count = max(-(-total // int(shard_seconds * SAMPLE_RATE)), min(LEAST_SHARDS, len(samples)))
    targets = (np.arange(1, count) * total) // count
    cuts = np.unique(np.concatenate([[0], np.searchsorted(ends, targets, side="left") + 1, [len(samples)]]))
    cuts = cuts[cuts <= len(samples)]
    return tuple((int(a), int(b)) for a, b in pairwise(cuts))


def input_rows(store: Store, job: RenderJob) -> pa.Table:
    """The input rows of a rendition in shard order: by length, copied before processed rows of a length.

    Columns are those of a manifest, `offset` (bytes, in the parent's shards), IS_STORED, IS_PROCESSED, INPUT_ID,
    RENDERED_ID, INPUT_RATE and INPUT_SAMPLES.
    """
    rows = _with_input_lengths(_inputs(store, job, (*MANIFEST_SCHEMA.names, "offset", PENDING)), job)
    order = ("samples", IS_PROCESSED, INPUT_RATE, INPUT_SAMPLES, INPUT_ID, RENDERED_ID)
    return rows.sort_by([(name, "ascending") for name in order])


def shards_to_do(store: Store, job: RenderJob) -> list[int]:
    """The numbers of the shards that are not finished; a shard's table of rows is written after its audio.

    The longest shard comes first, so that the workers end at about the same time.
    """
    files = set(store.names(job.folder))
    unfinished = [i for i in range(len(job.shards)) if rows_name(i) not in files or audio_name(i) not in files]
    return sorted(unfinished, key=lambda i: -job.shard_samples[i])


def audio_name(shard: int) -> str:
    """The file name of a shard's audio."""
    return f"shard-{shard:05d}.parquet"


def rows_name(shard: int) -> str:
    """The file name of a shard's table of rows."""
    return f"rows-{shard:05d}.parquet"


def _inputs(store: Store, job: RenderJob, columns: Sequence[str]) -> pa.Table:
    """The input rows in no defined order, with those of `columns` that exist."""
    parts = []
    if job.corpus:
        parts += _inputs_of_corpus(_read(store, job.corpus, columns), job)
    if job.parent:
        rows = _read(store, job.parent, columns)
        rows = rows.filter(_are_made(rows, job))
        if not (job.control or (job.attack and job.codec)):  # a parent of recordings has the corpus's attacks too
            rows = rows.filter(_are_applied_to(rows, job))
        parts.append(_processed(rows, job, id_column="utterance_id", stored=True))
    return pa.concat_tables(parts, promote_options="default")


def _inputs_of_corpus(manifest: pa.Table, job: RenderJob) -> list[pa.Table]:
    """The input rows whose audio is in files of the corpus."""
    if not (job.attack or job.codec):
        return [_copied(manifest.filter(pc.invert(are_cors(manifest))))]
    made = _are_made(manifest, job)
    of_codec = pc.and_(are_cors(manifest), pc.equal(manifest["codec"], job.codec))
    own = manifest.filter(pc.and_(of_codec, pc.invert(made)))
    pending = pending_rows(own)
    parts = [
        _copied(own.filter(pc.invert(pending))),
        _processed(own.filter(pending), job, id_column="origin", stored=False),
    ]
    if job.native:
        inputs = manifest.filter(pc.and_(_are_applied_to(manifest, job), made))
        parts.append(_processed(inputs, job, id_column="utterance_id", stored=False))
    return parts


def _are_applied_to(rows: pa.Table, job: RenderJob) -> pa.ChunkedArray:
    """A mask of the utterances of the corpus that the last link is for: its recordings, or its own attacks."""
    return are_attacks(rows) if job.own_attacks else are_recorded(rows)


def _are_made(rows: pa.Table, job: RenderJob) -> pa.ChunkedArray:
    """A mask of the rows of the splits in which the last link is applied to every recording."""
    return pc.is_in(rows["split"], pa.array(job.made_splits, pa.string()))


def _with_input_lengths(rows: pa.Table, job: RenderJob) -> pa.Table:
    """The rows with INPUT_RATE and INPUT_SAMPLES: of the file where the codec gets it from there, else at 16 kHz."""
    above = pc.greater(rows["sample_rate"], SAMPLE_RATE)
    from_file = pc.and_(pc.and_(rows[IS_PROCESSED], above), pa.scalar(job.native))
    frames = pc.cast(pc.round(pc.multiply(rows["seconds"], rows["sample_rate"])), pa.int64())
    rates = pc.if_else(from_file, rows["sample_rate"], SAMPLE_RATE)
    rows = rows.append_column(INPUT_RATE, pc.cast(rates, pa.int32()))
    return rows.append_column(INPUT_SAMPLES, pc.if_else(from_file, frames, rows["samples"]))


def _copied(rows: pa.Table) -> pa.Table:
    return _marked(rows, rows["utterance_id"], rows["utterance_id"], stored=False, processed=False)


def _processed(rows: pa.Table, job: RenderJob, *, id_column: str, stored: bool) -> pa.Table:
    """Rows that go through the last link; `id_column` has the ids of their inputs.

    RENDERED_ID: `p226_003` -> `p226_003~opus-6kbps`; `p226_003~world` -> `p226_003~world~opus-6kbps`.
    """
    rendered = pc.binary_join_element_wise(rows[id_column], job.control or job.codec or job.attack, "~")
    return _marked(rows, rows[id_column], rendered, stored=stored, processed=True)


def _marked(
    rows: pa.Table, inputs: pa.ChunkedArray, rendered: pa.ChunkedArray, *, stored: bool, processed: bool
) -> pa.Table:
    marks = {INPUT_ID: inputs, RENDERED_ID: rendered}
    for name, value in ((IS_STORED, stored), (IS_PROCESSED, processed)):
        marks[name] = pa.chunked_array([pa.repeat(pa.scalar(value), rows.num_rows)])
    if not stored and "path" in rows.column_names:
        marks["offset"] = pa.chunked_array([pa.repeat(pa.scalar(0, pa.int64()), rows.num_rows)])
    for name, column in marks.items():
        rows = rows.append_column(name, column)
    return rows.drop_columns([PENDING]) if PENDING in rows.column_names else rows


def _read(store: Store, folder: str, columns: Sequence[str]) -> pa.Table:
    record = read_record(store, folder)  # a rendition has one, with a digest; an imported corpus has none
    name = "manifest.parquet"
    path = local_output(store, folder, record, name) if record is not None else store.local(f"{folder}/{name}")
    present = pq.read_schema(path).names
    return pq.read_table(path, columns=[name for name in columns if name in present])


def _check_unique(rows: pa.Table, rendition: Rendition) -> None:
    ids = rows[RENDERED_ID]
    if pc.count_distinct(ids).as_py() == len(ids):
        return
    counts = pc.value_counts(ids)
    repeated = pc.filter(counts.field("values"), pc.greater(counts.field("counts"), 1))
    raise RequestError(
        f"corpus {rendition.corpus.name!r}: {len(repeated)} ids of its CoRS of {rendition.chain.codec} would come more "
        f"than once, such as {repeated[0].as_py()!r}; a recording may have one row that is pending for a codec"
    )
