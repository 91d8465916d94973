"""Reads datalist.csv of CodecFake (Wu et al., Interspeech 2024): VCTK and its resynthesis through 15 codecs."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from grid.core.errors import RequestError
from grid.corpus.codec_tags import REFUSE, check_unknown_codecs
from grid.corpus.protocol import Corpus, ProtocolRow, require_path
from grid.corpus.readers import READERS
from grid.corpus.readers.shared.codecfake_rows import (
    GENUINE,
    CodecFakeRows,
    Entry,
    RecordingName,
    Speakers,
    layout_of,
    speaker_splits,
)
from grid.corpus.readers.vctk import DEV_SPEAKERS, TEST_SPEAKERS

COLUMNS = ("wavpath", "label", "spkID", "CodecName")
FIELDS = ("wavpath", "file", "stem", "speaker", "codec")


@READERS.register("codecfake")
def rows(
    path: Path,
    *,
    root: str | None = None,
    layout: str = "{wavpath}",
    dev: Speakers = DEV_SPEAKERS,
    test: Speakers = TEST_SPEAKERS,
    unknown_codecs: str = REFUSE,
) -> Corpus:
    """The rows of datalist.csv (four columns, with or without a header), split by speaker; other speakers are train.

    Resynthesised speech (CoRS), which the list labels spoofing, is stored with key bonafide, the catalogue's name of
    its codec, no attack, and as origin the recording of the same speaker and stem; its label in training is set by the
    policy. `valle` is generated speech: key spoof, attack valle, through VALL-E's EnCodec, always test.

    `root` is the folder of the audio (default: the folder of the list); `layout` is the path of a file in it, from the
    fields wavpath, file, stem, speaker and codec (the tag of the list), such as `{codec}/{file}`; `dev` and `test` are
    speakers. Raises RequestError, with the line, for an unknown codec, unless `unknown_codecs=keep`, which uses it as a
    name.
    """
    path = require_path(path, folder=False)
    lines = _rows(path, layout_of(layout, FIELDS), speaker_splits(dev, test), check_unknown_codecs(unknown_codecs))
    return Corpus(root=Path(root) if root else path.parent, rows=lines, protocol=path)


class _Line(NamedTuple):
    number: int
    wavpath: str
    label: str
    speaker: str
    tag: str


def _rows(path: Path, place: Callable[..., str], splits: dict[str, str], unknown_codecs: str) -> Iterator[ProtocolRow]:
    # read twice, as a recording may come after the utterances made from it
    recordings: set[RecordingName] = {
        (line.speaker, PurePosixPath(line.wavpath).stem) for line in _lines(path) if line.tag == GENUINE
    }
    converter = CodecFakeRows(recordings, splits, unknown_codecs)
    for number, wavpath, label, speaker, tag in _lines(path):
        file = wavpath.rpartition("/")[2]
        stem = file.rpartition(".")[0] or file
        audio = place(wavpath=wavpath, file=file, stem=stem, speaker=speaker, codec=tag)
        yield converter.row(Entry(stem, speaker, label, tag, audio, f"{path}:{number}", number))


def _lines(path: Path) -> Iterator[_Line]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, skipinitialspace=True)
        try:
            for fields in reader:
                if not fields or (reader.line_num == 1 and fields[0].lower() == COLUMNS[0]):
                    continue
                if len(fields) != len(COLUMNS):
                    raise RequestError(f"{path}:{reader.line_num}: {len(fields)} fields; expected {','.join(COLUMNS)}")
                yield _Line(reader.line_num, *fields)
        except (csv.Error, UnicodeDecodeError) as error:
            raise RequestError(f"{path}: not a CSV file in UTF-8, after line {reader.line_num}: {error}") from error
