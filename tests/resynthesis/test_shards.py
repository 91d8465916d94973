"""Audio shards: exact round trip, readable by common libraries, reproducible bytes, and detection of damage."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pyarrow.parquet as pq
import pytest
import soundfile
from numpy.typing import NDArray

from grid.corpus.audio import read_audio
from grid.resynthesis.shards import DamagedShardError, ShardEntry, ShardReader, to_pcm16, wav_header, write_shard
from tests.support.speechlike import tone


def items(count: int = 150) -> list[tuple[str, NDArray[np.float32]]]:
    """Utterances of uneven length, so that offsets fall on odd bytes too; more than two row groups."""
    return [(f"utterance-{i}", tone(1_000 + 37 * i, hertz=100 + 10 * i, seed=i)) for i in range(count)]


def test_shard_read_by_offset_gives_the_pcm16_of_each_waveform(tmp_path: Path) -> None:
    written = items()
    entries = write_shard(tmp_path / "a.parquet", written)
    reader = ShardReader(tmp_path)
    assert [entry.utterance_id for entry in entries] == [name for name, _ in written]
    for entry, (_, wave) in zip(entries, written, strict=True):
        pcm = to_pcm16(wave)[0]
        read = reader.waveform(entry.stored_in("a.parquet"))
        assert read.dtype == np.float32
        assert np.array_equal(read * 32768, pcm)
        assert entry.sha256 == hashlib.sha256(pcm.tobytes()).hexdigest()
    assert {entry.offset % 2 for entry in entries} == {0, 1}


def test_shard_of_identical_utterances_gives_each_its_own_place(tmp_path: Path) -> None:
    wave = tone(2_000)
    entries = write_shard(tmp_path / "a.parquet", [(f"u{i}", wave) for i in range(3)])
    assert len({entry.offset for entry in entries}) == 3


def test_shard_from_real_flac_is_exact(tmp_path: Path, shared_speech: Path) -> None:
    path = sorted((shared_speech / "vctk" / "p227").glob("*.flac"))[0]
    (entry,) = write_shard(tmp_path / "a.parquet", [("u", read_audio(path).samples)])
    pcm, _ = soundfile.read(path, dtype="int16")
    assert entry.clipped == 0
    assert np.array_equal(ShardReader(tmp_path).waveform(entry.stored_in("a.parquet")) * 32768, pcm)


def test_shard_read_with_pandas_and_soundfile_gives_wav_files(tmp_path: Path) -> None:
    written = items(70)
    write_shard(tmp_path / "a.parquet", written)
    frame = pandas.read_parquet(tmp_path / "a.parquet")
    assert list(frame.columns) == ["utterance_id", "audio"]
    assert len(frame) == 70
    for row, (name, wave) in zip(frame.to_dict("records"), written, strict=True):
        samples, rate = soundfile.read(io.BytesIO(row["audio"]["bytes"]), dtype="int16")
        assert (row["utterance_id"], row["audio"]["path"], rate) == (name, f"{name}.wav", 16_000)
        assert np.array_equal(samples, to_pcm16(wave)[0])


def test_shard_metadata_is_plain_parquet_in_small_row_groups(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.parquet", items(150))
    metadata = pq.ParquetFile(tmp_path / "a.parquet").metadata
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [64, 64, 22]
    columns = [metadata.row_group(0).column(i) for i in range(3)]
    assert {column.compression for column in columns} == {"UNCOMPRESSED"}
    assert not any(column.has_dictionary_page or column.is_stats_set for column in columns)


def test_shard_opened_with_datasets_is_an_audio_column(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    write_shard(tmp_path / "a.parquet", items(3))
    loaded = datasets.load_dataset("parquet", data_files=str(tmp_path / "a.parquet"), split="train")
    assert loaded.features["audio"] == datasets.Audio(sampling_rate=16_000)


def test_shard_written_twice_has_equal_bytes(tmp_path: Path) -> None:
    first = write_shard(tmp_path / "a.parquet", items(80))
    second = write_shard(tmp_path / "b.parquet", iter(items(80)))
    assert first == second
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_wav_header_is_that_of_libsndfile() -> None:
    pcm = to_pcm16(tone(1_234))[0]
    stream = io.BytesIO()
    soundfile.write(stream, pcm, 16_000, format="WAV", subtype="PCM_16")
    assert stream.getvalue() == wav_header(1_234) + pcm.tobytes()


def test_to_pcm16_rounds_to_even_and_clips() -> None:
    scaled = np.array([0, 0.5, 1.5, -1.5, 32767, 32768, -32768, -32769, 1e9], np.float32)
    pcm, clipped = to_pcm16(scaled / np.float32(32768))
    assert pcm.tolist() == [0, 0, 2, -2, 32767, 32767, -32768, -32768, 32767]
    assert clipped == 3


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([], "at least one"),
        ([("u", tone(10)), ("u", tone(10))], "comes twice"),
        ([("u", np.zeros(0, np.float32))], "shape"),
        ([("u", np.zeros((2, 5), np.float32))], "shape"),
        ([("u", np.array([0, np.nan], np.float32))], "NaN"),
    ],
)
def test_write_shard_of_bad_items_says_what_is_wrong(
    tmp_path: Path, bad: list[tuple[str, NDArray[np.float32]]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_shard(tmp_path / "a.parquet", bad)


@pytest.mark.parametrize("left", [0, 3, 1_000, -1])
def test_shard_reader_of_a_truncated_shard_says_so(tmp_path: Path, left: int) -> None:
    path = tmp_path / "a.parquet"
    entry = write_shard(path, items(5))[0]
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(DamagedShardError, match="cut short"):
        ShardReader(tmp_path).waveform(entry.stored_in("a.parquet"))


def test_shard_reader_of_an_absent_or_other_shard_says_so(tmp_path: Path) -> None:
    (entry,) = write_shard(tmp_path / "a.parquet", items(1))
    reader = ShardReader(tmp_path)
    with pytest.raises(DamagedShardError, match="no such shard"):
        reader.waveform(entry.stored_in("b.parquet"))
    with pytest.raises(DamagedShardError, match="not the shard its manifest describes"):
        reader.waveform(replace(entry, samples=1_000_000).stored_in("a.parquet"))


def test_shard_reader_of_any_flipped_bit_names_shard_and_utterance(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    entry = write_shard(path, items(3))[1]
    whole = path.read_bytes()
    for bit in np.random.default_rng(0).integers(0, 16 * entry.samples, 40):
        place = entry.offset + int(bit) // 8
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << int(bit) % 8]) + whole[place + 1 :])
        with pytest.raises(DamagedShardError, match=r"a\.parquet: the shard is damaged: .* utterance 'utterance-1'"):
            ShardReader(tmp_path).waveform(entry.stored_in("a.parquet"))


def test_shard_reader_keeps_no_more_than_max_open_files(tmp_path: Path) -> None:
    places: dict[str, ShardEntry] = {}
    for i in range(4):
        places[f"{i}.parquet"] = write_shard(tmp_path / f"{i}.parquet", [("u", tone(100, seed=i))])[0]
    reader = ShardReader(tmp_path, max_open=2)
    for _ in range(2):
        for i, (file, entry) in enumerate(places.items()):
            assert np.array_equal(reader.waveform(entry.stored_in(file)) * 32768, to_pcm16(tone(100, seed=i))[0])
    assert len(reader._maps) == 2


def _sum_of_first(reader: ShardReader, entry: ShardEntry) -> float:
    return float(reader.waveform(entry.stored_in("a.parquet")).sum())


@pytest.mark.slow
def test_shard_reader_pickled_into_processes_reads_the_same(tmp_path: Path) -> None:
    entries = write_shard(tmp_path / "a.parquet", items(4))
    reader = ShardReader(tmp_path)
    here = [_sum_of_first(reader, entry) for entry in entries]
    assert len(pickle.dumps(reader)) < 1_000
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        there = pool.starmap(_sum_of_first, [(reader, entry) for entry in entries])
    assert there == here
