"""The similarity of codec artefacts, measured in pieces and read again for a report.

A fixed random draw of recordings is compared for all pairs of codecs by their residual spectrograms
(`grid.metrics.residuals`). One piece holds the drawn recordings of one shard, so that workers can measure pieces in
parallel and a later run resumes with the missing ones.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from grid.config.analyses import ArtefactChoice
from grid.core.errors import RequestError
from grid.core.identity import digest
from grid.core.randomness import seed_number
from grid.core.record import Record, check_identity, check_outputs, finish, read_record
from grid.core.store import Store
from grid.core.vocabulary import BONAFIDE
from grid.experiment.grid import Grid
from grid.metrics.residuals import (
    DYNAMIC_RANGE,
    FFT_SAMPLES,
    HOP_SAMPLES,
    LEAST_SAMPLES,
    Float32Array,
    Residual,
    pearson_correlation,
    residual,
    structural_similarity,
)
from grid.resynthesis.rendition import RAW, Chain, Rendition
from grid.resynthesis.rendition_audio import RenditionAudio

ARTEFACTS_REVISION = 1
"""To be raised by hand when the same audio gives other similarities than before."""
PAIRS, EXAMPLE = "pairs.parquet", "example.npz"
PAIR_SCHEMA = pa.schema(
    [
        ("corpus", pa.string()),
        ("utterance_id", pa.string()),
        ("codec_a", pa.string()),
        ("codec_b", pa.string()),
        ("ssim", pa.float64()),
        ("pearson", pa.float64()),
        ("lag_a", pa.int32()),
        ("lag_b", pa.int32()),
    ]
)


@dataclass(frozen=True)
class CorpusRenditions:
    """The renditions of a corpus: its recordings, and their CoRS for each codec, in the order of the codecs."""

    recordings: Rendition
    resynthesised: tuple[Rendition, ...]

    @property
    def codecs(self) -> tuple[str, ...]:
        return tuple(rendition.chain.codec for rendition in self.resynthesised)


@dataclass(frozen=True)
class Piece:
    """The unit of work: drawn recordings of one shard, and the renditions that hold their resynthesised versions.

    `recordings` is the folder of the recordings, `resynthesised` are pairs of a codec and a folder.
    """

    corpus: str
    recordings: str
    resynthesised: tuple[tuple[str, str], ...]
    split: str
    utterance_ids: tuple[str, ...]


@dataclass(frozen=True)
class ArtefactJob:
    """The input of the workers: store, result folder and pieces; small and picklable."""

    root: str
    folder: str
    pieces: tuple[Piece, ...]

    def rows_path(self, number: int) -> str:
        """The file with the rows of piece `number`."""
        return f"{self.folder}/rows-{number:05d}.parquet"


def compared_renditions(grid: Grid) -> tuple[CorpusRenditions, ...]:
    """The renditions to compare, one entry per corpus that is chosen and has the split.

    Raises RequestError for fewer than two codecs and when no such corpus has the split.
    """
    choice = artefact_choice(grid)
    codecs = choice.codecs or tuple(grid.experiment.codec_names())
    if len(codecs) < 2:
        raise RequestError(f"artefacts compare at least two codecs; the experiment has {', '.join(codecs) or 'none'}")
    chosen = [use for use in grid.uses if choice.corpora is None or use.name in choice.corpora]
    used = [use for use in chosen if choice.split in use.source.splits]
    if not used:
        of = ", ".join(choice.corpora or ["the experiment"])
        raise RequestError(f"artefacts: no corpus of {of} is used for {choice.split}")
    return tuple(
        CorpusRenditions(
            grid.rendition(use.facts, RAW), tuple(grid.rendition(use.facts, Chain(codec=codec)) for codec in codecs)
        )
        for use in used
    )


def artefact_choice(grid: Grid) -> ArtefactChoice:
    """The `artefacts` of the experiment file; RequestError, with the line to write, where it has none."""
    if grid.experiment.artefacts is None:
        raise RequestError(
            "the experiment file asks for no comparison of artefacts; write `artefacts: {utterances: 100}`"
        )
    return grid.experiment.artefacts


def identity(grid: Grid) -> dict[str, object]:
    """Everything that can change a similarity."""
    choice, compared = artefact_choice(grid), compared_renditions(grid)
    return {
        "revision": ARTEFACTS_REVISION,
        "renditions": [[corpus.recordings.id, *(cors.id for cors in corpus.resynthesised)] for corpus in compared],
        "utterances": choice.utterances,
        "split": choice.split,
        "seed": choice.seed,
        "spectrogram": {"fft": FFT_SAMPLES, "hop": HOP_SAMPLES, "dynamic_range": DYNAMIC_RANGE},
    }


def artefact_folder(grid: Grid) -> str:
    """The folder of the result in the store."""
    return f"artefacts/{digest(identity(grid))[:12]}"


def plan_artefacts(store: Store, grid: Grid) -> ArtefactJob:
    """Draws the utterances and groups them by the shard of their recording; the renditions must be finished.

    Of the recordings that every codec has and that are long enough, those with the smallest `seed_number` are drawn, so
    asking for more utterances or other codecs keeps the first ones. Raises RequestError when there are none.
    """
    choice, compared = artefact_choice(grid), compared_renditions(grid)
    ranked: list[tuple[int, CorpusRenditions, str, str]] = []
    for renditions in compared:
        corpus = renditions.recordings.corpus.name
        for utterance, file in _comparable(store, renditions, choice.split):
            ranked.append((seed_number("artefacts", choice.seed, corpus, utterance), renditions, utterance, file))
    drawn = sorted(ranked, key=lambda item: item[0])[: choice.utterances]
    if not drawn:
        raise RequestError(f"artefacts: no recording of split {choice.split} is available in every codec")
    shards: dict[tuple[str, str], list[str]] = {}
    of_folder = {renditions.recordings.folder: renditions for renditions in compared}
    for _, renditions, utterance, file in drawn:
        shards.setdefault((renditions.recordings.folder, file), []).append(utterance)
    pieces = tuple(
        _piece(of_folder[folder], choice.split, tuple(utterances)) for (folder, _), utterances in sorted(shards.items())
    )
    return ArtefactJob(store.root, artefact_folder(grid), pieces)


def unmeasured_pieces(store: Store, job: ArtefactJob) -> list[int]:
    """The numbers of the pieces that are not measured yet."""
    return [number for number in range(len(job.pieces)) if not store.exists(job.rows_path(number))]


def measure_piece(job: ArtefactJob, number: int) -> int:
    """Compares all pairs of codecs on the utterances of one piece; writes the rows and returns their number."""
    store, piece = Store.open(job.root), job.pieces[number]
    audio = PieceAudio(store, piece)
    rows = [row for utterance in piece.utterance_ids for row in _compared(piece, utterance, audio.residuals(utterance))]
    with store.writing(job.rows_path(number)) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=PAIR_SCHEMA), temporary, compression="zstd")
    return len(rows)


def finish_artefacts(store: Store, grid: Grid, job: ArtefactJob) -> Record:
    """Joins the pieces, stores the residuals of one utterance for a figure, and writes the record."""
    parts = [pq.read_table(store.local(job.rows_path(number))) for number in range(len(job.pieces))]
    table = pa.concat_tables(parts)
    with store.writing(f"{job.folder}/{PAIRS}") as temporary:
        pq.write_table(table, temporary, compression="zstd")
    piece = job.pieces[0]
    example = piece.utterance_ids[0]
    residuals = PieceAudio(store, piece).residuals(example)
    packed = io.BytesIO()
    halves: dict[str, Any] = {codec: item.spectrogram.astype(np.float16) for codec, item in residuals.items()}
    np.savez_compressed(packed, **halves)
    store.write_bytes(f"{job.folder}/{EXAMPLE}", packed.getvalue())
    utterances = sum(len(item.utterance_ids) for item in job.pieces)
    return finish(
        store,
        job.folder,
        kind="artefacts",
        identity=identity(grid),
        outputs=[PAIRS, EXAMPLE],
        results={"utterances": utterances, "codecs": list(residuals), "example": example},
    )


def finished_artefacts(store: Store, grid: Grid) -> Record | None:
    """The record of the comparison; None without `artefacts` in the experiment, or while it is not finished."""
    if grid.experiment.artefacts is None:
        return None
    folder = artefact_folder(grid)
    record = read_record(store, folder)
    if record is not None:
        check_identity(store, folder, record, identity(grid))
    return record


class PieceAudio:
    """The audio of a piece: its recordings and their version of each codec."""

    def __init__(self, store: Store, piece: Piece) -> None:
        self.recordings = RenditionAudio(store, piece.recordings, piece.split)
        self.resynthesised = {
            codec: RenditionAudio(store, folder, piece.split) for codec, folder in piece.resynthesised
        }
        self._resynthesised_rows = {codec: _by_origin(audio) for codec, audio in self.resynthesised.items()}
        self._recording_rows = {name: row for row, name in enumerate(self.recordings.ids)}

    def residuals(self, utterance: str) -> dict[str, Residual]:
        """The residual of each codec on one recording."""
        recording = self.recordings.waveform(self._recording_rows[utterance])
        waveforms: dict[str, Float32Array] = {
            codec: audio.waveform(self._resynthesised_rows[codec][utterance])
            for codec, audio in self.resynthesised.items()
        }
        return {codec: residual(recording, waveform) for codec, waveform in waveforms.items()}


def _comparable(store: Store, renditions: CorpusRenditions, split: str) -> Iterator[tuple[str, str]]:
    """The id and the shard file of each recording that is long enough and that every codec resynthesised."""
    recordings = RenditionAudio(store, renditions.recordings.folder, split).table
    origins = [_by_origin(RenditionAudio(store, cors.folder, split)).keys() for cors in renditions.resynthesised]
    for row in recordings.select(["utterance_id", "key", "codec", "path", "samples"]).to_pylist():
        is_long_recording = row["key"] == BONAFIDE and not row["codec"] and row["samples"] >= LEAST_SAMPLES
        if is_long_recording and all(row["utterance_id"] in ids for ids in origins):
            yield row["utterance_id"], row["path"]


def _by_origin(audio: RenditionAudio) -> dict[str, int]:
    """The row of the resynthesised version of each recording, by the id of the recording."""
    return {origin: row for row, origin in enumerate(audio.table["origin"].to_pylist())}


def _piece(renditions: CorpusRenditions, split: str, utterances: tuple[str, ...]) -> Piece:
    folders = tuple((cors.chain.codec, cors.folder) for cors in renditions.resynthesised)
    return Piece(renditions.recordings.corpus.name, renditions.recordings.folder, folders, split, utterances)


def _compared(piece: Piece, utterance: str, residuals: dict[str, Residual]) -> Iterator[dict[str, object]]:
    for (name_a, a), (name_b, b) in combinations(residuals.items(), 2):
        yield {
            "corpus": piece.corpus,
            "utterance_id": utterance,
            "codec_a": name_a,
            "codec_b": name_b,
            "ssim": structural_similarity(a.spectrogram, b.spectrogram),
            "pearson": pearson_correlation(a.spectrogram, b.spectrogram),
            "lag_a": a.lag,
            "lag_b": b.lag,
        }


@dataclass(frozen=True)
class ArtefactPair:
    """Two codecs and the similarities of their residuals, mean over the utterances, and on the example among them.

    NaN where undefined.
    """

    codec_a: str
    codec_b: str
    ssim: float
    pearson: float
    example_ssim: float = math.nan
    example_pearson: float = math.nan


@dataclass(frozen=True)
class ArtefactResults:
    """All pairs of `codecs`, compared on `utterances` utterances of `corpora`.

    `example` is the id of one of these, `residuals` has the residual (bins, frames) in dB of each codec on it.
    """

    utterances: int
    codecs: tuple[str, ...]
    pairs: tuple[ArtefactPair, ...]
    example: str = ""
    residuals: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    corpora: tuple[str, ...] = ()

    def pair(self, first: str, second: str) -> ArtefactPair:
        """The pair of two codecs, in either order; KeyError if it was not compared."""
        for pair in self.pairs:
            if {pair.codec_a, pair.codec_b} == {first, second}:
                return pair
        raise KeyError((first, second))


def read_artefacts(store: Store, grid: Grid) -> ArtefactResults | None:
    """The finished comparison; None as in `finished_artefacts`."""
    record = finished_artefacts(store, grid)
    if record is None:
        return None
    folder, example = artefact_folder(grid), str(record.results["example"])
    check_outputs(store, folder, record)
    table = pq.read_table(store.local(f"{folder}/{PAIRS}")).to_pandas()
    by_pair = ["codec_a", "codec_b"]
    means = table.groupby(by_pair, sort=False)[["ssim", "pearson"]].mean()
    on_example = table[table["utterance_id"] == example].groupby(by_pair, sort=False)[["ssim", "pearson"]].nth(0)
    with np.load(io.BytesIO(store.read_bytes(f"{folder}/{EXAMPLE}"))) as packed:
        residuals = {str(codec): packed[codec].astype(np.float32) for codec in packed.files}
    return ArtefactResults(
        utterances=int(record.results["utterances"]),
        codecs=tuple(record.results["codecs"]),
        pairs=tuple(
            ArtefactPair(str(a), str(b), float(ssim), float(pearson), float(here_ssim), float(here_pearson))
            for (a, b), (ssim, pearson), (here_ssim, here_pearson) in zip(
                means.index, means.to_numpy(), on_example.to_numpy(), strict=True
            )
        ),
        example=example,
        residuals=residuals,
        corpora=tuple(dict.fromkeys(table["corpus"])),
    )
