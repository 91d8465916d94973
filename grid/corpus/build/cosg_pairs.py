"""Builds a parallel CoSG set as CodecFake+ did for MaskGCT: prompt recordings, texts to synthesise and output paths.

The utterances of a speaker are sorted; each is the prompt for the text of the next, and the last for that of the first.
The CSV that is written is a protocol of the reader `cosg-folder`; a synthesis system then writes its audio files.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from grid.core.atomic_write import replacing
from grid.core.errors import RequestError
from grid.core.vocabulary import SAMPLE_RATE
from grid.corpus.audio import read_audio
from grid.corpus.protocol import require_path
from grid.corpus.readers.cosg_folder import GENERATED, PROMPT

PROTOCOL = "protocol.csv"
INPUT_COLUMNS = ("utterance_id", "path", "speaker", "text")
COLUMNS = (
    "utterance_id",
    "path",
    "system",
    "role",
    "speaker",
    "origin",
    "prompt_path",
    "prompt_text",
    "text_of",
    "text",
)

Synthesis = Callable[[NDArray[np.float32], str, str], NDArray[np.float32]]
"""(prompt, its text, the text to synthesise) -> speech; audio is float32 `(samples,)` at 16 kHz."""


@dataclass(frozen=True)
class Transcribed:
    """A recording and its transcript; `path` is absolute."""

    utterance_id: str
    path: Path
    speaker: str
    text: str


@dataclass(frozen=True)
class PromptPair:
    """The input of a synthesis system: a recording as prompt, and the text of `target`, another of the same speaker."""

    prompt: Transcribed
    target: Transcribed


@dataclass(frozen=True)
class BuiltPairs:
    """The protocol that was written, the folder `root` of its paths, counts, and the speakers with one utterance."""

    protocol: Path
    root: Path
    pairs: int
    speakers: int
    alone: tuple[str, ...]

    @property
    def import_command(self) -> str:
        """The command that imports the set once its audio files exist."""
        return f"codecgrid import cosg-folder {self.protocol} --option root={self.root}"


def parallel_pairs(utterances: Iterable[Transcribed]) -> tuple[PromptPair, ...]:
    """The pairs of each speaker, sorted by speaker and utterance; a speaker with one utterance has none."""
    of_speaker: dict[str, list[Transcribed]] = {}
    for item in sorted(utterances, key=lambda utterance: (utterance.speaker, utterance.utterance_id)):
        of_speaker.setdefault(item.speaker, []).append(item)
    cycles = ([*items, items[0]] for items in of_speaker.values() if len(items) > 1)
    return tuple(PromptPair(prompt, target) for items in cycles for prompt, target in pairwise(items))


def build_pairs(transcripts: Path, out_folder: Path, *, system: str, root: Path | None = None) -> BuiltPairs:
    """Writes `out_folder`/protocol.csv for the utterances of the CSV `transcripts`, with columns INPUT_COLUMNS.

    The paths of `transcripts` are relative to `root` (default: its folder). Output paths are in `generated/SYSTEM/` of
    `out_folder`. Raises RequestError, with the line, for an empty field and a repeated id, and when there is no pair.
    """
    utterances = list(_read_transcripts(require_path(transcripts, folder=False), root or transcripts.parent))
    pairs = parallel_pairs(utterances)
    if not pairs:
        raise RequestError(f"{transcripts}: no speaker has two utterances, so there is nothing to pair")
    target = out_folder.resolve()
    common = Path(os.path.commonpath([target, *(item.path.parent for item in utterances)]))
    paired = {pair.prompt.speaker for pair in pairs}
    with replacing(target / PROTOCOL) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for pair in pairs:
            writer.writerow(_prompt_row(pair, system, common))
            writer.writerow(_generated_row(pair, system, common, target))
    alone = tuple(sorted({item.speaker for item in utterances} - paired))
    return BuiltPairs(target / PROTOCOL, common, len(pairs), len(paired), alone)


def fill_pairs(built: BuiltPairs, synthesise: Synthesis) -> int:
    """Synthesises every output file that does not exist, each written atomically; the number of new files."""
    written = 0
    with built.protocol.open(encoding="utf-8", newline="") as stream:
        generated = [row for row in csv.DictReader(stream) if row["role"] == GENERATED]
    for row in generated:
        target = built.root / row["path"]
        if target.exists():
            continue
        prompt = read_audio(built.root / row["prompt_path"]).samples
        waveform = synthesise(prompt, row["prompt_text"], row["text"])
        with replacing(target) as temporary, temporary.open("wb") as file:
            soundfile.write(file, waveform, SAMPLE_RATE, subtype="PCM_16", format="WAV")
        written += 1
    return written


def _prompt_row(pair: PromptPair, system: str, root: Path) -> dict[str, str]:
    prompt = pair.prompt
    return {
        "utterance_id": prompt.utterance_id,
        "path": prompt.path.relative_to(root).as_posix(),
        "system": system,
        "role": PROMPT,
        "speaker": prompt.speaker,
        "text": prompt.text,
    }


def _generated_row(pair: PromptPair, system: str, root: Path, folder: Path) -> dict[str, str]:
    prompt, target = pair.prompt, pair.target
    name = f"{prompt.utterance_id}-says-{target.utterance_id}"
    path = folder / "generated" / system / prompt.speaker / f"{name}.wav"
    return {
        "utterance_id": f"{system}/{name}",
        "path": path.relative_to(root).as_posix(),
        "system": system,
        "role": GENERATED,
        "speaker": prompt.speaker,
        "origin": prompt.utterance_id,
        "prompt_path": prompt.path.relative_to(root).as_posix(),
        "prompt_text": prompt.text,
        "text_of": target.utterance_id,
        "text": target.text,
    }


def _read_transcripts(path: Path, root: Path) -> Iterator[Transcribed]:
    seen: set[str] = set()
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in INPUT_COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise RequestError(f"{path}: columns {', '.join(missing)} are missing; expected {', '.join(INPUT_COLUMNS)}")
        for row in reader:
            where = f"{path}:{reader.line_num}"
            values = {name: (row[name] or "").strip() for name in INPUT_COLUMNS}
            empty = [name for name in INPUT_COLUMNS if not values[name]]
            if empty:
                raise RequestError(f"{where}: {', '.join(empty)} is empty; a pair needs a speaker and a transcript")
            if values["utterance_id"] in seen:
                raise RequestError(f"{where}: utterance {values['utterance_id']!r} comes twice")
            seen.add(values["utterance_id"])
            yield Transcribed(
                values["utterance_id"], (root / values["path"]).resolve(), values["speaker"], values["text"]
            )
