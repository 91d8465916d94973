"""Measures how alike the artefacts of codecs are: draws utterances, compares residuals shard by shard, keeps rows."""

from __future__ import annotations

import io
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
from grid.core.record import Record, check_identity, finish, read_record
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
"""Raised by hand when the same audio gives other similarities than before."""
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
    """The recordings of a corpus and their CoRS, one rendition for each codec, in the order of the codecs."""

    recordings: Rendition
    resynthesised: tuple[Rendition, ...]

    @property
    def codecs(self) -> tuple[str, ...]:
        return tuple(rendition.chain.codec for rendition in self.resynthesised)


@dataclass(frozen=True)
class Piece:
    """What one worker takes: drawn recordings that lie in one shard, and the folders of their resynthesised versions.

    `resynthesised` are pairs of a codec and a folder.
    """

    corpus: str
    recordings: str
    resynthesised: tuple[tuple[str, str], ...]
    split: str
    utterance_ids: tuple[str, ...]


@dataclass(frozen=True)
class ArtefactJob:
    """All that the workers need; small and picklable."""

    root: str
    folder: str
    pieces: tuple[Piece, ...]

    def rows_path(self, number: int) -> str:
        """The file of the rows of a piece."""
        return f"{self.folder}/rows-{number:05d}.parquet"


def wanted_renditions(grid: Grid) -> tuple[CorpusRenditions, ...]:
    """What the `artefacts` of an experiment compare, one for each corpus whose split it uses. RequestError for none."""
    choice = artefact_choice(grid)
    codecs = choice.codecs or tuple(grid.experiment.codec_names())
    if len(codecs) < 2:
        raise RequestError(f"artefacts compare at least two codecs; the experiment has {', '.join(codecs) or 'none'}")
    used = [use for use in grid.uses if choice.split in use.source.splits]
    if not used:
        raise RequestError(f"artefacts: no corpus of the experiment is used for {choice.split}")
    return tuple(
        CorpusRenditions(
            grid.rendition(use.facts, RAW), tuple(grid.rendition(use.facts, Chain(codec=codec)) for codec in codecs)
        )
        for use in used
    )


def artefact_choice(grid: Grid) -> ArtefactChoice:
    """What the experiment file asks for; RequestError, with the line to write, where it asks for nothing."""
    if grid.experiment.artefacts is None:
        raise RequestError(
            "the experiment file asks for no comparison of artefacts; write `artefacts: {utterances: 100}`"
        )
    return grid.experiment.artefacts


def identity(grid: Grid) -> dict[str, object]:
    """Everything that can change a similarity."""
    choice, wanted = artefact_choice(grid), wanted_renditions(grid)
    return {
        "revision": ARTEFACTS_REVISION,
        "renditions": [[each.recordings.id, *(made.id for made in each.resynthesised)] for each in wanted],
        "utterances": choice.utterances,
        "split": choice.split,
        "seed": choice.seed,
        "spectrogram": {"fft": FFT_SAMPLES, "hop": HOP_SAMPLES, "dynamic_range": DYNAMIC_RANGE},
    }


def artefact_folder(grid: Grid) -> str:
    """Where the result lies in the store."""
    return f"artefacts/{digest(identity(grid))[:12]}"


def plan_artefacts(store: Store, grid: Grid) -> ArtefactJob:
    """Draws the utterances and groups them by the shard of their recording; the renditions must be there.

    Drawn are those with the smallest numbers of `seed_number`, of all recordings that every codec has and that are long
    enough: more utterances leave the first ones as they are, and so do other codecs. Raises RequestError for none.
    """
    choice, wanted = artefact_choice(grid), wanted_renditions(grid)
    ranked: list[tuple[int, CorpusRenditions, str, str]] = []
    for each in wanted:
        corpus = each.recordings.corpus.name
        for utterance, file in _comparable(store, each, choice.split):
            ranked.append((seed_number("artefacts", choice.seed, corpus, utterance), each, utterance, file))
    drawn = sorted(ranked, key=lambda item: item[0])[: choice.utterances]
    if not drawn:
        raise RequestError(f"artefacts: no recording of split {choice.split} is there in every codec")
    shards: dict[tuple[str, str], list[str]] = {}
    of_folder = {each.recordings.folder: each for each in wanted}
    for _, each, utterance, file in drawn:
        shards.setdefault((each.recordings.folder, file), []).append(utterance)
    pieces = tuple(
        _piece(of_folder[folder], choice.split, tuple(utterances)) for (folder, _), utterances in sorted(shards.items())
    )
    return ArtefactJob(store.root, artefact_folder(grid), pieces)


def pieces_to_do(store: Store, job: ArtefactJob) -> list[int]:
    """The numbers of the pieces that are not measured yet."""
    return [number for number in range(len(job.pieces)) if not store.exists(job.rows_path(number))]


def measure_piece(job: ArtefactJob, number: int) -> int:
    """Compares all pairs of codecs on the utterances of one piece, writes its rows, and gives how many these are."""
    store, piece = Store.open(job.root), job.pieces[number]
    audio = PieceAudio(store, piece)
    rows = [row for utterance in piece.utterance_ids for row in _compared(piece, utterance, audio.residuals(utterance))]
    with store.writing(job.rows_path(number)) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=PAIR_SCHEMA), temporary, compression="zstd")
    return len(rows)


