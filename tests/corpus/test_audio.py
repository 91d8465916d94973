"""Reading audio: all formats, rates and channel counts become mono 16 kHz; unusable files have a reason."""

from __future__ import annotations

import hashlib
import pickle
import random
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

from grid.core.errors import RequestError
from grid.corpus import audio
from grid.corpus.audio import ChangedFileError, UnusableAudioError, header, read_at_own_rate, read_audio, to_16khz
from tests.support.damage import damaged
from tests.support.speechlike import tone, write_tone

# largest difference a format may make: a step of its quantiser (libsndfile cuts where it writes WAV and AIFF), or what
# a lossy coder leaves of a tone
FORMATS = [
    ("wav", "PCM_U8", 1 / 128),
    ("wav", "PCM_16", 1 / 32768),
    ("wav", "PCM_24", 1 / 2**23),
    ("wav", "FLOAT", 0.0),
    ("wav", "ULAW", 0.02),
    ("flac", "PCM_16", 1 / 32768),
    ("aiff", "PCM_16", 1 / 32768),
    ("ogg", "VORBIS", 0.1),
    ("mp3", "MPEG_LAYER_III", 0.1),
]


def reason(path: Path) -> str:
    with pytest.raises(UnusableAudioError) as caught:
        read_audio(path)
    return caught.value.reason


@pytest.mark.parametrize(("suffix", "subtype", "tolerance"), FORMATS)
def test_read_audio_of_each_format_gives_the_samples(
    tmp_path: Path, suffix: str, subtype: str, tolerance: float
) -> None:
    path = tmp_path / f"a.{suffix}"
    wave = tone(16_000)
    soundfile.write(path, wave, 16_000, subtype=subtype)
    read = read_audio(path)
    assert (read.sample_rate, read.channels, read.seconds) == (16_000, 1, 1.0)
    assert read.samples.dtype == np.float32
    assert read.samples.shape == (16_000,)
    assert np.abs(read.samples - wave).max() <= tolerance * 1.01


def test_read_audio_of_16_bit_flac_is_exact(tmp_path: Path) -> None:
    pcm = np.random.default_rng(1).integers(-32768, 32768, 5_000, dtype=np.int16)
    soundfile.write(tmp_path / "a.flac", pcm, 16_000, subtype="PCM_16")
    assert np.array_equal(read_audio(tmp_path / "a.flac").samples * 32768, pcm)


def test_read_audio_of_stereo_takes_the_mean(tmp_path: Path) -> None:
    left, right = tone(4_000, hertz=300), tone(4_000, hertz=900, seed=1)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), 16_000, subtype="FLOAT")
    read = read_audio(tmp_path / "a.wav")
    assert read.channels == 2
    np.testing.assert_allclose(read.samples, (left + right) / 2, atol=1e-7)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_read_audio_of_another_rate_keeps_the_tone_and_its_level(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(rate * 2, rate, hertz=1_000), rate, subtype="FLOAT")
    read = read_audio(path)
    assert read.samples.shape == (32_000,)
    assert read.sample_rate == rate
    spectrum = np.abs(np.fft.rfft(read.samples)) / 16_000
    assert np.argmax(spectrum) == 2_000
    assert spectrum[2_000] == pytest.approx(0.4, abs=0.002)


