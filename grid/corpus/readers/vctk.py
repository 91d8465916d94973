"""Reads VCTK from its folders, without a protocol file: version 0.92, version 0.80, or one folder per speaker."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grid.core.errors import RequestError
from grid.corpus.protocol import Corpus, ProtocolRow, parse_names, require_path
from grid.corpus.readers import READERS

# the split of VCTK by CodecFake (Wu et al., Interspeech 2024)
DEV_SPEAKERS = ("p226", "p229")
TEST_SPEAKERS = ("p227", "p228")

_AUDIO_FOLDERS = ("wav48_silence_trimmed", "wav48")
_SPEAKER = re.compile(r"p\d{3}|s5")
_SUFFIXES = (".flac", ".wav")
_TAKE = re.compile(r"_(mic\d+)$")

_logger = logging.getLogger(__name__)


@READERS.register("vctk")
def rows(
    path: Path,
    *,
    take: str = "mic1",
    dev: str | Sequence[str] = DEV_SPEAKERS,
    test: str | Sequence[str] = TEST_SPEAKERS,
) -> Corpus:
    """The utterances of VCTK, all bona fide, split by speaker; ids are those of the corpus, such as p225_001.

    `path` is the folder of the release, or the folder that has the folders of the speakers. Version 0.92 has two takes
    of an utterance, mic1 and mic2: `take` is read, and the number of utterances without it is logged. Speakers in
    neither `dev` nor `test` are train. Raises RequestError for an unknown layout, for a speaker in both dev and test,
    and for a missing speaker of `dev` or `test` unless these are the defaults.
    """
    folder = _audio_folder(require_path(path, folder=True))
    speakers = sorted(child for child in folder.iterdir() if child.is_dir() and _SPEAKER.fullmatch(child.name))
    if not speakers:
        raise RequestError(
            f"{folder}: no folders of VCTK speakers (p225, p226, ...). Expected wav48_silence_trimmed/pXXX/*.flac "
            "(0.92), wav48/pXXX/*.wav (0.80) or pXXX/*.flac or *.wav."
        )
    splits = _Splits(parse_names(dev), parse_names(test))
    splits.check({speaker.name for speaker in speakers}, folder)
    return Corpus(root=path, rows=_rows(path, speakers, take, splits), protocol=path)


@dataclass(frozen=True)
class _Splits:
    dev: tuple[str, ...]
    test: tuple[str, ...]

    def check(self, present: set[str], folder: Path) -> None:
        both = sorted(set(self.dev) & set(self.test))
        if both:
            raise RequestError(f"speakers {', '.join(both)} are in both dev and test")
        for name, speakers, usual in (("dev", self.dev, DEV_SPEAKERS), ("test", self.test, TEST_SPEAKERS)):
            absent = sorted(set(speakers) - present)
            if absent and speakers != usual:
                raise RequestError(f"{folder}: {name} speakers {', '.join(absent)} are not there")
            if absent:
                _logger.warning("%s: %s speakers %s are not there", folder, name, ", ".join(absent))

    def of(self, speaker: str) -> str:
        return "dev" if speaker in self.dev else "test" if speaker in self.test else "train"


def _audio_folder(path: Path) -> Path:
    return next((path / name for name in _AUDIO_FOLDERS if (path / name).is_dir()), path)


def _rows(root: Path, speakers: list[Path], take: str, splits: _Splits) -> Iterator[ProtocolRow]:
    for speaker in speakers:
        files = sorted(file for file in speaker.iterdir() if file.suffix in _SUFFIXES)
        missing: set[str] = {_utterance(file) for file in files}
        for file in files:
            match = _TAKE.search(file.stem)
            if match and match[1] != take:
                continue
            missing.discard(_utterance(file))
            yield ProtocolRow(
                utterance_id=_utterance(file),
                path=file.relative_to(root).as_posix(),
                speaker=speaker.name,
                split=splits.of(speaker.name),
                source="vctk",
            )
        if missing:
            _logger.warning("%s: %d utterances have no take %s, such as %s", speaker, len(missing), take, min(missing))


def _utterance(file: Path) -> str:
    return _TAKE.sub("", file.stem)
