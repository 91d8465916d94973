"""Codecs of more than 16 kHz get recordings from their files' own rates, unless the experiment says otherwise."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from grid.codecs.catalogue import build, load_catalogue
from grid.codecs.contract import Samples
from grid.codecs.fidelity import lag
from grid.core.errors import RequestError
from grid.core.record import read_record
from grid.core.store import Store
from grid.corpus.audio import read_at_own_rate, read_audio
from grid.corpus.imported import pack_corpus, pointer_path, stored_corpus
from grid.corpus.manifest import read_manifest
from grid.experiment.grid import Grid
from grid.resynthesis.plan import INPUT_RATE, INPUT_SAMPLES, input_rows, plan_render
from grid.resynthesis.processor import build_processor
from grid.resynthesis.render import ShardRenderer
from grid.resynthesis.rendition import RAW, Chain, Rendition
from grid.resynthesis.rendition_audio import RenditionAudio
from grid.resynthesis.shards import to_pcm16
from grid.resynthesis.source_audio import SourceAudio
from tests.support.own_cors import read_rows, write_rows
from tests.support.tiny_grid import Tiny, render, tiny
from tests.support.wideband_codecs import GROUPED, NATIVE_RATE, WIDEBAND, WidebandAdapter, install_wideband_codecs

SOURCE: dict[str, Any] = {"name": "tiny", "reader": "csv", "path": "corpus/protocol.csv"}
GRID = {"selections": [WIDEBAND, GROUPED], "policies": ["spoof"]}
EVALUATIONS = {"cors": {"bonafide": "raw", "spoof": "cors"}}
FILES = {"s0-u0": (48_000, 14_400), "s0-u1": (48_000, 14_401), "s1-u0": (44_100, 13_230)}
"""The rate and the length of recordings of each split; s1-u1 stays at 16 kHz. All but s1-u1 have 4800 samples there."""
TONE = 10_000
"""Hz: in files of 44.1 and 48 kHz and at 24 kHz, not at 16 kHz."""


@pytest.fixture(scope="module", autouse=True)
def _wideband(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The codecs, installed as far as this Python can tell."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(install_wideband_codecs(tmp_path_factory.mktemp("site")))
        load_catalogue.cache_clear()
        yield
    load_catalogue.cache_clear()


def mixed(folder: Path, **source: Any) -> Tiny:
    """The tiny experiment on recordings of 16, 44.1 and 48 kHz; the arguments are keys of its corpus."""
    made = tiny(folder, corpus={"spoof": False}, corpora=[{**SOURCE, **source}], grid=GRID, evaluations=EVALUATIONS)
    for split in ("train", "dev", "test"):
        for name, (rate, frames) in FILES.items():
            time = np.arange(frames) / rate
            pitch = 300 + 10 * len(name) + 7 * int(name[1]) + 3 * int(name[-1])
            wave = 0.3 * np.sin(2 * np.pi * pitch * time) + 0.1 * np.sin(2 * np.pi * TONE * time)
            soundfile.write(folder / "corpus" / f"{split}-{name}.wav", wave, rate, subtype="PCM_16")
    return made


@dataclass(frozen=True)
class Rendered:
    """A rendered experiment, with the inputs that its codecs got."""

    made: Tiny
    grid: Grid
    given: list[Samples]

    def rendition(self, chain: Chain) -> Rendition:
        return self.grid.rendition(self.grid.corpora[0], chain)

    def table(self, chain: Chain) -> pd.DataFrame:
        return table(self.made.store, self.rendition(chain))


def table(store: Store, rendition: Rendition) -> pd.DataFrame:
    return read_manifest(store.local(f"{rendition.folder}/manifest.parquet")).to_pandas().set_index("origin")


def rendered_grid(made: Tiny) -> Rendered:
    WidebandAdapter.given.clear()
    grid = made.rendered()
    return Rendered(made, grid, list(WidebandAdapter.given))


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return rendered_grid(mixed(tmp_path_factory.mktemp("native")))


@pytest.fixture(scope="module")
def through_16_khz(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return rendered_grid(mixed(tmp_path_factory.mktemp("through"), through="16 kHz"))


def tone_level(waveform: Samples, rate: int) -> float:
    """The amplitude at TONE over that of the strongest component."""
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    place = round(TONE * len(waveform) / rate)
    return float(spectrum[place - 2 : place + 3].max() / spectrum.max())


# --- what the codec gets and gives


def test_codec_gets_what_is_above_8_khz_natively_only(native: Rendered, through_16_khz: Rendered) -> None:
    heard = [tone_level(row, NATIVE_RATE) for batch in native.given for row in batch]
    assert sum(level > 0.3 for level in heard) == 2 * 9  # two codecs; nine files of 44.1 and 48 kHz
    assert all(tone_level(row, NATIVE_RATE) < 1e-3 for batch in through_16_khz.given for row in batch)


@pytest.mark.parametrize("codec", [WIDEBAND, GROUPED])
def test_every_rendered_utterance_is_what_the_codec_makes_of_it_alone(native: Rendered, codec: str) -> None:
    """Batches of equal length, groups, the noise of each utterance, and its length at 16 kHz, all at once."""
    found, raw = native.table(Chain(codec=codec)), native.table(RAW)
    assert sorted(found.index) == sorted(raw.index)
    assert found["samples"].tolist() == raw.loc[found.index, "samples"].tolist()
    for name, row in found.iterrows():
        file = native.made.config.parent / "corpus" / f"{name}.wav"
        audio = read_at_own_rate(file)
        length = len(read_audio(file).samples)
        rated = {"rate": audio.sample_rate, "samples": length}
        alone = build(codec).resynthesise(audio.samples[None], [str(name)], 0, **rated)[0]
        assert row["sha256"] == hashlib.sha256(to_pcm16(alone)[0].tobytes()).hexdigest(), name


def test_batches_hold_items_of_one_rate_and_one_length_at_it(native: Rendered) -> None:
    job = plan_render(native.made.store, native.rendition(Chain("", WIDEBAND)), native.made.corpus())
    assert job.parent == ""  # the recordings' rendition is at 16 kHz
    WidebandAdapter.given.clear()
    renderer = ShardRenderer(replace(job, folder="elsewhere", shards=((0, 12),)), build_processor(*job.last_link, 0))
    assert renderer.render(0).utterances == 12
    # the lengths at 24 kHz, with the delay, of 13,230 samples at 44.1 kHz; 14,400 and 14,401 at 48; 6400 at 16
    sizes = [(3, 7_200 + 7), (3, 7_200 + 7), (3, 7_201 + 7), (3, 9_600 + 7)]
    assert [batch.shape for batch in WidebandAdapter.given] == sizes


def test_what_a_codec_makes_is_aligned_with_the_recording(native: Rendered) -> None:
    raw, coded = (
        RenditionAudio(native.made.store, native.rendition(c).folder, "dev") for c in (RAW, Chain("", WIDEBAND))
    )
    for name in raw.ids:
        before, after = raw.waveform(raw.ids.index(name)), coded.waveform(coded.ids.index(f"{name}~{WIDEBAND}"))
        assert len(before) == len(after)
        assert lag(before, after, limit=5) == 0


def test_recordings_of_16_khz_are_coded_as_ever_in_the_same_corpus(native: Rendered, through_16_khz: Rendered) -> None:
    ours, theirs = (each.table(Chain("", WIDEBAND))["sha256"] for each in (native, through_16_khz))
    same = ours.index[ours == theirs.loc[ours.index]]
    assert sorted(same) == ["dev-s1-u1", "test-s1-u1", "train-s1-u1"]
    assert native.table(RAW).equals(through_16_khz.table(RAW))


def test_pending_rows_are_coded_from_their_recordings_own_rate(native: Rendered, tmp_path: Path) -> None:
    made = mixed(tmp_path, cors="own")
    protocol = tmp_path / "corpus" / "protocol.csv"
    rows = read_rows(protocol)
    pending = [row for row in rows if row["split"] == "dev"]
    added = [row | {"utterance_id": f"{row['utterance_id']}~x", "codec": WIDEBAND, "pending": "yes"} for row in pending]
    write_rows(protocol, [*rows, *added])
    found = rendered_grid(made).table(Chain("", WIDEBAND))
    expected = native.table(Chain("", WIDEBAND)).loc[found.index]
    columns = ["utterance_id", "samples", "sha256"]
    assert len(found) == 12
    assert found[columns].equals(expected[columns])


def test_packed_recordings_keep_their_own_rate(native: Rendered, tmp_path: Path) -> None:
    made = mixed(tmp_path)
    corpus, coded = made.corpus(), native.rendition(Chain("", WIDEBAND))
    pack_corpus(made.store, "tiny")
    (tmp_path / "corpus").rename(tmp_path / "elsewhere")
    render(made.store, coded, plan_render(made.store, coded, corpus))
    assert table(made.store, coded).equals(native.table(Chain("", WIDEBAND)))


# --- its identity


def test_only_codecs_of_more_than_16_khz_on_recordings_have_another_identity(native: Rendered) -> None:
    coded = native.rendition(Chain("", WIDEBAND))
    assert native.grid.corpora[0].recorded_rates == (16_000, 44_100, 48_000)
    record = read_record(native.made.store, coded.folder)
    assert record is not None
    assert record.identity["through"] == "native"
    narrow = {**(coded.codec or {}), "native_rate": 16_000}
    others = (
        replace(coded, through="16 kHz"),
        replace(coded, codec=narrow),
        replace(coded, chain=Chain("world", WIDEBAND), attack={"name": "world"}),
        replace(coded, corpus=replace(coded.corpus, recorded_rates=(8_000, 16_000))),
        replace(coded, chain=RAW, codec=None),
    )
    assert all("through" not in other.identity() for other in others)
    assert others[0].id == others[3].id != coded.id


def test_cells_trained_on_natively_coded_speech_are_other_cells(native: Rendered, through_16_khz: Rendered) -> None:
    ours, theirs = (each.grid.cells[0] for each in (native, through_16_khz))
    assert ours.identity["cors"][0].pop("native") == [native.grid.corpora[0].manifest_digest]
    assert ours.identity == theirs.identity
    assert ours.cell_id != theirs.cell_id


def test_cells_and_renditions_of_a_16_khz_corpus_are_the_same_either_way(tmp_path: Path) -> None:
    corpora = [[{**SOURCE, "through": word}] for word in ("native", "16 kHz")]
    grids = [tiny(tmp_path / str(i), corpora=each, grid=GRID).grid for i, each in enumerate(corpora)]
    assert [cell.cell_id for cell in grids[0].cells] == [cell.cell_id for cell in grids[1].cells]
    assert [each.folder for each in grids[0].renditions] == [each.folder for each in grids[1].renditions]


def test_rates_of_an_import_without_them_come_from_its_manifest(native: Rendered, tmp_path: Path) -> None:
    made = Tiny(native.made.config, Store.open(tmp_path))
    made.corpus()
    pointer = made.store.read_json(pointer_path("tiny"))
    assert pointer.pop("recorded_rates") == [16_000, 44_100, 48_000]
    made.store.write_json(pointer_path("tiny"), pointer)
    found = stored_corpus(made.store, "tiny")
    assert found is not None
    assert found.facts == native.grid.corpora[0]


# --- faults


def test_a_recording_that_changed_after_the_recordings_were_rendered_fails_by_name(tmp_path: Path) -> None:
    made = mixed(tmp_path)
    corpus, grid = made.corpus(), made.grid
    raw, coded = (grid.rendition(grid.corpora[0], chain) for chain in (RAW, Chain("", WIDEBAND)))
    render(made.store, raw, plan_render(made.store, raw, corpus))
    file = tmp_path / "corpus" / "dev-s0-u0.wav"
    content = bytearray(file.read_bytes())
    content[-100] ^= 1  # the same length
    file.write_bytes(content)
    with pytest.raises(
        RequestError, match=r"1 of 12 .*dev-s0-u0: ChangedFileError: \S*dev-s0-u0\.wav has changed since"
    ):
        render(made.store, coded, plan_render(made.store, coded, corpus))


def test_source_of_another_length_than_its_manifest_says_is_refused(native: Rendered) -> None:
    store, corpus = native.made.store, native.made.corpus()
    job = plan_render(store, native.rendition(Chain("", WIDEBAND)), corpus)
    row = next(row for row in input_rows(store, job).to_pylist() if row["utterance_id"] == "dev-s0-u1")
    assert (row[INPUT_RATE], row[INPUT_SAMPLES]) == (48_000, 14_401)
    reader = SourceAudio(store, job)
    assert len(reader.waveform(row)) == 14_401
    with pytest.raises(RequestError, match=r"dev-s0-u1\.wav has 14401 samples at 48000 Hz, 14400 when the same bytes"):
        reader.waveform({**row, INPUT_SAMPLES: 14_400})


def test_a_processor_of_16_khz_alone_is_refused(native: Rendered) -> None:
    store, corpus = native.made.store, native.made.corpus()
    job = plan_render(store, native.rendition(Chain("", WIDEBAND)), corpus)
    with pytest.raises(ValueError, match="takes 16 kHz only"):
        ShardRenderer(job, lambda waveforms, utterance_ids: waveforms)
