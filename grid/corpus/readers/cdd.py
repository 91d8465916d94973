"""Reads the training protocols of the authors of CDD (Xiao et al., ICASSP 2026; XIAOYixuan/IMS-ADD): pairs of files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grid.core.errors import RequestError
from grid.core.vocabulary import SPLITS
from grid.corpus.protocol import (
    Corpus,
    ProtocolRow,
    parse_mapping,
    parse_names,
    parse_split,
    protocol_lines,
    require_path,
)
from grid.corpus.readers import READERS
from grid.corpus.readers.shared.cdd_names import CddNames, recording_of

_TAB = "\t"


@READERS.register("cdd")
def rows(
    path: Path,
    *,
    root: str | None = None,
    splits: str | Sequence[str] | Mapping[str, str] | None = None,
    codecs: str | Mapping[str, str] | None = None,
    generators: str | Mapping[str, str] | None = None,
) -> Corpus:
    """The utterances of a folder with pairs of files, separated by tabs and without a header.

    `<name>.tsv` has utterance and audio path, `<name>.txt` utterance, original corpus, speaker, attacker and label.
    `splits` names the pairs that are read, or maps their names to train, dev or test (default: the existing ones of
    train, dev and test). `codecs` and `generators` map further names of attackers or original corpora to codecs of the
    catalogue, such as {"MyCodec": "dac-44khz"}; the names of CDD are built in. CoRS has key bonafide, whatever its
    label in the file. `root` is the folder of the audio (default: `path`, or the common folder of absolute paths).

    Raises RequestError, with file and line, for a repeated id or path and for an utterance that is in one file only.
    """
    folder = require_path(path, folder=True)
    pairs = [_Pair.open(folder, name, split) for name, split in _splits(folder, splits).items()]
    names = CddNames.declared(codecs, generators)
    protocol_rows = (row for pair in pairs for row in pair.rows(names))
    return Corpus(Path(root) if root else _root(folder, pairs), protocol_rows, folder)


@dataclass(frozen=True)
class _Audio:
    path: str
    where: str


@dataclass(frozen=True)
class _Pair:
    """One pair of files: the audio of each utterance from the .tsv, and the .txt with its labels, `facts`."""

    audio: Mapping[str, _Audio]
    facts: Path
    split: str

    @classmethod
    def open(cls, folder: Path, name: str, split: str) -> _Pair:
        audio: dict[str, _Audio] = {}
        first_lines: dict[str, str] = {}
        for line in protocol_lines(folder / f"{name}.tsv", (2,), id_field=0, separator=_TAB):
            utterance, path = line.fields
            first = first_lines.setdefault(path, line.where)
            if first != line.where:
                raise RequestError(f"{line.where}: path {path!r} was in {first} before; it may come only once")
            audio[utterance] = _Audio(path, line.where)
        return cls(audio, require_path(folder / f"{name}.txt", folder=False), split)

    def rows(self, names: CddNames) -> Iterator[ProtocolRow]:
        remaining = dict(self.audio)
        for line in protocol_lines(self.facts, (5,), id_field=0, separator=_TAB):
            utterance, corpus, speaker, attacker, label = line.fields
            audio = remaining.pop(utterance, None)
            if audio is None:
                raise RequestError(f"{line.where}: {utterance!r} is not in {self.facts.with_suffix('.tsv')}")
            kind = names.kind(label, attacker, corpus, line.where)
            yield ProtocolRow(
                utterance_id=utterance,
                path=audio.path,
                speaker=speaker,
                split=self.split,
                key=kind.key,
                attack=kind.attack,
                codec=kind.codec,
                origin=recording_of(kind, utterance, Path(audio.path).stem),
                source=corpus,
                line=line.number,
            )
        if remaining:
            utterance, audio = next(iter(remaining.items()))
            others = len(remaining) - 1
            raise RequestError(f"{audio.where}: {utterance!r} is not in {self.facts}, nor are {others} more")


def _splits(folder: Path, option: str | Sequence[str] | Mapping[str, Any] | None) -> dict[str, str]:
    """The names of the pairs, and the split of each."""
    if option is None:
        splits: dict[str, str] = {name: name for name in SPLITS if (folder / f"{name}.tsv").is_file()}
        if not splits:
            present = ", ".join(sorted(file.name for file in folder.glob("*.tsv"))) or "none"
            raise RequestError(
                f"{folder}: no train.tsv, dev.tsv or test.tsv (.tsv files: {present}); name the pairs: "
                '--option \'splits={"NAME": "test"}\''
            )
        return splits
    if isinstance(option, Mapping) or (isinstance(option, str) and option.lstrip().startswith("{")):
        pairs = parse_mapping(option, "splits")
        return {name: parse_split(str(split), "option splits") for name, split in pairs.items()}
    return {name: parse_split(name, "option splits") for name in parse_names(option)}


def _root(folder: Path, pairs: list[_Pair]) -> Path:
    parents = {os.path.dirname(audio.path) for pair in pairs for audio in pair.audio.values()}
    if parents and all(os.path.isabs(parent) for parent in parents):
        return Path(os.path.commonpath(parents))
    return folder
