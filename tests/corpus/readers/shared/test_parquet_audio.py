"""Audio inside Parquet files: the files written, that they are written once, and the errors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from grid.core.errors import RequestError
from grid.corpus.readers.shared.parquet_audio import Extracted, extracted, parquet_files


def write(path: Path, *rows: tuple[bytes | None, str | None, str]) -> Path:
    audio = [{"bytes": content, "path": name} for content, name, _ in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"audio": audio, "label": [label for _, _, label in rows]}), path)
    return path


def named(stem: str, values: dict[str, Any], row: int) -> str:
    return f"{values['label']}/{stem or row}"


def test_audio_of_parquet_files_becomes_files_named_as_asked(tmp_path: Path) -> None:
    first = write(tmp_path / "data/train-0.parquet", (b"abc", "deep/p1_1.flac", "x"), (b"de", None, "y"))
    second = write(tmp_path / "data/train-1.parquet", (b"f", "p1_1.wav", "x"))
    rows = list(extracted([first, second], tmp_path / "out", ["label"], name=named))
    assert rows == [
        Extracted("x/p1_1.flac", "p1_1", {"label": "x"}, f"{first}:1", 1),
        Extracted("y/2.wav", "", {"label": "y"}, f"{first}:2", 2),
        Extracted("x/p1_1.wav", "p1_1", {"label": "x"}, f"{second}:1", 3),
    ]
    assert [(tmp_path / "out" / row.path).read_bytes() for row in rows] == [b"abc", b"de", b"f"]
    assert len([file for file in (tmp_path / "out").rglob("*") if file.is_file()]) == 3


def test_audio_that_is_there_with_its_size_is_not_written_again(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", (b"abc", "one.wav", "x"), (b"defg", "two.wav", "x"))
    out = tmp_path / "out"
    list(extracted([file], out, ["label"], name=named))
    os.utime(out / "x/one.wav", ns=(1, 1))
    (out / "x/two.wav").write_bytes(b"de")
    list(extracted([file], out, ["label"], name=named))
    assert (out / "x/one.wav").stat().st_mtime_ns == 1
    assert (out / "x/two.wav").read_bytes() == b"defg"


def test_row_without_bytes_writes_nothing(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", (None, "one.wav", "x"))
    (row,) = extracted([file], tmp_path / "out", ["label"], name=named)
    assert row.path == "x/one.wav"
    assert not (tmp_path / "out").exists()


def test_parquet_files_of_a_folder_are_those_of_the_split(tmp_path: Path) -> None:
    train = write(tmp_path / "data/train-00000-of-00001.parquet", (b"a", "a.wav", "x"))
    test = write(tmp_path / "test/0.parquet", (b"a", "a.wav", "x"))
    assert parquet_files(tmp_path) == [train, test]
    assert (parquet_files(tmp_path, split="train"), parquet_files(tmp_path, split="test")) == ([train], [test])
    assert parquet_files(train) == [train]
    with pytest.raises(RequestError, match=r"no Parquet files; expected a file, or a folder with dev-\*"):
        parquet_files(tmp_path, split="dev")


def test_parquet_that_is_wrong_says_what_is_missing(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", (b"a", "a.wav", "x"))
    with pytest.raises(RequestError, match=r"columns speaker are missing\. Found: audio, label"):
        list(extracted([file], tmp_path, ["speaker"], name=named))
    with pytest.raises(RequestError, match="column label is string; expected a struct of bytes and path"):
        list(extracted([file], tmp_path, [], name=named, audio="label"))
    (tmp_path / "b.parquet").write_text("no")
    with pytest.raises(RequestError, match="not a Parquet file"):
        list(extracted([tmp_path / "b.parquet"], tmp_path, [], name=named))


@pytest.mark.parametrize("label", ["..", "/tmp", "a/../../b"])
def test_audio_that_would_leave_the_folder_is_refused(tmp_path: Path, label: str) -> None:
    file = write(tmp_path / "a.parquet", (b"a", "a.wav", label))
    with pytest.raises(RequestError, match=r"a\.parquet:1: the audio file would be .* outside"):
        list(extracted([file], tmp_path / "out", ["label"], name=named))
