"""A corpus through a codec: shards with digests and rows, beside a plain loop that writes a file for each utterance.

Ours is what a run does on this machine: a process with one core for each core (two at least), each making shards. The
loop is what one writes first: one process, the same codec with the same weights, its modules as its authors wrote them,
torch with all its threads. For the neural codecs a second loop has our faster modules, which shows what they give, and
what processes give.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from grid.codecs.contract import Codec
from grid.core.vocabulary import SAMPLE_RATE
from grid.resynthesis.plan import RenderJob, plan_render
from grid.resynthesis.processor import CodecLink
from grid.resynthesis.render import ShardRenderer
from grid.resynthesis.rendition import RAW, Chain
from grid.resynthesis.rendition_audio import RenditionAudio, StoredShards
from grid.resynthesis.shards import stored_utterance
from tests.benchmarks.comparison import Contest
from tests.benchmarks.random_codecs import build_as_published, build_random
from tests.benchmarks.sample_grid import LONGER, SAMPLE, sample_grid, write_files, write_longer_corpus
from tests.benchmarks.shard_workers import shard_workers
from tests.support.lyra_weights import needs_lyra
from tests.support.tiny_grid import Tiny, render

CLASSICAL = ["vorbis-25kbps", "mp3-32kbps", "gsm-06.10", "mu-law"]
FAMILY = ["controlled-mvq-none-time", "controlled-svq-none-freq"]
LIGHT = ["opus-6kbps", "lyra-v2-3.2kbps", *CLASSICAL, *FAMILY]
HEAVY = [
    "encodec-24khz-6kbps",
    "dac-24khz",
    "snac-24khz",
    "mimi-8cb",
    "x-codec-hubert-general",
]
"""At their published size, with random weights."""
HEAVY_UTTERANCES, IN_A_ROW = 12, (1, 2)
"""Half of 1.5 to 2.5 s, half of 3 to 5, so that two processes are about evenly filled, as they are by a real corpus of
thousands; no more, because a second of audio takes some codecs a second or more of a core."""
GROUPS_OF_EIGHT, GROUPED_UTTERANCES = ["bigcodec"], 32
"""What takes eight items together has eight in each of the four shards, as in a real one of hundreds."""
WORKERS = max(2, os.cpu_count() or 2)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return with_recordings(sample_grid(tmp_path_factory.mktemp("resynthesis"), SAMPLE, LIGHT, {}))


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return longer_grid(tmp_path_factory.mktemp("resynthesis-few"), HEAVY_UTTERANCES, HEAVY)


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return longer_grid(tmp_path_factory.mktemp("resynthesis-grouped"), GROUPED_UTTERANCES, GROUPS_OF_EIGHT)


def longer_grid(folder: Path, utterances: int, codecs: list[str]) -> Tiny:
    write_longer_corpus(folder, utterances, IN_A_ROW)
    return with_recordings(sample_grid(folder, LONGER, codecs, {}))


def with_recordings(tiny: Tiny) -> Tiny:
    raw = tiny.grid.rendition(tiny.grid.corpora[0], RAW)
    render(tiny.store, raw, plan_render(tiny.store, raw, tiny.corpus()))
    return tiny


def loop_over_files(files: list[Path], codec: Codec, out: Path) -> None:
    out.mkdir(exist_ok=True)
    for file in files:
        waveform = soundfile.read(file, dtype="float32")[0]
        soundfile.write(out / file.name, codec.resynthesise(waveform[None], [file.stem])[0], SAMPLE_RATE)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[needs_lyra] if name.startswith("lyra") else []) for name in LIGHT]
)
def test_resynthesis(contest: Contest, sample: Tiny, tmp_path: Path, name: str) -> None:
    compare(contest, sample, tmp_path, name, rounds=3)


@pytest.mark.parametrize("name", HEAVY)
def test_resynthesis_with_random_weights(contest: Contest, few: Tiny, tmp_path: Path, name: str) -> None:
    compare(contest, few, tmp_path, name, rounds=1)


@pytest.mark.parametrize("name", GROUPS_OF_EIGHT)
def test_resynthesis_of_groups_with_random_weights(contest: Contest, grouped: Tiny, tmp_path: Path, name: str) -> None:
    compare(contest, grouped, tmp_path, name, rounds=1)


@needs_lyra
def test_resynthesis_in_one_process(contest: Contest, sample: Tiny, tmp_path: Path) -> None:
    """What reading ahead and writing behind give where there is only one worker."""
    job, files = prepared(sample, tmp_path, "lyra-v2-3.2kbps")
    codec = build_random(job.codec)
    renderer = ShardRenderer(job, CodecLink(codec, job.seed))
    contest.rate(
        f"resynthesis with {job.codec}, one process",
        "hours of audio/hour",
        duration(files),
        lambda: [renderer.render(shard) for shard in range(len(job.shards))],
        {"loop over FLAC files": lambda: loop_over_files(files, codec, tmp_path / "out")},
        rounds=3,
    )


def compare(contest: Contest, tiny: Tiny, folder: Path, name: str, rounds: int) -> None:
    job, files = prepared(tiny, folder, name)
    loops = {"loop over FLAC files": warm_loop(files, build_as_published(name), folder / "out")}
    if name in HEAVY + GROUPS_OF_EIGHT:
        loops["the same loop, our modules"] = warm_loop(files, build_random(name), folder / "out-quick")
    with shard_workers(job, WORKERS) as workers:
        contest.rate(
            f"resynthesis with {name}, {WORKERS} processes",
            "hours of audio/hour",
            duration(files),
            workers.render,
            loops,
            rounds=rounds,
        )
    shards = StoredShards(tiny.store, job.folder)
    rows = pq.read_table(tiny.store.local(f"{job.folder}/rows-00000.parquet")).to_pylist()
    assert rows
    for row in rows:
        ours = shards.waveform(stored_utterance(row))
        by_loop = soundfile.read(folder / "out" / f"{row['origin']}.flac", dtype="float32")[0]
        if name not in HEAVY + GROUPS_OF_EIGHT + FAMILY:
            np.testing.assert_allclose(ours, by_loop, atol=2**-14)
        else:  # with another number of threads, what lies between two codes may fall to either
            assert np.abs(ours - by_loop).mean() <= 0.02 * by_loop.std() + 2**-14


def warm_loop(files: list[Path], codec: Codec, out: Path) -> Callable[[], None]:
    """The loop; its codec has loaded what loads at first use."""
    codec.resynthesise(np.zeros((1, 1_600), dtype=np.float32), ["warm"])
    return lambda: loop_over_files(files, codec, out)


def prepared(tiny: Tiny, folder: Path, name: str) -> tuple[RenderJob, list[Path]]:
    """The job, and the same recordings as FLAC files."""
    grid = tiny.grid
    raw, made = (grid.rendition(grid.corpora[0], chain) for chain in (RAW, Chain(codec=name)))
    job = plan_render(tiny.store, made, tiny.corpus())
    parts = [RenditionAudio(tiny.store, raw.folder, split) for split in ("train", "dev", "test")]
    files = [file for audio in parts for file in write_files(audio, folder / "in", ".flac")]
    return job, files


def duration(files: list[Path]) -> float:
    """Seconds of audio, which per second of time are hours per hour."""
    return sum(soundfile.info(file).duration for file in files)
