"""Reads a folder of samples from demo pages and its CSV description: how CodecFake+ (Chen et al., 2025) built CoSG."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from grid.codecs.catalogue import load_catalogue
from grid.codecs.taxonomy import parse_place
from grid.core.errors import RequestError, unknown_name
from grid.core.vocabulary import BONAFIDE, SPOOF
from grid.corpus.cosg_systems import cosg_systems
from grid.corpus.protocol import Corpus, ProtocolRow, parse_split, require_path
from grid.corpus.readers import READERS
from grid.corpus.readers.shared.trimming import trimmed

REQUIRED = ("path", "system", "role")
OPTIONAL = ("utterance_id", "speaker", "split", "trim_start", "codec", "qua", "aux", "dec", "origin")
PROMPT, GENERATED = "prompt", "generated"
SOURCE = "cosg"

Values = dict[str, str]


@READERS.register("cosg-folder")
def rows(path: Path, *, root: str | None = None, split: str = "test") -> Corpus:
    """The rows of a CSV with a header: columns REQUIRED, and any of OPTIONAL; other columns are ignored.

    `role` is prompt (a recording, bona fide) or generated (spoof, with the system as attack). The codec of a system
    of CodecFake+ is that of cosg_systems.yaml; for another system the row states `codec`, a name of the catalogue, or
    `qua`, `aux` and `dec`. For a row with `trim_start`, in seconds, a copy without the start is written to the folder
    `trimmed` of the root: some systems repeat their prompt. The utterance id defaults to the path without its suffix.

    `root` is the folder that paths are relative to (default: that of the CSV); `split` is that of rows without one.
    Raises RequestError, with the line, for errors of the CSV.
    """
    path = require_path(path, folder=False)
    audio = Path(root) if root else path.parent
    return Corpus(audio, _rows(path, audio, parse_split(split, str(path))), path)


def _rows(path: Path, root: Path, split: str) -> Iterator[ProtocolRow]:
    for number, values in _lines(path):
        where = f"{path}:{number}"
        if values["role"] not in (PROMPT, GENERATED):
            raise unknown_name("role", values["role"], (PROMPT, GENERATED), where=where)
        if not values["system"]:
            raise RequestError(f"{where}: the system is empty")
        generated, system = values["role"] == GENERATED, values["system"].lower()
        start = _seconds(values.get("trim_start", ""), where)
        yield ProtocolRow(
            utterance_id=values.get("utterance_id") or str(PurePosixPath(values["path"]).with_suffix("")),
            path=trimmed(root, values["path"], start, where) if start else values["path"],
            speaker=values.get("speaker", ""),
            split=parse_split(values.get("split") or split, where),
            key=SPOOF if generated else BONAFIDE,
            attack=system if generated else "",
            codec=_codec(system, values, where) if generated else "",
            origin=values.get("origin", ""),
            source=f"{SOURCE}/{system}",
            line=number,
        )


def _codec(system: str, values: Values, where: str) -> str:
    """The codec or place in the taxonomy that the row states, else the codec of its system."""
    if values.get("codec"):
        return load_catalogue().get(values["codec"], where=where).name
    place = [values.get(axis, "") for axis in ("qua", "aux", "dec")]
    if any(place):
        return parse_place(place[0], place[1], place[2], where).name
    if system not in cosg_systems():
        error = unknown_name("system", system, cosg_systems(), where=where)
        raise RequestError(f"{error} Of another one, give the columns codec, or qua, aux and dec.")
    return cosg_systems()[system].codec


def _seconds(text: str, where: str) -> float:
    try:
        value = float(text or 0)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise RequestError(f"{where}: trim_start {text!r} is no number of seconds")
    return value


def _lines(path: Path) -> Iterator[tuple[int, Values]]:
    """The lines below the header with their numbers; RequestError for a missing column or a wrong number of fields."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream)
        try:
            header = [name.strip() for name in next(reader, [])]
            missing = [name for name in REQUIRED if name not in header]
            if missing:
                present = ", ".join(header) or "nothing"
                expected = f"{', '.join(REQUIRED)}, and if known {', '.join(OPTIONAL)}"
                raise RequestError(
                    f"{path}: columns {', '.join(missing)} are missing. Found: {present}. Expected: {expected}."
                )
            for fields in filter(None, reader):
                if len(fields) != len(header):
                    raise RequestError(f"{path}:{reader.line_num}: {len(fields)} fields, the header has {len(header)}")
                yield reader.line_num, {name: field.strip() for name, field in zip(header, fields, strict=True)}
        except (csv.Error, UnicodeDecodeError) as error:
            raise RequestError(f"{path}: not a CSV file in UTF-8, after line {reader.line_num}: {error}") from error
