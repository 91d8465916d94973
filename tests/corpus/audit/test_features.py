"""The features of an imported corpus: measured once, at the file's own rate where that counts, kept with digests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from grid.config.experiment import CorpusSource
from grid.core.errors import RequestError
from grid.core.store import Store
from grid.corpus.audio import ChangedFileError
from grid.corpus.audit import features as measuring
from grid.corpus.audit.features import AUDIO_DIGEST, features_folder, read_features
from grid.corpus.audit.stored import measure_stored
from grid.corpus.imported import pack_corpus, register_corpus
from tests.support.damage import flip_bit
from tests.support.speechlike import tone


def imported(folder: Path, files: dict[str, tuple[np.ndarray, int]], columns: str = "", values: str = "") -> Store:
    """A store with the corpus `c` of these files (samples, rate), by their names."""
    folder.mkdir(exist_ok=True)
    for name, (samples, rate) in files.items():
        soundfile.write(folder / name, samples, rate)
    rows = [f"{Path(name).name.replace('.', '-')},{name}{values}" for name in files]
    (folder / "protocol.csv").write_text("\n".join([f"utterance_id,path{columns}", *rows]) + "\n")
    store = Store.open(folder / "results")
    register_corpus(store, CorpusSource(name="c", reader="csv", path="protocol.csv"), folder)
    return store


def corpus_folder(store: Store) -> str:
    return str(store.read_json("corpora/c.json")["folder"])


def test_features_are_those_of_the_files(tmp_path: Path) -> None:
    square = np.sign(np.sin(2 * np.pi * 100 * np.arange(48_000) / 48_000))
    whole = np.round(32767 * tone(8000)).astype(np.int16)
    store = imported(tmp_path, {"a.wav": (whole, 16_000), "b.flac": (whole, 16_000), "loud.wav": (square, 48_000)})
    said: list[tuple[int, int]] = []
    record = measure_stored(store, "c", say=lambda done, of: said.append((done, of)))
    assert record.results == {"utterances": 3}
    assert said == [(3, 3)]
    table = read_features(store, corpus_folder(store))
    assert table is not None
    rows = {row["utterance_id"]: row for row in table.to_pylist()}
    assert rows["a-wav"]["duration"] == 0.5
    assert rows["a-wav"]["level"] == pytest.approx(20 * np.log10(0.4 / np.sqrt(2)), abs=0.05)
    # the same samples in another container are the same audio
    assert rows["a-wav"][AUDIO_DIGEST] == rows["b-flac"][AUDIO_DIGEST] != rows["loud-wav"][AUDIO_DIGEST]
    # at 48 kHz all but the zero crossings are at full scale; at 16 kHz the edges overshoot and ring
    assert rows["loud-wav"]["clipping"] > 99
    assert rows["loud-wav"]["bandwidth"] == pytest.approx(8.0, abs=0.3)


def test_measuring_again_reads_no_audio_and_goes_on_where_it_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = imported(tmp_path, {f"{n}.wav": (tone(800, seed=n), 16_000) for n in range(5)})
    monkeypatch.setattr(measuring, "PART_ROWS", 2)
    first = measure_stored(store, "c")
    folder = features_folder(corpus_folder(store))
    assert sorted(first.outputs) == ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    whole = read_features(store, corpus_folder(store))
    assert whole is not None
    assert whole["utterance_id"].to_pylist() == ["0-wav", "1-wav", "2-wav", "3-wav", "4-wav"]
    # killed in its second part: the first is there, and the record is not
    store.remove(f"{folder}/record.json")
    store.remove(f"{folder}/part-00001.parquet")
    for name in ("0.wav", "1.wav", "4.wav"):
        (tmp_path / name).unlink()
    assert measure_stored(store, "c").outputs == first.outputs
    (tmp_path / "2.wav").unlink()
    assert measure_stored(store, "c") == measure_stored(store, "c")


def test_features_of_a_packed_corpus_need_no_file_in_place(tmp_path: Path) -> None:
    store = imported(tmp_path, {"a.wav": (tone(800), 16_000)})
    pack_corpus(store, "c")
    (tmp_path / "a.wav").unlink()
    assert measure_stored(store, "c").results == {"utterances": 1}


def test_a_pending_row_has_no_audio_to_measure(tmp_path: Path) -> None:
    store = imported(tmp_path, {"a.wav": (tone(800), 16_000)}, columns=",codec,pending", values=",mu-law,yes")
    assert measure_stored(store, "c").results == {"utterances": 0}
    table = read_features(store, corpus_folder(store))
    assert table is not None
    assert table.num_rows == 0


def test_a_changed_file_and_a_damaged_part_are_named(tmp_path: Path) -> None:
    store = imported(tmp_path, {"a.wav": (tone(800), 16_000), "b.wav": (tone(800, seed=1), 16_000)})
    content = (tmp_path / "b.wav").read_bytes()
    soundfile.write(tmp_path / "b.wav", tone(800, seed=2), 16_000)
    with pytest.raises(ChangedFileError, match=r"b\.wav has changed since it was imported"):
        measure_stored(store, "c")
    assert read_features(store, corpus_folder(store)) is None
    (tmp_path / "b.wav").write_bytes(content)
    measure_stored(store, "c")
    flip_bit(store, f"{features_folder(corpus_folder(store))}/part-00000.parquet", 0.5)
    with pytest.raises(RequestError, match=r"part-00000\.parquet changed after it was written"):
        read_features(store, corpus_folder(store))


def test_a_corpus_that_is_not_imported_is_named_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"corpus 'c' is not in .*codecgrid import"):
        measure_stored(Store.open(tmp_path), "c")