def test_read_audio_of_a_tone_above_8_khz_removes_it(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    wave = np.sin(2 * np.pi * 9_000 * np.arange(48_000) / 48_000).astype(np.float32)
    soundfile.write(path, wave, 48_000, subtype="FLOAT")
    assert np.abs(read_audio(path).samples[1_000:-1_000]).max() < 1e-5


def test_read_at_own_rate_keeps_what_is_above_8_khz(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    left, right = (0.2 * np.sin(2 * np.pi * hertz * np.arange(48_001) / 48_000) for hertz in (1_000, 10_000))
    soundfile.write(path, np.stack([left, right], axis=1), 48_000, subtype="FLOAT")
    read = read_at_own_rate(path)
    assert (read.sample_rate, read.channels, read.seconds) == (48_000, 2, 48_001 / 48_000)
    assert read.samples.dtype == np.float32
    np.testing.assert_allclose(read.samples, (left + right) / 2, atol=1e-7)
    at_16_khz = read_audio(path)
    np.testing.assert_array_equal(to_16khz(read.samples, 48_000), at_16_khz.samples)
    assert (at_16_khz.sample_rate, at_16_khz.channels, at_16_khz.seconds) == (48_000, 2, 48_001 / 48_000)


@pytest.mark.parametrize("read", [read_audio, read_at_own_rate])
def test_file_of_other_bytes_than_its_digest_has_changed(read: Callable[..., object], tmp_path: Path) -> None:
    path = write_tone(tmp_path / "a.flac")
    imported = hashlib.sha256(path.read_bytes()).hexdigest()
    read(path, imported)
    write_tone(path, seed=1)
    read(path)
    with pytest.raises(ChangedFileError) as caught:
        read(path, imported)
    assert str(caught.value) == (
        f"{path} has changed since it was imported: import the corpus again (codecgrid import KIND PATH --name NAME)"
    )
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_file_that_the_disk_does_not_give_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    path = write_tone(tmp_path / "a.wav")
    monkeypatch.setattr(Path, "read_bytes", fails)
    assert reason(path) == audio.UNREADABLE


def test_header_says_what_the_file_is(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", np.zeros((441, 2)), 44_100, subtype="PCM_24")
    found = header(tmp_path / "a.flac")
    assert found == audio.AudioHeader(44_100, 2, 441, "FLAC", "PCM_24")
    assert found.seconds == pytest.approx(0.01)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "aiff", "au", "w64"])
@pytest.mark.parametrize("share", [0.4, 0.97])
def test_read_audio_of_a_cut_file_is_truncated(tmp_path: Path, suffix: str, share: float) -> None:
    path = write_tone(tmp_path / f"a.{suffix}", 48_000)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert reason(path) == audio.TRUNCATED


def test_read_audio_of_a_wav_from_a_pipe_is_whole(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "a.wav", 1_000)
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff" * 4
    path.write_bytes(content)
    assert len(read_audio(path).samples) == 1_000


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_read_audio_with_a_value_that_is_no_number_is_refused(tmp_path: Path, value: float) -> None:
    wave = tone(1_000)
    wave[500] = value
    soundfile.write(tmp_path / "a.wav", wave, 16_000, subtype="FLOAT")
    assert reason(tmp_path / "a.wav") == audio.NOT_FINITE


def test_read_audio_of_what_is_no_audio_names_the_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("this is not audio, " * 20)
    (tmp_path / "text.raw").write_text("this is not audio, " * 20)
    soundfile.write(tmp_path / "short.wav", np.zeros(0), 16_000)
    soundfile.write(tmp_path / "silent.flac", np.zeros(1_000), 16_000)
    found = {name: reason(tmp_path / name) for name in ("absent.wav", ".", "empty.wav", "text.wav", "text.raw")}
    found |= {name: reason(tmp_path / name) for name in ("short.wav", "silent.flac")}
    assert found == {
        "absent.wav": audio.MISSING,
        ".": audio.MISSING,
        "empty.wav": audio.EMPTY,
        "text.wav": audio.NOT_AUDIO,
        "text.raw": audio.NOT_AUDIO,
        "short.wav": audio.NO_SAMPLES,
        "silent.flac": audio.SILENT,
    }


def claiming(flac: bytes, frames: int) -> bytes:
    """A FLAC file whose header claims `frames`: 36 bits of its STREAMINFO (RFC 9639, section 8.2)."""
    field = int.from_bytes(flac[18:26], "big")
    return flac[:18] + (field >> 36 << 36 | frames).to_bytes(8, "big") + flac[26:]


@pytest.mark.parametrize("frames", [68_000_000_000, 30_000_000, 16_001])
def test_read_audio_of_a_header_that_claims_more_than_the_file_holds_is_truncated(tmp_path: Path, frames: int) -> None:
    path = write_tone(tmp_path / "a.flac", 16_000)
    path.write_bytes(claiming(path.read_bytes(), frames))
    assert header(path).frames == frames
    tracemalloc.start()
    try:
        assert reason(path) == audio.TRUNCATED
        assert tracemalloc.get_traced_memory()[1] < 200 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("format", "subtype"), [("WAV", "PCM_16"), ("WAV", "GSM610"), ("FLAC", "PCM_16"), ("CAF", "PCM_16")]
)
def test_read_audio_of_damaged_files_is_samples_or_a_reason(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], format: str, subtype: str
) -> None:
    stream = BytesIO()
    soundfile.write(stream, tone(8_000), 8_000, format=format, subtype=subtype)
    draw, reasons = random.Random(0), []
    for _ in range(300):
        path = tmp_path / "a.bin"
        path.write_bytes(damaged(stream.getvalue(), draw))
        try:
            samples = read_audio(path).samples
        except UnusableAudioError as error:
            reasons.append(str(error))
        else:
            assert np.abs(samples).max() < 2 * audio.LOUDEST
    assert len(reasons) > 30
    assert not any("\n" in reason for reason in reasons)
    assert "Traceback" not in capfd.readouterr().err


def test_read_audio_of_more_than_fits_into_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tone(tmp_path / "a.flac", 16_000)
    monkeypatch.setattr(audio, "MOST_VALUES", 15_999)
    assert reason(path) == audio.TOO_LONG
    monkeypatch.setattr(audio, "MOST_BYTES", path.stat().st_size - 1)
    assert reason(path) == audio.TOO_LONG


@pytest.mark.parametrize(
    ("samples", "rate", "level", "expected"),
    [
        (1, 16_000, 0.1, audio.TOO_SHORT),
        (159, 16_000, 0.1, audio.TOO_SHORT),
        (479, 48_000, 0.1, audio.TOO_SHORT),
        (16_000, 1, 0.1, audio.BAD_RATE),
        (16_000, 3_999, 0.1, audio.BAD_RATE),
        (16_000, 2_000_000, 0.1, audio.BAD_RATE),
        (16_000, 16_000, 1e30, audio.TOO_LOUD),
        (16_000, 16_000, -32_768.0, audio.TOO_LOUD),
    ],
)
def test_read_audio_that_cannot_be_meant_names_the_reason(
    tmp_path: Path, samples: int, rate: int, level: float, expected: str
) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(samples, level, dtype=np.float32), rate, subtype="FLOAT")
    assert reason(tmp_path / "a.wav") == expected


@pytest.mark.parametrize(("samples", "rate", "level"), [(160, 16_000, 0.1), (480, 48_000, 16.0), (100, 4_000, 0.1)])
def test_read_audio_at_the_bounds_is_read(tmp_path: Path, samples: int, rate: int, level: float) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(samples, level, dtype=np.float32), rate, subtype="FLOAT")
    assert len(read_audio(tmp_path / "a.wav").samples) == samples * 16_000 // rate


def test_unusable_audio_error_is_a_request_error_that_pickles(tmp_path: Path) -> None:
    error: UnusableAudioError = pickle.loads(
        pickle.dumps(UnusableAudioError(tmp_path / "a.wav", audio.EMPTY, "0 bytes"))
    )
    assert issubclass(UnusableAudioError, RequestError)
    assert (error.path, error.reason, error.detail) == (tmp_path / "a.wav", audio.EMPTY, "0 bytes")
