"""The CSV reader: accepted columns, defaults, and errors with the line."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from grid.core.errors import RequestError
from grid.corpus.protocol import ProtocolRow
from grid.corpus.readers import READERS, open_corpus


def write(tmp_path: Path, text: str, name: str = "p.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def read(path: Path, **options: Any) -> list[ProtocolRow]:
    return list(open_corpus("csv", path, **options).rows)


def test_readers_are_found_by_name_without_import() -> None:
    assert {"csv", "deepfense", "vctk"} <= set(READERS.names())


def test_csv_with_all_columns_fills_the_row(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "path,utterance_id,speaker,source,split,key,attack,codec,origin,sha256\n"
        "x/a.wav,a,p1,vctk,dev,spoof,A07,mimi,b,ABC\n",
    )
    assert read(path) == [ProtocolRow("a", "x/a.wav", "p1", "dev", "spoof", "A07", "mimi", "b", "vctk", "ABC", 2)]


def test_csv_with_the_required_columns_takes_defaults(tmp_path: Path) -> None:
    path = write(tmp_path, "utterance_id,path\na,a.wav\n")
    corpus = open_corpus("csv", path)
    assert corpus.root == tmp_path
    assert list(corpus.rows) == [ProtocolRow("a", "a.wav", "", "test", "bonafide", line=2)]
    assert read(path, split="train")[0].split == "train"
    assert open_corpus("csv", path, root=str(tmp_path / "audio")).root == tmp_path / "audio"


def test_csv_with_byte_order_mark_crlf_quotes_and_blank_lines_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, '\ufeffutterance_id,path\r\n\r\n"a","x, y.wav"\r\n b , b.wav \r\n')
    assert [(row.utterance_id, row.path, row.line) for row in read(path)] == [("a", "x, y.wav", 3), ("b", "b.wav", 4)]


def test_csv_named_tsv_is_split_at_tabs(tmp_path: Path) -> None:
    assert read(write(tmp_path, "utterance_id\tpath\na\ta,b.wav\n", "p.tsv"))[0].path == "a,b.wav"


@pytest.mark.parametrize(
    ("spelling", "key"),
    [
        ("bonafide", "bonafide"),
        ("genuine", "bonafide"),
        ("real", "bonafide"),
        ("Real", "bonafide"),
        ("bona-fide", "bonafide"),
        ("", "bonafide"),
        ("spoof", "spoof"),
        ("spoofs", "spoof"),
        ("spoofing", "spoof"),
        ("fake", "spoof"),
    ],
)
def test_csv_with_a_known_spelling_gives_the_key(tmp_path: Path, spelling: str, key: str) -> None:
    assert read(write(tmp_path, f"utterance_id,path,key\na,a.wav,{spelling}\n"))[0].key == key


def test_csv_with_other_columns_ignores_and_logs_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        read(write(tmp_path, "utterance_id,path,gender,seconds\na,a.wav,f,1.0\n"))
    assert "columns ignored: gender, seconds" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "id,file\n",
            r"p\.csv: columns utterance_id, path are missing\. Found: id, file\. Expected: utterance_id, path",
        ),
        ("", "Found: nothing"),
        ("utterance_id,path,key\na,a.wav,spoof\nb,b.wav,bonafied\n", r"p\.csv:3: unknown key 'bonafied'.*'bonafide'"),
        ("utterance_id,path,split\na,a.wav,eval\n", r"p\.csv:2: unknown split 'eval'"),
        ("utterance_id,path\na\n", r"p\.csv:2: 1 fields, the header has 2"),
        ("utterance_id,path\na,b,c\n", r"p\.csv:2: 3 fields, the header has 2"),
    ],
)
def test_csv_that_is_wrong_names_file_line_and_choices(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        read(write(tmp_path, text))


def test_csv_that_is_not_utf8_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes(b"utterance_id,path\n\xe4,a.wav\n")
    with pytest.raises(RequestError, match="not a CSV file in UTF-8"):
        read(tmp_path / "latin.csv")
    with pytest.raises(RequestError, match="expected a file, there is nothing"):
        read(tmp_path / "absent.csv")
    with pytest.raises(RequestError, match="expected a file, it is a folder"):
        read(tmp_path)


def test_open_corpus_with_unknown_reader_or_option_names_the_choices(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="unknown reader 'cvs'; did you mean 'csv'"):
        open_corpus("cvs", tmp_path)
    with pytest.raises(RequestError, match="unknown option of reader 'csv' 'splt'; did you mean 'split'"):
        open_corpus("csv", tmp_path / "p.csv", splt="dev")


@pytest.mark.parametrize(("said", "pending"), [("yes", True), ("Yes", True), ("no", False), ("", False)])
def test_csv_says_which_rows_have_their_codec_still_to_be_applied(tmp_path: Path, said: str, pending: bool) -> None:
    path = write(tmp_path, f"utterance_id,path,codec,origin,pending\na~mu-law,a.wav,mu-law,a,{said}\n")
    assert [row.pending for row in read(path)] == [pending]


@pytest.mark.parametrize(
    ("codec", "said", "message"),
    [
        ("mu-law", "perhaps", r"p\.csv:2: unknown value of pending 'perhaps'"),
        ("mulaw", "yes", r"p\.csv:2: unknown codec 'mulaw'; did you mean 'mu-law'\?"),
        ("", "yes", r"p\.csv:2: unknown codec ''"),
    ],
)
def test_csv_with_a_pending_that_cannot_be_names_the_line(tmp_path: Path, codec: str, said: str, message: str) -> None:
    path = write(tmp_path, f"utterance_id,path,codec,origin,pending\nx,a.wav,{codec},a,{said}\n")
    with pytest.raises(RequestError, match=message):
        read(path)
