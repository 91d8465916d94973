"""Reads audio files of any format, rate and channel count as float32 and mono, at 16 kHz or at their own rate.

Unusable files have a reason. Files of a corpus are compared with their digest at import: the bytes are read once, and
hashed and decoded in memory. For 6 s of FLAC at 16 kHz (129 kB) that takes 2.8 ms instead of 2.6 ms for decoding from
the path, at 48 kHz (385 kB) 6.5 ms instead of 6.8 ms (medians of 40 on one core of an AMD EPYC).

Resampling is soxr at quality HQ. Measured from 48 kHz on one core of an AMD EPYC: 0.7 ms for 6 s of audio, 0.0 dB lost
at 7 kHz, a tone of 9 kHz aliased at -146 dB; torchaudio's default resampler needs 1.3 ms, loses 1.8 dB at 7 kHz and
aliases 9 kHz at -16.8 dB. An alias that only some databases carry is something a detector can learn.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, ClassVar

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from grid.core.errors import FailureKind, RequestError, one_line
from grid.core.vocabulary import SAMPLE_RATE

MISSING = "missing"
UNREADABLE = "unreadable"
EMPTY = "empty"
NOT_AUDIO = "not-audio"
TRUNCATED = "truncated"
NO_SAMPLES = "no-samples"
NOT_FINITE = "not-finite"
SILENT = "silent"
TOO_SHORT = "too-short"
TOO_LONG = "too-long"
BAD_RATE = "bad-rate"
TOO_LOUD = "too-loud"

RATES = range(4_000, 768_001)
"""Sampling rates in Hz: half of what telephones use, to twice the highest rate of converters."""
LEAST_SAMPLES = 160
"""Samples at 16 kHz, 10 ms: less holds no period of a voice and no analysis window."""
MOST_VALUES = 2**29
"""Values of all channels, 2 GiB as float32: nine hours of mono audio at 16 kHz, three at 48 kHz."""
MOST_BYTES = 8 * MOST_VALUES + 2**20
LOUDEST = 16.0
"""The largest value: 24 dB above full scale, which is 1. Lossy decoders overshoot by a few dB."""
_MOST_FRAMES_A_BYTE = 6_554
"""The densest format is FLAC: 65,535 equal samples in a frame of at least 10 bytes (RFC 9639, section 9)."""

# libsndfile itself reduces the frame count of a truncated file and reports that only in its log
_SHORTENED = re.compile(r"^\s*(?:data|riff|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)

# a program that writes to a pipe leaves the largest size in the header; such a file is complete
_UNKNOWN_SIZES = range(0xFFFF_FF00, 0x1_0000_0000)
_OGG_LAST_PAGE = 0x04
_OGG_LARGEST_PAGE = 65_307


class UnusableAudioError(RequestError):
    """A file that cannot be used as audio; `reason` is one of the constants of this module, `detail` explains it."""

    failure_kind: ClassVar[FailureKind] = "data"

    def __init__(self, path: Path | str, reason: str, detail: str) -> None:
        super().__init__(f"{path}: {reason}: {detail}")
        self.path = path
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[UnusableAudioError], tuple[Path | str, str, str]]:
        return type(self), (self.path, self.reason, self.detail)


class ChangedFileError(RequestError):
    """A file of a corpus whose bytes are not those that were imported."""

    failure_kind: ClassVar[FailureKind] = "data"

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            f"{path} has changed since it was imported: import the corpus again "
            "(codecgrid import KIND PATH --name NAME)"
        )
        self.path = path

    def __reduce__(self) -> tuple[type[ChangedFileError], tuple[Path | str]]:
        return type(self), (self.path,)


@dataclass(frozen=True)
class AudioHeader:
    """The header of a file: `frames` per channel at `sample_rate` Hz, and the names of its format."""

    sample_rate: int
    channels: int
    frames: int
    format: str
    subtype: str

    @property
    def seconds(self) -> float:
        """The length in seconds."""
        return self.frames / self.sample_rate


@dataclass(frozen=True)
class AudioFile:
    """The audio of a file: `samples`, float32 `(samples,)`, mono; at 16 kHz unless its reader says otherwise.

    `sample_rate` (Hz), `channels` and `seconds` are those of the file itself.
    """

    samples: NDArray[np.float32]
    sample_rate: int
    channels: int
    seconds: float


def header(path: str | Path) -> AudioHeader:
    """The header of an audio file, without decoding it; UnusableAudioError for a file that cannot be read."""
    path = Path(path)
    _size(path)
    with path.open("rb") as stream, _open(path, stream) as sound:
        return AudioHeader(sound.samplerate, sound.channels, sound.frames, sound.format, sound.subtype)


def read_audio(path: str | Path, sha256: str = "", *, content: bytes | None = None) -> AudioFile:
    """Decodes a whole file, averages its channels and resamples to 16 kHz; as `read_at_own_rate` otherwise."""
    audio = read_at_own_rate(path, sha256, content=content)
    samples = to_16khz(audio.samples, audio.sample_rate)
    _require_sound(samples, path)
    return replace(audio, samples=samples)


def read_at_own_rate(path: str | Path, sha256: str = "", *, content: bytes | None = None) -> AudioFile:
    """Decodes a whole file and averages its channels; the samples are at the file's `sample_rate`.

    `content` are the bytes of the file where they were read already; `path` is then its name in messages.
    Raises UnusableAudioError for a file that is missing, unreadable, empty, not audio, truncated, without samples, with
    a value that is not finite or beyond LOUDEST, zero throughout, or beyond the bounds of this module for lengths and
    rates; and ChangedFileError when `sha256` is given and not that of the file's bytes.
    """
    content = file_content(Path(path)) if content is None else content
    _check_size(path, len(content))
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise ChangedFileError(path)
    with _open(path, _Content(content)) as sound:
        rate, channels, frames = sound.samplerate, sound.channels, sound.frames
        _check_header(sound, path, len(content))
        try:
            recorded = sound.read(frames, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise UnusableAudioError(path, TRUNCATED, f"decoding stopped: {error.error_string}") from error
    if len(recorded) < frames:
        raise UnusableAudioError(path, TRUNCATED, f"header says {frames} frames, {len(recorded)} could be read")
    if len(recorded) == 0:
        raise UnusableAudioError(path, NO_SAMPLES, "the header says 0 frames")
    invalid = int(np.count_nonzero(~np.isfinite(recorded)))
    if invalid:
        raise UnusableAudioError(path, NOT_FINITE, f"{invalid} of {recorded.size} values are NaN or infinite")
    loudest = float(np.abs(recorded).max())
    if loudest > LOUDEST:
        detail = f"a value of {loudest:.4g}, where full scale is 1; at most {LOUDEST:g} can be meant"
        raise UnusableAudioError(path, TOO_LOUD, detail)
    mono = recorded[:, 0] if channels == 1 else recorded.mean(axis=1)
    samples = np.ascontiguousarray(mono, dtype=np.float32)
    _require_sound(samples, path)
    if frames * SAMPLE_RATE < LEAST_SAMPLES * rate:
        raise UnusableAudioError(path, TOO_SHORT, f"{frames} frames at {rate} Hz are less than 10 ms")
    return AudioFile(samples, rate, channels, frames / rate)


def to_16khz(mono: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """`(samples,)` at `sample_rate` Hz as float32 `(samples,)` at 16 kHz, by soxr."""
    if sample_rate == SAMPLE_RATE:
        return mono
    resampled: NDArray[np.float32] = soxr.resample(mono, sample_rate, SAMPLE_RATE, quality="HQ")
    return resampled


def _check_header(sound: soundfile.SoundFile, path: Path | str, size: int) -> None:
    """UnusableAudioError for lengths and rates that cannot be meant, before room is made for the samples."""
    rate, frames = sound.samplerate, sound.frames
    if rate not in RATES:
        raise UnusableAudioError(path, BAD_RATE, f"{rate} Hz; rates from {RATES[0]} to {RATES[-1]} Hz can be read")
    if frames > size * _MOST_FRAMES_A_BYTE:
        raise UnusableAudioError(path, TRUNCATED, f"header says {frames} frames, which {size} bytes cannot hold")
    if frames * sound.channels > MOST_VALUES:
        detail = f"{frames} frames of {sound.channels} channels; at most {MOST_VALUES} values can be read"
        raise UnusableAudioError(path, TOO_LONG, detail)


def _require_sound(samples: NDArray[np.float32], path: Path | str) -> None:
    if not samples.any():
        raise UnusableAudioError(path, SILENT, f"all {len(samples)} samples are zero")


def _size(path: Path) -> int:
    """The size of a file in bytes; UnusableAudioError if it is missing, empty, or larger than any that can be read."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no regular file" if os.path.lexists(path) else "no such file"
        raise UnusableAudioError(path, MISSING, what)
    size = path.stat().st_size
    _check_size(path, size)
    return size


