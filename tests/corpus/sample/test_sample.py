"""The bundled sample corpus: its protocol agrees with its files."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from grid.core.errors import MissingRequirementError, RequestError
from grid.core.identity import file_digest
from grid.corpus.imported import sample_protocol, sample_root
from grid.corpus.sample.render_sample import COLUMNS, SAMPLE_RATE, finish, read_lines, render, speak, trim


@pytest.fixture(scope="module")
def protocol() -> pd.DataFrame:
    return pd.read_csv(sample_protocol())


def test_sample_files_match_protocol(protocol: pd.DataFrame) -> None:
    assert tuple(protocol.columns) == COLUMNS
    assert protocol.utterance_id.is_unique
    listed = {sample_root() / path for path in protocol.path}
    assert listed == set((sample_root() / "audio").rglob("*.flac"))
    for row in protocol.itertuples():
        path = sample_root() / str(row.path)
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (SAMPLE_RATE, 1, "PCM_16")
        assert info.frames / SAMPLE_RATE == pytest.approx(row.seconds, abs=1e-4)
        assert file_digest(path) == row.sha256


def test_sample_splits_share_no_voice_and_no_sentence(protocol: pd.DataFrame) -> None:
    assert protocol.split.value_counts().to_dict() == {"train": 36, "dev": 12, "test": 16}
    assert set(protocol.key) == {"bonafide"}
    assert (protocol.groupby("speaker").split.nunique() == 1).all()
    assert (protocol.groupby("split").source.nunique() >= 2).all()
    lines = read_lines(sample_root())
    assert [line.utterance_id for line in lines] == list(protocol.utterance_id)
    assert len({line.text for line in lines}) == len(lines)


def test_sample_people_behind_voices_stay_in_one_split(protocol: pd.DataFrame) -> None:
    for person in ("slt", "kal"):
        voices = protocol[protocol.speaker.str.contains(f"-{person}")]
        assert voices.speaker.nunique() == 2
        assert voices.split.nunique() == 1


def test_sample_stays_small() -> None:
    assert sum(path.stat().st_size for path in sample_root().rglob("*") if path.is_file()) <= 3_000_000


def test_sample_audio_is_short_unclipped_and_framed_by_near_silence(protocol: pd.DataFrame) -> None:
    for path in protocol.path:
        waveform, _ = soundfile.read(sample_root() / path)
        assert 1.5 <= len(waveform) / SAMPLE_RATE <= 2.6
        assert np.abs(waveform).max() < 0.91
        level = _rms_db(waveform)
        assert -31 < level < -19
        for edge in (waveform[:640], waveform[-640:]):
            assert -80 < _rms_db(edge) < level - 15


def test_trim_keeps_fifty_milliseconds_on_each_side() -> None:
    tone = np.sin(2 * np.pi * 0.01 * np.arange(8000))
    padded = np.concatenate([np.zeros(4000), tone, np.zeros(160)])
    trimmed = trim(padded)
    assert len(trimmed) == 8000 + 2 * 800
    np.testing.assert_array_equal(trimmed[800:8800], tone)


def test_finish_depends_on_the_utterance_only() -> None:
    tone = np.sin(2 * np.pi * 0.01 * np.arange(8000))
    first = finish(tone, "a-1")
    np.testing.assert_array_equal(first, finish(tone, "a-1"))
    assert _rms_db(first / 32768) != pytest.approx(_rms_db(finish(tone, "a-2") / 32768), abs=0.01)


def test_speak_without_the_program_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    line = next(line for line in read_lines(sample_root()) if line.engine == "flite")
    with pytest.raises(MissingRequirementError, match="apt-get install flite"):
        speak(line, tmp_path / "said.wav")


def test_read_lines_of_an_unlisted_voice_names_it(tmp_path: Path) -> None:
    (tmp_path / "voices.csv").write_text("voice,split,engine,options\nflite-slt,train,flite,-voice slt\n")
    (tmp_path / "texts.csv").write_text("utterance_id,voice,text\nx-1,flite-stl,Hello.\n")
    with pytest.raises(RequestError, match=r"flite-stl.*did you mean 'flite-slt'"):
        read_lines(tmp_path)


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
def test_render_says_the_same_speech_again(protocol: pd.DataFrame, tmp_path: Path) -> None:
    line = next(line for line in read_lines(sample_root()) if line.engine == "flite")
    first, second = render(line, tmp_path / "1"), render(line, tmp_path / "2")
    assert first == second
    assert first["utterance_id"] == protocol.utterance_id[0]
    assert float(first["seconds"]) == pytest.approx(protocol.seconds[0], abs=0.1)


def _rms_db(waveform: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(waveform)))))
