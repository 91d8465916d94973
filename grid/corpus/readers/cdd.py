"""Reads the protocols that the authors of CDD train from (Xiao et al., ICASSP 2026; XIAOYixuan/IMS-ADD)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grid.core.errors import RequestError
from grid.core.vocabulary import SPLITS
from grid.corpus.protocol import Corpus, ProtocolRow, existing, listed, mapped, parse_split, protocol_lines
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
    `splits` names the pairs that are read, or maps their names to train, dev or test (default: those of train, dev and
    test that are there). `codecs` and `generators` say what further names of attackers or original corpora mean, such
    as {"MyCodec": "dac-44khz"}; names of CDD are known. CoRS is bona fide by key, whatever the file calls it.
    `root` is the folder of the audio (default: `path`, or what absolute paths have in common).

    Raises RequestError, with file and line, unless ids and paths come once and each utterance is in both files.
    """
    folder = existing(path, folder=True)
    pairs = [_Pair.opened(folder, name, split) for name, split in _splits(folder, splits).items()]
    names = CddNames.declared(codecs, generators)
    found = (row for pair in pairs for row in pair.rows(names))
    return Corpus(Path(root) if root else _root(folder, pairs), found, folder)


@dataclass(frozen=True)
class _Audio:
    path: str
    where: str


@dataclass(frozen=True)
class _Pair:
    """One pair of files: what is heard, by utterance, and the file that says what it is."""

    audio: Mapping[str, _Audio]
    facts: Path
    split: str

    @classmethod
    def opened(cls, folder: Path, name: str, split: str) -> _Pair:
        audio: dict[str, _Audio] = {}
        places: dict[str, str] = {}
        for line in protocol_lines(folder / f"{name}.tsv", (2,), id_field=0, separator=_TAB):
            utterance, path = line.fields
            first = places.setdefault(path, line.where)
            if first != line.where:
                raise RequestError(f"{line.where}: path {path!r} was in {first} before; it may come only once")
            audio[utterance] = _Audio(path, line.where)
        return cls(audio, existing(folder / f"{name}.txt", folder=False), split)

    def rows(self, names: CddNames) -> Iterator[ProtocolRow]:
        left = dict(self.audio)
        for line in protocol_lines(self.facts, (5,), id_field=0, separator=_TAB):
            utterance, corpus, speaker, attacker, label = line.fields
            audio = left.pop(utterance, None)
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
        if left:
            utterance, audio = next(iter(left.items()))
            raise RequestError(f"{audio.where}: {utterance!r} is not in {self.facts}, nor are {len(left) - 1} more")


def _splits(folder: Path, given: str | Sequence[str] | Mapping[str, Any] | None) -> dict[str, str]:
    """The names of the pairs, and the split of each."""
    if given is None:
        found: dict[str, str] = {name: name for name in SPLITS if (folder / f"{name}.tsv").is_file()}
        if not found:
            there = ", ".join(sorted(file.name for file in folder.glob("*.tsv"))) or "none"
            raise RequestError(
                f"{folder}: no train.tsv, dev.tsv or test.tsv (.tsv files: {there}); name the pairs: "
                '--option \'splits={"NAME": "test"}\''
            )
        return found
    if isinstance(given, Mapping) or (isinstance(given, str) and given.lstrip().startswith("{")):
        return {name: parse_split(str(split), "option splits") for name, split in mapped(given, "splits").items()}
    return {name: parse_split(name, "option splits") for name in listed(given)}


def _root(folder: Path, pairs: list[_Pair]) -> Path:
    parents = {os.path.dirname(audio.path) for pair in pairs for audio in pair.audio.values()}
    if parents and all(os.path.isabs(parent) for parent in parents):
        return Path(os.path.commonpath(parents))
    return folder
