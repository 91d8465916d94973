"""The kinds of protocol files of CodecFake+, recognised by file name, else by the fields of the first line.

    cors          CoRS_labels.txt      speaker file label                       the release
    cosg          CoSG_labels.txt      model clip QUA AUX DEC label             the release
    cors-all      CoRS_ALL.txt         speaker utterance - - label              CodecFake-Source-Tracing, evaluation
    cosg-all      CoSG_ALL.txt         model clip - [-] label                   likewise; lines of 4 and of 5 fields
    cosg-seen     CoSG_SEEN.txt        model clip - VQ label                    likewise
    balanced-aux  *_mult_learn.txt     speaker utterance - AUX DEC VQ label     likewise, training; also -dec and -vq

In all of them the first field is a speaker or a model, the second an utterance and the last a label.
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
    """One kind of file: the pattern of its name, the allowed numbers of fields, and whether it lists CoSG or CoRS."""

    name: str
    pattern: str
    fields: tuple[int, ...]
    cosg: bool = False

    @property
    def balanced(self) -> bool:
        """Whether it is a file of a balanced training set."""
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
    """A file and its kind; `split` is that of all its lines, None where it depends on the speaker."""

    path: Path
    kind: FileKind
    split: str | None


def protocol_files(path: Path, kind: str | None) -> list[ProtocolFile]:
    """The file at `path`, or the balanced files in the folder `path` in the order train, dev, test.

    `kind` overrides the recognition. Raises RequestError for an unknown kind, for a file that is of no kind, and for a
    folder without balanced files or with balanced files of several kinds.
    """
    forced = kind_named(kind) if kind is not None else None
    if path.is_dir():
        return _balanced_files(path, forced)
    file_kind = forced or _by_name(path) or _by_shape(path)
    return [ProtocolFile(path, file_kind, _split(path, file_kind))]


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
    files = {
        kind: [folder / file for split in SPLITS if (folder / (file := kind.pattern.replace("*", split))).is_file()]
        for kind in kinds
        if kind.balanced
    }
    present = [kind for kind in files if files[kind]]
    if len(present) > 1:
        raise RequestError(
            f"{folder}: holds {', '.join(kind.name for kind in present)}; say which: --option kind={present[0].name}"
        )
    if not present:
        patterns = ", ".join(kind.pattern for kind in kinds)
        raise RequestError(f"{folder}: none of train, dev and test of {patterns} is there; or give one file as PATH")
    return [ProtocolFile(path, present[0], _split(path, present[0])) for path in files[present[0]]]


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
    """The split by the kind or the file name; None where the lines are split by speaker."""
    if kind.cosg or kind.name == "cors-all":
        return "test"
    return next((split for split in SPLITS if kind.balanced and path.name.startswith(f"{split}_")), None)
