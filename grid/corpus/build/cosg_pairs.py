"""Builds a parallel CoSG set as CodecFake+ built that of MaskGCT: who is heard, what is to be said, and where it goes.

The utterances of a speaker are sorted; each is the prompt of the next one's text, and the last one of the first one's.
The CSV that is written is a protocol of the reader `cosg-folder` from the start: a synthesis system fills its files.
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
from grid.core.vocabulary import SAMPLE_RATE
from grid.corpus.audio import read_audio
from grid.corpus.protocol import existing
from grid.corpus.readers.cosg_folder import GENERATED, PROMPT
from grid.core.errors import RequestError

PROTOCOL = "protocol.csv"
GIVEN = ("utterance_id", "path", "speaker", "text")
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
"""(prompt float32 (samples,) at 16 kHz, its text, the text to say) -> float32 (samples,) at 16 kHz."""


@dataclass(frozen=True)
class Spoken:
    """A recording and its transcript; `path` is absolute."""

    utterance_id: str
    path: Path
    speaker: str
    text: str


@dataclass(frozen=True)
class PromptPair:
    """What a system is given: a recording as prompt, and the text of `said`, another one of the same speaker."""

    prompt: Spoken
    said: Spoken


@dataclass(frozen=True)
class BuiltPairs:
    """What was built; `root` is the folder that the protocol's paths are relative to."""

    protocol: Path
    root: Path
    pairs: int
    speakers: int
    alone: tuple[str, ...]

    @property
    def import_command(self) -> str:
        """What imports the set once its files are there."""
        return f"codecgrid import cosg-folder {self.protocol} --option root={self.root}"


def parallel_pairs(utterances: Iterable[Spoken]) -> tuple[PromptPair, ...]:
    """The pairs of each speaker, speakers and utterances by name; a speaker of one utterance has none."""
    of_speaker: dict[str, list[Spoken]] = {}
    for item in sorted(utterances, key=lambda spoken: (spoken.speaker, spoken.utterance_id)):
        of_speaker.setdefault(item.speaker, []).append(item)
    rounds = ([*items, items[0]] for items in of_speaker.values() if len(items) > 1)
    return tuple(PromptPair(one, following) for items in rounds for one, following in pairwise(items))


def build_pairs(given: Path, out_folder: Path, *, system: str, root: Path | None = None) -> BuiltPairs:
    """Writes `out_folder`/protocol.csv for the utterances of the CSV `given`, with columns GIVEN.

    The paths of `given` are relative to `root` (default: its folder). Outputs are to be written to `generated/SYSTEM/`
    in `out_folder`. Raises RequestError, with the line, for an empty field, a repeated id and no pair at all.
    """
    utterances = list(_spoken(existing(given, folder=False), root or given.parent))
    pairs = parallel_pairs(utterances)
    if not pairs:
        raise RequestError(f"{given}: no speaker has two utterances, so there is nothing to pair")
    made = out_folder.resolve()
    common = Path(os.path.commonpath([made, *(item.path.parent for item in utterances)]))
    paired = {pair.prompt.speaker for pair in pairs}
    with replacing(made / PROTOCOL) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for pair in pairs:
            writer.writerow(_prompt_row(pair, system, common))
            writer.writerow(_generated_row(pair, system, common, made))
    alone = tuple(sorted({item.speaker for item in utterances} - paired))
    return BuiltPairs(made / PROTOCOL, common, len(pairs), len(paired), alone)


def fill_pairs(built: BuiltPairs, synthesise: Synthesis) -> int:
    """Writes every output that is not there yet, and gives how many these were; each file is whole or absent."""
    made = 0
    with built.protocol.open(encoding="utf-8", newline="") as stream:
        asked = [row for row in csv.DictReader(stream) if row["role"] == GENERATED]
    for row in asked:
        target = built.root / row["path"]
        if target.exists():
            continue
        prompt = read_audio(built.root / row["prompt_path"]).samples
        waveform = synthesise(prompt, row["prompt_text"], row["text"])
        with replacing(target) as temporary, temporary.open("wb") as file:
            soundfile.write(file, waveform, SAMPLE_RATE, subtype="PCM_16", format="WAV")
        made += 1
    return made


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
    prompt, said = pair.prompt, pair.said
    name = f"{prompt.utterance_id}-says-{said.utterance_id}"
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
        "text_of": said.utterance_id,
        "text": said.text,
    }


def _spoken(given: Path, root: Path) -> Iterator[Spoken]:
    seen: set[str] = set()
    with given.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in GIVEN if name not in (reader.fieldnames or ())]
        if missing:
            raise RequestError(f"{given}: columns {', '.join(missing)} are missing; expected {', '.join(GIVEN)}")
        for row in reader:
            where = f"{given}:{reader.line_num}"
            values = {name: (row[name] or "").strip() for name in GIVEN}
            empty = [name for name in GIVEN if not values[name]]
            if empty:
                raise RequestError(f"{where}: {', '.join(empty)} is empty; a pair needs a speaker and a transcript")
            if values["utterance_id"] in seen:
                raise RequestError(f"{where}: utterance {values['utterance_id']!r} comes twice")
            seen.add(values["utterance_id"])
            yield Spoken(values["utterance_id"], (root / values["path"]).resolve(), values["speaker"], values["text"])
