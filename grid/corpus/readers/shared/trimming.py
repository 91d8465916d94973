"""Copies of audio files without their first seconds, written once below the corpus root, at the file's own rate."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import soundfile

from grid.core.atomic_write import replacing
from grid.core.errors import RequestError

FOLDER = "trimmed"
"""The folder of the copies, below the root of the corpus."""


def trimmed(root: Path, path: str, start: float, where: str) -> str:
    """The path, relative to `root`, of a copy of `path` from `start` seconds on; written if it is absent or outdated.

    For a file that is missing or not audio the result is `path`, which the import rejects. Raises RequestError, with
    `where`, when nothing would be left, and when the copy cannot be written.
    """
    place = PurePosixPath(FOLDER, PurePosixPath(path).parent, f"{PurePosixPath(path).stem}-from-{start:g}s.wav")
    source, target = root / path, root / place
    if not source.is_file():
        return path
    if target.is_file() and target.stat().st_mtime >= source.stat().st_mtime:
        return str(place)
    try:
        with soundfile.SoundFile(source) as sound:
            first = round(start * sound.samplerate)
            if first >= sound.frames:
                raise RequestError(f"{where}: trim_start {start:g} s leaves nothing of {sound.frames} samples")
            sound.seek(first)
            samples, rate, subtype = sound.read(dtype="float32"), sound.samplerate, sound.subtype
    except soundfile.LibsndfileError:
        return path
    kept = "PCM_16" if subtype == "PCM_16" else "FLOAT"
    try:
        with replacing(target) as temporary, open(temporary, "wb") as stream:
            soundfile.write(stream, samples, rate, subtype=kept, format="WAV")
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise RequestError(
            f"{where}: cannot write {target} ({reason}); copy the corpus to where you may write"
        ) from error
    return str(place)
