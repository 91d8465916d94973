"""Reads RIRS_NOISES (OpenSLR 28) for augmentation: room impulse responses or noises; or any folder of such files.

The release (Ko et al., "A study on data augmentation of reverberant speech for robust speech recognition", ICASSP 2017)
lists its files in `rir_list` and `noise_list` in Kaldi's format, with paths from the folder above the release:

    --rir-id small-Room001-00001 --room-id small-Room001 RIRS_NOISES/simulated_rirs/smallroom/Room001/Room001-00001.wav
    --noise-id 00001 --noise-type isotropic --room-linkage RVB2014_largeroom1 RIRS_NOISES/.../NAME.wav
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from grid.core.errors import RequestError, unknown_name
from grid.corpus.protocol import Corpus, ProtocolRow, require_path
from grid.corpus.readers import READERS

KINDS = ("rir", "noise", "any")

_RELEASE = "RIRS_NOISES"
_LISTS = {"rir": "rir_list", "noise": "noise_list"}
_ROOM_OPTIONS = ("--room-id", "--room-linkage")
_SUFFIXES = (".wav", ".flac")

_Sets = list[tuple[str, Path]]


@READERS.register("rirs")
def rows(path: Path, *, kind: str = "rir", sets: str | Sequence[str] = ()) -> Corpus:
    """The impulse responses (`kind` rir) or noises (noise) of the lists below `path`, or every file (any).

    `path` is RIRS_NOISES, a folder above or below it, or any folder. A set is the folder of a list: smallroom,
    mediumroom, largeroom, real_rirs_isotropic_noises, pointsource_noises. Without lists every .wav and .flac file is
    used, and its set is the folder directly below `path`. `sets`, a sequence or comma-separated names, selects sets.
    `any` uses every file as well, noises included, as the CDD code does with the whole release.

    All rows are train and bona fide; `source` is the set, `speaker` the room if a list states it, and the utterance id
    is the path in the release, or below `path`, without its suffix. Raises RequestError for an unknown kind or set, for
    no files, for lists of the other kind only, and with the line for a wrong entry of a list.
    """
    root = require_path(path, folder=True)
    if kind not in KINDS:
        raise unknown_name("kind", kind, KINDS, where=str(path))
    lists = {name: _lists(root, file_name) for name, file_name in _LISTS.items()}
    if kind != "any" and lists[kind]:
        chosen = _of_sets(lists[kind], sets, path)
        return Corpus(root, (row for name, file in chosen for row in _listed(file, name, root)), protocol=path)
    if kind != "any" and any(lists.values()):
        raise RequestError(f"{path}: no {_LISTS[kind]} here, only lists of the other kind; give the folder {_RELEASE}")
    files = _of_sets(_files(root), sets, path)
    return Corpus(root, (_unlisted(file, name, root) for name, file in files), protocol=path)


def _lists(root: Path, name: str) -> _Sets:
    return [(file.parent.name, file) for file in sorted(root.rglob(name))]


def _files(root: Path) -> _Sets:
    files = sorted(file for file in root.rglob("*") if file.suffix.lower() in _SUFFIXES)
    return [(root.name if file.parent == root else file.relative_to(root).parts[0], file) for file in files]


def _of_sets(pairs: _Sets, sets: str | Sequence[str], path: Path) -> _Sets:
    """The pairs whose set is among `sets`, or all of them when that is empty."""
    names = [name.strip() for name in (sets.split(",") if isinstance(sets, str) else sets) if name.strip()]
    present = {name for name, _ in pairs}
    if not present:
        raise RequestError(
            f"{path}: no {' or '.join(_SUFFIXES)} files; give the folder {_RELEASE} or one of such files"
        )
    for name in names:
        if name not in present:
            raise unknown_name("set", name, present, where=str(path))
    return [(name, file) for name, file in pairs if not names or name in names]


def _unlisted(file: Path, name: str, root: Path) -> ProtocolRow:
    relative = PurePosixPath(file.relative_to(root).as_posix())
    return ProtocolRow(str(relative.with_suffix("")), str(relative), split="train", source=name)


def _listed(file: Path, name: str, root: Path) -> Iterator[ProtocolRow]:
    base: Path | None = None
    for line, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if not text.strip():
            continue
        entry, room = _parsed(text, f"{file}:{line}")
        base = base or _base(file, entry, f"{file}:{line}")
        yield ProtocolRow(
            utterance_id=str(entry.with_suffix("")),
            path=Path(os.path.relpath(base / entry, root)).as_posix(),
            speaker=room,
            split="train",
            source=name,
            line=line,
        )


def _parsed(text: str, where: str) -> tuple[PurePosixPath, str]:
    """The file of a line of a list, relative to the release, and the room if the line has one."""
    words = text.split()
    options: dict[str, str] = {}
    while len(words) > 1 and words[0].startswith("--"):
        options[words[0]] = words[1]
        words = words[2:]
    if len(words) != 1 or words[0].startswith("--"):
        raise RequestError(f"{where}: expected options such as --rir-id NAME and then one file, not {text.strip()!r}")
    entry = PurePosixPath(words[0])
    if entry.parts[0] == _RELEASE:
        entry = entry.relative_to(_RELEASE)
    return entry, next((options[name] for name in _ROOM_OPTIONS if name in options), "")


def _base(file: Path, entry: PurePosixPath, where: str) -> Path:
    """The folder above the list that `entry` is relative to, whatever the folder of the release is called."""
    for folder in file.parents:
        if (folder / entry).is_file():
            return folder
    raise RequestError(f"{where}: {entry} is in none of the folders above this list; is the release complete?")