def finish_artefacts(store: Store, grid: Grid, job: ArtefactJob) -> Record:
    """Joins the pieces, keeps the residuals of the first drawn utterance for a figure, and writes the record."""
    parts = [pq.read_table(store.local(job.rows_path(number))) for number in range(len(job.pieces))]
    table = pa.concat_tables(parts)
    with store.writing(f"{job.folder}/{PAIRS}") as temporary:
        pq.write_table(table, temporary, compression="zstd")
    piece = job.pieces[0]
    shown = piece.utterance_ids[0]
    residuals = PieceAudio(store, piece).residuals(shown)
    packed = io.BytesIO()
    halves: dict[str, Any] = {codec: found.spectrogram.astype(np.float16) for codec, found in residuals.items()}
    np.savez_compressed(packed, **halves)
    store.write_bytes(f"{job.folder}/{EXAMPLE}", packed.getvalue())
    utterances = sum(len(each.utterance_ids) for each in job.pieces)
    return finish(
        store,
        job.folder,
        kind="artefacts",
        identity=identity(grid),
        outputs=[PAIRS, EXAMPLE],
        results={"utterances": utterances, "codecs": list(residuals), "example": shown},
    )


def finished_artefacts(store: Store, grid: Grid) -> Record | None:
    """The record of the comparison that the experiment asks for, None while it is not there."""
    if grid.experiment.artefacts is None:
        return None
    folder = artefact_folder(grid)
    record = read_record(store, folder)
    if record is not None:
        check_identity(store, folder, record, identity(grid))
    return record


class PieceAudio:
    """The recordings of a piece and what each codec made of them."""

    def __init__(self, store: Store, piece: Piece) -> None:
        self.recordings = RenditionAudio(store, piece.recordings, piece.split)
        self.resynthesised = {codec: RenditionAudio(store, at, piece.split) for codec, at in piece.resynthesised}
        self._rows = {codec: _by_origin(audio) for codec, audio in self.resynthesised.items()}
        self._recorded = {name: row for row, name in enumerate(self.recordings.ids)}

    def residuals(self, utterance: str) -> dict[str, Residual]:
        """The residual of each codec on one recording."""
        recording = self.recordings.waveform(self._recorded[utterance])
        made: dict[str, Float32Array] = {
            codec: audio.waveform(self._rows[codec][utterance]) for codec, audio in self.resynthesised.items()
        }
        return {codec: residual(recording, waveform) for codec, waveform in made.items()}


def _comparable(store: Store, renditions: CorpusRenditions, split: str) -> Iterator[tuple[str, str]]:
    """The id and the shard of each recording that is long enough and that every codec has."""
    recordings = RenditionAudio(store, renditions.recordings.folder, split).table
    there = [_by_origin(RenditionAudio(store, made.folder, split)).keys() for made in renditions.resynthesised]
    for row in recordings.select(["utterance_id", "key", "codec", "path", "samples"]).to_pylist():
        recorded = row["key"] == BONAFIDE and not row["codec"] and row["samples"] >= LEAST_SAMPLES
        if recorded and all(row["utterance_id"] in each for each in there):
            yield row["utterance_id"], row["path"]


def _by_origin(audio: RenditionAudio) -> dict[str, int]:
    """The row of each recording's resynthesised version."""
    return {origin: row for row, origin in enumerate(audio.table["origin"].to_pylist())}


def _piece(renditions: CorpusRenditions, split: str, utterances: tuple[str, ...]) -> Piece:
    folders = tuple((made.chain.codec, made.folder) for made in renditions.resynthesised)
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
    """Two codecs, and the mean similarity of their residuals over the utterances; NaN where there is none."""

    codec_a: str
    codec_b: str
    ssim: float
    pearson: float


@dataclass(frozen=True)
class ArtefactResults:
    """All pairs of `codecs`, compared on `utterances` utterances.

    `example` is the name of one of these, `residuals` float (bins, frames) in dB of each codec on it.
    """

    utterances: int
    codecs: tuple[str, ...]
    pairs: tuple[ArtefactPair, ...]
    example: str = ""
    residuals: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def pair(self, one: str, other: str) -> ArtefactPair:
        """The pair of two codecs, in whichever order; KeyError if it was not compared."""
        for found in self.pairs:
            if {found.codec_a, found.codec_b} == {one, other}:
                return found
        raise KeyError((one, other))


def read_artefacts(store: Store, grid: Grid) -> ArtefactResults | None:
    """The comparison that the experiment of `grid` asks for; None where it asks for none, or has not been run."""
    record = finished_artefacts(store, grid)
    if record is None:
        return None
    folder = artefact_folder(grid)
    table = pq.read_table(store.local(f"{folder}/{PAIRS}")).to_pandas()
    means = table.groupby(["codec_a", "codec_b"], sort=False)[["ssim", "pearson"]].mean()
    with np.load(io.BytesIO(store.read_bytes(f"{folder}/{EXAMPLE}"))) as packed:
        residuals = {str(codec): packed[codec].astype(np.float32) for codec in packed.files}
    return ArtefactResults(
        utterances=int(record.results["utterances"]),
        codecs=tuple(record.results["codecs"]),
        pairs=tuple(ArtefactPair(str(a), str(b), float(s), float(p)) for (a, b), s, p in means.itertuples()),
        example=str(record.results["example"]),
        residuals=residuals,
    )
