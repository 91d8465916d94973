"""Random crops for training from shards, beside files read one by one and Parquet row groups; all in the page cache."""

from __future__ import annotations

import io
from functools import cache, partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from numpy.typing import NDArray

from grid.inputs.crop import crop_generator, fixed_length
from grid.resynthesis.plan import plan_render
from grid.resynthesis.rendition import RAW
from grid.resynthesis.rendition_audio import RenditionAudio
from tests.benchmarks.comparison import Contest
from tests.benchmarks.sample_grid import LONGER, sample_grid, write_files, write_longer_corpus
from tests.support.tiny_grid import render

UTTERANCES = 384
CROP = 48_000
Samples = NDArray[np.float32]


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> RenditionAudio:
    folder = tmp_path_factory.mktemp("reads")
    write_longer_corpus(folder, UTTERANCES + 2)
    tiny = sample_grid(folder, LONGER, ["opus-6kbps"], {})
    corpus, grid = tiny.corpus(), tiny.grid
    raw = grid.rendition(grid.corpora[0], RAW)
    render(tiny.store, raw, plan_render(tiny.store, raw, corpus))
    return RenditionAudio(tiny.store, raw.folder, "train")


def cropped(waveform: Samples, name: str) -> Samples:
    return fixed_length(waveform, CROP, "random", crop_generator(0, 0, name))


def from_shards(audio: RenditionAudio, rows: list[int]) -> list[Samples]:
    return [cropped(audio.waveform(row), audio.ids[row]) for row in rows]


def from_files(audio: RenditionAudio, files: list[Path], rows: list[int]) -> list[Samples]:
    return [cropped(soundfile.read(files[row], dtype="float32")[0], audio.ids[row]) for row in rows]


def from_row_groups(audio: RenditionAudio, folder: Path, rows: list[int]) -> list[Samples]:
    """Opens each shard once; for each utterance takes the row group that holds it."""
    places = {}
    opened = cache(lambda file: pq.ParquetFile(folder / file))
    for file in set(audio.table["path"].to_pylist()):
        for group in range(opened(file).num_row_groups):
            ids = opened(file).read_row_group(group, columns=["utterance_id"])["utterance_id"].to_pylist()
            places.update({name: (file, group, position) for position, name in enumerate(ids)})
    found = []
    for row in rows:
        file, group, position = places[audio.ids[row]]
        wav = opened(file).read_row_group(group, columns=["audio"])["audio"][position].as_py()["bytes"]
        found.append(cropped(soundfile.read(io.BytesIO(wav), dtype="float32")[0], audio.ids[row]))
    return found


def test_random_crops(contest: Contest, audio: RenditionAudio, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).permutation(UTTERANCES).tolist()
    shards = Path(audio._shards.store.uri(audio.folder))
    others = {
        "FLAC files, soundfile": partial(from_files, audio, write_files(audio, tmp_path, ".flac"), rows),
        "WAV files, soundfile": partial(from_files, audio, write_files(audio, tmp_path, ".wav"), rows),
        "the same shards, pyarrow row groups": partial(from_row_groups, audio, shards, rows),
    }
    what, ours = f"random crops of {CROP} samples", partial(from_shards, audio, rows)
    contest.rate(what, "utterances/s", UTTERANCES, ours, others)
    expected = np.stack(ours())
    for other in others.values():
        np.testing.assert_array_equal(np.stack(other()), expected)
