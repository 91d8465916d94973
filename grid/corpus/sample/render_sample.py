"""Renders the sample corpus with open speech synthesisers: `python -m grid.corpus.sample.render_sample OUT`.

Requires the Debian packages that `sample/README.md` lists, and is only needed to change the sample. The same package
versions give the same files, byte for byte.
"""

from __future__ import annotations

import csv
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grid.core.errors import MissingRequirementError, RequestError, unknown_name
from grid.core.identity import file_digest
from grid.core.randomness import generator
from grid.corpus.imported import sample_root

SAMPLE_RATE = 16_000
MARGIN_SECONDS = 0.05
"""Silence that is kept at either end."""
FRAME_SAMPLES = 160
SILENCE_DB = -40.0
"""Frames at either end with a level this far below the loudest frame, in dB, are silence."""
LEVEL_DB = (-29.0, -20.0)
"""Range of the RMS level of an utterance, in dB re full scale."""
FLOOR_DB = (-76.0, -68.0)
"""Range of the RMS level of the noise floor, in dB re full scale. Without one synthesisers give exact zeros."""
PEAK = 0.9
"""Largest magnitude before the noise floor is added."""
PROGRAMS = {"espeak-ng": "espeak-ng", "flite": "flite", "festival": "text2wave"}
COLUMNS = ("utterance_id", "path", "speaker", "source", "split", "key", "seconds", "sha256")


@dataclass(frozen=True)
class SpokenLine:
    """One sentence and the voice that speaks it."""

    utterance_id: str
    text: str
    voice: str
    split: str
    engine: str
    options: str


def read_lines(folder: Path) -> list[SpokenLine]:
    """The sentences: `texts.csv` of `folder` joined with its `voices.csv`; RequestError for an unlisted voice."""
    with (folder / "voices.csv").open(newline="") as stream:
        voices = {row["voice"]: row for row in csv.DictReader(stream)}
    with (folder / "texts.csv").open(newline="") as stream:
        texts = list(csv.DictReader(stream))
    for row in texts:
        if row["voice"] not in voices:
            raise unknown_name("voice", row["voice"], voices, where=str(folder / "texts.csv"))
    return [SpokenLine(row["utterance_id"], row["text"], **voices[row["voice"]]) for row in texts]


def speak(line: SpokenLine, wav: Path) -> None:
    """Synthesises `line` to the file `wav`, at the synthesiser's own sampling rate.

    Raises MissingRequirementError when the synthesiser is not installed, RequestError when it fails.
    """
    if line.engine not in PROGRAMS:
        raise unknown_name("speech synthesiser", line.engine, PROGRAMS, where="voices.csv")
    program = PROGRAMS[line.engine]
    if shutil.which(program) is None:
        raise MissingRequirementError(f"{program} is not installed; run: apt-get install {line.engine}")
    if line.engine == "espeak-ng":
        command = [program, *shlex.split(line.options), "-w", str(wav), line.text]
    elif line.engine == "flite":
        command = [program, *shlex.split(line.options), "-t", line.text, "-o", str(wav)]
    else:
        command = [program, "-eval", f"(voice_{line.options})", "-o", str(wav)]
    process = subprocess.run(command, input=line.text, text=True, capture_output=True, check=False)
    if process.returncode != 0 or not wav.exists():
        raise RequestError(f"{line.utterance_id}: {shlex.join(command)} failed: {process.stderr.strip()}")


def trim(waveform: NDArray[np.float64]) -> NDArray[np.float64]:
    """`waveform` `(samples,)` at 16 kHz from `MARGIN_SECONDS` before its first to as long after its last loud frame."""
    frames = len(waveform) // FRAME_SAMPLES
    power = np.square(waveform[: frames * FRAME_SAMPLES].reshape(frames, FRAME_SAMPLES)).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (SILENCE_DB / 10))
    margin = round(MARGIN_SECONDS * SAMPLE_RATE)
    padded = np.pad(waveform, margin)
    return padded[loud[0] * FRAME_SAMPLES : (loud[-1] + 1) * FRAME_SAMPLES + 2 * margin]


def finish(waveform: NDArray[np.float64], utterance_id: str) -> NDArray[np.int16]:
    """`waveform` `(samples,)` as PCM16 at a level and with a noise floor that `utterance_id` determines."""
    draw = generator("sample-level", utterance_id)
    level, floor = (10 ** (draw.uniform(*limits) / 20) for limits in (LEVEL_DB, FLOOR_DB))
    scaled = waveform * level / np.sqrt(np.square(waveform).mean())
    scaled *= min(1.0, PEAK / np.abs(scaled).max())
    noisy = scaled + draw.normal(0.0, floor, len(scaled))
    return np.round(noisy * 32767).astype(np.int16)


def render(line: SpokenLine, out: Path) -> dict[str, str]:
    """Writes one FLAC file under `out` and returns its row of the protocol."""
    import soundfile
    import soxr

    with tempfile.TemporaryDirectory() as scratch:
        wav = Path(scratch) / "speech.wav"
        speak(line, wav)
        speech, rate = soundfile.read(wav, dtype="float64")
    if not speech.any():
        raise RequestError(f"{line.utterance_id}: {line.engine} produced no sound for {line.text!r}")
    pcm = finish(trim(soxr.resample(speech, rate, SAMPLE_RATE)), line.utterance_id)
    path = Path("audio") / f"{line.utterance_id}.flac"
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(out / path, pcm, SAMPLE_RATE, subtype="PCM_16", compression_level=1.0)
    seconds, digest = f"{len(pcm) / SAMPLE_RATE:.4f}", file_digest(out / path)
    values = (line.utterance_id, path.as_posix(), line.voice, line.engine, line.split, "bonafide", seconds, digest)
    return dict(zip(COLUMNS, values, strict=True))


def main(arguments: list[str]) -> None:
    """Renders every sentence into the folder named by the one argument, and writes its `protocol.csv`."""
    if len(arguments) != 1:
        raise SystemExit("usage: python -m grid.corpus.sample.render_sample OUT")
    out = Path(arguments[0])
    rows = [render(line, out) for line in read_lines(sample_root())]
    with (out / "protocol.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(sys.argv[1:])