def _check_size(path: Path | str, size: int) -> None:
    if size == 0:
        raise UnusableAudioError(path, EMPTY, "0 bytes")
    if size > MOST_BYTES:
        raise UnusableAudioError(path, TOO_LONG, f"{size} bytes; at most {MOST_BYTES} can be read")


def file_content(path: Path) -> bytes:
    """The bytes of a file; UnusableAudioError if it is missing, unreadable, empty, or larger than can be decoded."""
    _size(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnusableAudioError(path, UNREADABLE, one_line(error)) from error


class _Content(BytesIO):
    """The bytes of a file for libsndfile, which seeks before the start of some damaged ones.

    An exception there would be printed with its traceback; libsndfile itself notices that the position is another one.
    """

    def seek(self, offset: int, whence: int = 0) -> int:
        """Overrides the method: stays in its place where it cannot seek."""
        try:
            return super().seek(offset, whence)
        except (OSError, ValueError):
            return self.tell()


def _open(path: Path | str, stream: BinaryIO) -> soundfile.SoundFile:
    """The opened `stream`, the bytes of the file `path`; UnusableAudioError if it is not audio, or truncated."""
    try:
        sound = soundfile.SoundFile(stream)
    except (soundfile.LibsndfileError, TypeError) as error:
        # TypeError: for the suffix .raw soundfile requires further parameters
        text = error.error_string if isinstance(error, soundfile.LibsndfileError) else str(error)
        raise UnusableAudioError(path, NOT_AUDIO, f"{stream.seek(0, 2)} bytes: {text}") from error
    truncation = _truncation(sound, stream)
    if truncation:
        sound.close()
        raise UnusableAudioError(path, TRUNCATED, truncation)
    return sound


def _truncation(sound: soundfile.SoundFile, stream: BinaryIO) -> str:
    """What shows that the file is shorter than its header says, "" if nothing does."""
    for declared, actual in _SHORTENED.findall(sound.extra_info):
        if int(declared) > int(actual) and int(declared) not in _UNKNOWN_SIZES:
            return f"header says {declared} bytes of audio, the file has {actual}"
    if sound.format == "OGG":
        place = stream.tell()  # libsndfile reads on from there
        truncation = _ogg_truncation(stream)
        stream.seek(place)
        return truncation
    return ""


def _ogg_truncation(stream: BinaryIO) -> str:
    """What shows that there is no last page: it has the end-of-stream flag and ends the file (RFC 3533, section 6)."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - _OGG_LARGEST_PAGE))
    tail = stream.read()
    start = tail.rfind(b"OggS")
    page = tail[start:]
    if start < 0 or len(page) < 27 or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]]):
        return "the last Ogg page is not whole"
    return "" if page[5] & _OGG_LAST_PAGE else "the last Ogg page is absent"
