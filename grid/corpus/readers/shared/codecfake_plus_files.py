"""Owns the kinds of protocol files that CodecFake+ has, and how one is told from another: by name, then by shape.

    cors          CoRS_labels.txt      speaker file label                       the release
    cosg          CoSG_labels.txt      model clip QUA AUX DEC label             the release
    cors-all      CoRS_ALL.txt         speaker utterance - - label              CodecFake-Source-Tracing, evaluation
    cosg-all      CoSG_ALL.txt         model clip - [-] label                   likewise; lines of 4 and of 5 fields
    cosg-seen     CoSG_SEEN.txt        model clip - VQ label                    likewise
    balanced-aux  *_mult_learn.txt     speaker utterance - AUX DEC VQ label     likewise, training; also -dec and -vq

So the first field is a speaker or a model, the second an utterance and the last a label in all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from grid.core.errors import RequestError, unknown_name
from grid.core.vocabulary import SPLITS

Fields = list[str]


@dataclass(frozen=True)
class FileKind:
    """One kind of file: the pattern of its name, the numbers of fields a line may have, and what it lists."""

    name: str
    pattern: str
    fields: tuple[int, ...]
    cosg: bool = False

    @property
    def balanced(self) -> bool:
        return self.name.startswith("balanced")


KINDS = (
    FileKind("cors", "CoRS_labels*.txt", (3,)),
    FileKind("cosg", "CoSG_labels*.txt", (6,), cosg=True),
    FileKind("cors-all", "CoRS_ALL*.txt", (5,)),
    FileKind("cosg-all", "CoSG_ALL*.txt", (4, 5), cosg=True),
    FileKind("cosg-seen", "CoSG_SEEN*.txt", (5,), cosg=True),
    FileKind("balanced-aux", "*_mult_learn.txt", (7,)),
    FileKind("balanced-dec", "*_mult_learn_bal_dec.txt", (7,)),
    FileKind("balanced-vq", "*_mult_learn_bal_vq.txt", (7,)),
)
_BY_NAME = {kind.name: kind for kind in KINDS}


@dataclass(frozen=True)
class ProtocolFile:
    """A file and its kind; `split` is that of all its lines, None where the speaker decides."""

    path: Path
    kind: FileKind
    split: str | None


def protocol_files(path: Path, kind: str | None) -> list[ProtocolFile]:
    """The file at `path`, or the balanced ones in that folder, train before dev before test.

    `kind` is asked for where name and shape do not tell. Raises RequestError for an unknown kind, for a file that is
    of none, and for a folder without balanced files or with those of several kinds.
    """
    forced = kind_named(kind) if kind is not None else None
    if path.is_dir():
        return _balanced_files(path, forced)
    found = forced or _by_name(path) or _by_shape(path)
    return [ProtocolFile(path, found, _split(path, found))]


def kind_named(name: str) -> FileKind:
    """The kind called `name`, or RequestError."""
    if name not in _BY_NAME:
        raise unknown_name("kind of CodecFake+ file", name, _BY_NAME)
    return _BY_NAME[name]


def lines(path: Path) -> Iterator[tuple[int, Fields]]:
    """(line number, fields) of each line that is not blank; the last line may lack its end."""
    with path.open(encoding="utf-8-sig") as stream:
        try:
            for number, line in enumerate(stream, 1):
                if fields := line.split():
                    yield number, fields
        except UnicodeDecodeError as error:
            raise RequestError(f"{path}: not a text in UTF-8: {error}") from error


def _balanced_files(folder: Path, forced: FileKind | None) -> list[ProtocolFile]:
    kinds = [forced] if forced else [kind for kind in KINDS if kind.balanced]
    found = {
        kind: [folder / file for split in SPLITS if (folder / (file := kind.pattern.replace("*", split))).is_file()]
        for kind in kinds
        if kind.balanced
    }
    present = [kind for kind in found if found[kind]]
    if len(present) > 1:
        raise RequestError(
            f"{folder}: holds {', '.join(kind.name for kind in present)}; say which: --option kind={present[0].name}"
        )
    if not present:
        wanted = ", ".join(kind.pattern for kind in kinds)
        raise RequestError(f"{folder}: none of train, dev and test of {wanted} is there; or give one file as PATH")
    return [ProtocolFile(path, present[0], _split(path, present[0])) for path in found[present[0]]]


def _by_name(path: Path) -> FileKind | None:
    return next((kind for kind in KINDS if fnmatchcase(path.name, kind.pattern)), None)


def _by_shape(path: Path) -> FileKind:
    number, fields = next(lines(path), (0, []))
    if len(fields) == 5 and fields[1].startswith(f"{fields[0]}_"):
        return _BY_NAME["cors-all"]
    if len(fields) == 5 and fields[3] != "-":
        return _BY_NAME["cosg-seen"]
    shapes = {3: "cors", 4: "cosg-all", 5: "cosg-all", 6: "cosg", 7: "balanced-aux"}
    if len(fields) not in shapes:
        raise RequestError(
            f"{path}:{number}: {len(fields)} fields, as no file of CodecFake+ has; kinds: {', '.join(_BY_NAME)}"
        )
    return _BY_NAME[shapes[len(fields)]]


def _split(path: Path, kind: FileKind) -> str | None:
    """What the kind or the file's name says; a file with a name of its own goes by speaker."""
    if kind.cosg or kind.name == "cors-all":
        return "test"
    return next((split for split in SPLITS if kind.balanced and path.name.startswith(f"{split}_")), None)
