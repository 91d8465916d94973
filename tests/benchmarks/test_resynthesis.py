"""A corpus through a codec: shards with digests and rows, beside a plain loop that writes a file for each utterance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from grid.audio_source import RenditionAudio
from grid.codecs.catalogue import build
from grid.corpus.audio import SAMPLE_RATE
from grid.processor import build_processor
from grid.render import ShardRenderer, StoredShards
from grid.render_plan import RenderJob, plan_render
from grid.rendition import RAW, Chain
from tests.benchmarks.comparison import Contest
from tests.benchmarks.sample_grid import SAMPLE, sample_grid, write_files
from tests.tiny_grid import Tiny, render

CODECS = ["opus-6kbps", "lyra-v2-3.2kbps"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    tiny = sample_grid(tmp_path_factory.mktemp("resynthesis"), SAMPLE, CODECS, {})
    corpus, grid = tiny.corpus(), tiny.grid
    raw = grid.rendition(grid.corpora[0], RAW)
    render(tiny.store, raw, plan_render(tiny.store, raw, corpus))
    return tiny


def render_shards(job: RenderJob, renderer: ShardRenderer) -> None:
    for shard in range(len(job.shards)):
        renderer.render(shard)


def loop_over_files(files: list[Path], codec: str, out: Path) -> None:
    built = build(codec)
    for file in files:
        waveform = soundfile.read(file, dtype="float32")[0]
        soundfile.write(out / file.name, built.resynthesise(waveform[None], [file.stem])[0], SAMPLE_RATE)


@pytest.mark.parametrize("codec", CODECS)
def test_resynthesis(contest: Contest, tiny: Tiny, tmp_path: Path, codec: str) -> None:
    grid = tiny.grid
    raw, made = (grid.rendition(grid.corpora[0], chain) for chain in (RAW, Chain(codec=codec)))
    job = plan_render(tiny.store, made, tiny.corpus())
    renderer = ShardRenderer(job, build_processor(*job.last_link, job.seed))
    parts = [RenditionAudio(tiny.store, raw.folder, split) for split in ("train", "dev", "test")]
    files = [file for audio in parts for file in write_files(audio, tmp_path / "in", ".flac")]
    (tmp_path / "out").mkdir()
    hours = sum(soundfile.info(file).duration for file in files) / 3600
    contest.rate(
        f"resynthesis with {codec}, one process",
        "hours of audio/hour",
        hours * 3600,
        lambda: render_shards(job, renderer),
        {"loop over FLAC files": lambda: loop_over_files(files, codec, tmp_path / "out")},
        rounds=2,
    )
    rows = pq.read_table(tiny.store.local(f"{job.folder}/rows-00000.parquet")).to_pylist()
    shards = StoredShards(tiny.store, job.folder)
    for row in rows:
        by_loop = soundfile.read(tmp_path / "out" / f"{row['origin']}.flac", dtype="float32")[0]
        np.testing.assert_allclose(shards.waveform(row["path"], row["offset"], row["samples"]), by_loop, atol=2**-14)
