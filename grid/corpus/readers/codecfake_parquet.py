"""Reads CodecFake (Wu et al., Interspeech 2024) in the Parquet form of Hugging Face, rogertseng/CodecFake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow.parquet as pq

from grid.core.errors import RequestError
from grid.corpus.codec_tags import REFUSE, check_unknown_codecs
from grid.corpus.protocol import Corpus, ProtocolRow
from grid.corpus.readers import READERS
from grid.corpus.readers.shared.codecfake_rows import (
    GENUINE,
    CodecFakeRows,
    Entry,
    RecordingName,
    Speakers,
    speaker_splits,
)
from grid.corpus.readers.shared.parquet_audio import extracted, parquet_files
from grid.corpus.readers.vctk import DEV_SPEAKERS, TEST_SPEAKERS

COLUMNS = ("label", "speaker_id", "codec_name")


@READERS.register("codecfake-parquet")
def rows(
    path: Path,
    *,
    extract: str = "",
    dev: Speakers = DEV_SPEAKERS,
    test: Speakers = TEST_SPEAKERS,
    unknown_codecs: str = REFUSE,
) -> Corpus:
    """The rows of a Parquet file, or of all in a folder, sorted by name; their meaning is as in the reader `codecfake`.

    `extract` is the folder that the audio is written to, as `<codec>/<stem>.wav` with the codec's own tag; it is
    required, and existing files are kept. An id is the stem of audio.path, followed by the tag unless it is a
    recording. Lines count rows over all files, from 1.
    """
    if not extract:
        raise RequestError(
            "codecfake-parquet: the option extract is missing: the folder for 80 GB of audio, such as "
            "--option extract=/data/codecfake"
        )
    files = parquet_files(path)
    splits = speaker_splits(dev, test)
    check_unknown_codecs(unknown_codecs)
    folder = Path(extract)
    folder.mkdir(parents=True, exist_ok=True)
    return Corpus(root=folder, rows=_rows(files, folder, splits, unknown_codecs), protocol=path)


def _rows(files: Sequence[Path], folder: Path, splits: dict[str, str], unknown_codecs: str) -> Iterator[ProtocolRow]:
    converter: CodecFakeRows | None = None
    for item in extracted(files, folder, COLUMNS, name=_name):
        # only now, as the first file is known to have the expected columns
        converter = converter or CodecFakeRows(_recordings(files), splits, unknown_codecs)
        values = {name: str(item.values[name] or "") for name in COLUMNS}
        yield converter.row(
            Entry(
                stem=item.stem or f"row-{item.row}",
                speaker=values["speaker_id"],
                label=values["label"],
                tag=values["codec_name"],
                path=item.path,
                where=item.where,
                line=item.row,
            )
        )


def _name(stem: str, values: dict[str, Any], row: int) -> str:
    return f"{values['codec_name']}/{stem or f'row-{row}'}"


def _recordings(files: Sequence[Path]) -> set[RecordingName]:
    """The recordings of all files, read without their audio."""
    recordings: set[RecordingName] = set()
    for file in files:
        table = pq.ParquetFile(file).read(columns=["audio.path", "speaker_id", "codec_name"])
        for row in table.to_pylist():
            if row["codec_name"] == GENUINE and row["audio"] and row["audio"]["path"]:
                recordings.add((str(row["speaker_id"]), PurePosixPath(row["audio"]["path"]).stem))
    return recordings
