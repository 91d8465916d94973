"""The CodecFake reader, on lists in the form of datalist.csv and on its Parquet form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from grid.core.errors import RequestError
from grid.corpus.codec_tags import tags_of
from grid.corpus.importing import import_corpus
from grid.corpus.manifest import read_manifest
from grid.corpus.protocol import ProtocolRow
from grid.corpus.published_counts import compare, published_counts
from grid.corpus.readers import open_corpus
from tests.support.speechlike import write_tone

HEADER = "wavpath,label,spkID,CodecName"
LIST = (
    "SpeechTokenizer/p225_001.wav,spoofing,p225,SpeechTokenizer",
    "genuine/p225_001.wav,genuine,p225,genuine",
    "encodec_24khz/p226_002.wav,spoofing,p226,encodec_24khz",
    "genuine/p227_003.wav,genuine,p227,genuine",
    "valle/p225_001.wav,spoofing,p225,valle",
)


def write_list(folder: Path, *lines: str) -> Path:
    (folder / "datalist.csv").write_text("\n".join(lines) + "\n")
    return folder / "datalist.csv"


@pytest.mark.parametrize("header", [(), (HEADER,)])
def test_codecfake_list_gives_cors_by_codec_and_valle_as_attack(tmp_path: Path, header: tuple[str, ...]) -> None:
    rows = open_corpus("codecfake", write_list(tmp_path, *header, *LIST)).rows
    first = 1 + len(header)
    made: dict[str, Any] = {"source": "codecfake"}
    assert list(rows) == [
        ProtocolRow("p225_001-SpeechTokenizer", "SpeechTokenizer/p225_001.wav", "p225", "train", "bonafide",
                    codec="speechtokenizer-hubert-avg", origin="p225_001", line=first, **made),
        ProtocolRow("p225_001", "genuine/p225_001.wav", "p225", "train", "bonafide", line=first + 1, **made),
        ProtocolRow("p226_002-encodec_24khz", "encodec_24khz/p226_002.wav", "p226", "dev", "bonafide",
                    codec="encodec-24khz-1.5kbps", line=first + 2, **made),
        ProtocolRow("p227_003", "genuine/p227_003.wav", "p227", "test", "bonafide", line=first + 3, **made),
        ProtocolRow("p225_001-valle", "valle/p225_001.wav", "p225", "test", "spoof", "valle", "encodec-24khz-6kbps",
                    line=first + 4, **made),
    ]  # fmt: skip


def test_codecfake_of_all_codecs_imports_and_is_compared_with_the_paper(tmp_path: Path) -> None:
    tags = list(tags_of("codecfake"))
    speakers = ("p225", "p226", "p227", "p228", "p229")
    lines = [
        f"{tag}/{s}_001.wav,{'genuine' if tag == 'genuine' else 'spoofing'},{s},{tag}" for tag in tags for s in speakers
    ]
    for seed, line in enumerate(lines):
        write_tone(tmp_path / line.split(",")[0], 1600, seed=seed)
    path = write_list(tmp_path, HEADER, *lines)
    result = import_corpus(open_corpus("codecfake", path), tmp_path / "out", max_rejected_share=0)
    found = compare(read_manifest(result.manifest), published_counts("codecfake", path, {}))
    total, raw, cors, *rest = found
    recorded, resynthesised, codecs = rest[:3], rest[3:6], rest[6:]
    assert (total.utterances, raw.utterances, cors.utterances) == (16 * 5, 5, 15 * 5)
    assert [item.speakers for item in recorded] == [1, 2, 2]
    assert [item.published_speakers for item in recorded] == [103, 2, 2]
    assert [item.utterances for item in resynthesised] == [15, 30, 30]
    assert [item.utterances for item in codecs] == [5] * 15
    assert all(item.differs for item in (total, raw, cors, *codecs))


def test_published_codecfake_is_sixteen_equal_parts(tmp_path: Path) -> None:
    for reader in ("codecfake", "codecfake-parquet"):
        (one,) = published_counts(reader, tmp_path / "datalist.csv", {})
        codecs = [count.utterances or 0 for count in one.counts if count.codec]
        assert len(codecs) == 15
        assert sum(codecs) + 44_242 == one.counts[0].utterances == 707_872


def test_codecfake_layout_and_speakers_are_options(tmp_path: Path) -> None:
    path = write_list(tmp_path, "/old/disk/p225_001.wav,spoofing,p225,SpeechTokenizer")
    corpus = open_corpus(
        "codecfake", path, root="/audio", layout="{codec}/{speaker}/{stem}.flac", dev="p225,p230", test=["p226"]
    )
    (row,) = corpus.rows
    assert (corpus.root, row.path, row.split) == (Path("/audio"), "SpeechTokenizer/p225/p225_001.flac", "dev")
    with pytest.raises(RequestError, match=r"unknown field 'speker'; did you mean 'speaker'\?"):
        open_corpus("codecfake", path, layout="{speker}/{file}")
    with pytest.raises(RequestError, match="speakers p226 are in both dev and test"):
        open_corpus("codecfake", path, dev="p226", test="p226")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "a/p1_1.wav,spoofing,p1,encodec_48khz",
            r":2: unknown codec tag 'encodec_48khz'; did you mean 'encodec_24khz'",
        ),
        ("a/p1_1.wav,spoof?,p1,encodec_24khz", r":2: unknown key 'spoof\?'"),
        ("a/p1_1.wav,genuine,p1,encodec_24khz", r":2: label 'genuine' with codec 'encodec_24khz'.*shifted\?"),
        ("a/p1_1.wav,spoofing,p1,genuine", r":2: label 'spoofing' with codec 'genuine'"),
        ("a/p1_1.wav,spoofing,p1", r":2: 3 fields; expected wavpath,label,spkID,CodecName"),
    ],
)
def test_codecfake_line_that_is_wrong_is_named(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        list(open_corpus("codecfake", write_list(tmp_path, LIST[1], line)).rows)


def test_codecfake_unknown_codec_is_kept_when_asked(tmp_path: Path) -> None:
    path = write_list(tmp_path, "a/p1_1.wav,spoofing,p1,encodec_48khz")
    (row,) = open_corpus("codecfake", path, unknown_codecs="keep").rows
    assert (row.codec, row.key) == ("encodec_48khz", "bonafide")
    with pytest.raises(RequestError, match="unknown unknown_codecs 'kep'; did you mean 'keep'"):
        open_corpus("codecfake", path, unknown_codecs="kep")


def write_parquet(file: Path, *rows: tuple[str, ...]) -> None:
    audio = write_tone(file.parent / "tone.wav", 1600)
    columns: dict[str, list[Any]] = {
        "audio": [{"bytes": audio.read_bytes(), "path": path} for path, *_ in rows],
        "label": [row[1] for row in rows],
        "speaker_id": [row[2] for row in rows],
        "codec_name": [row[3] for row in rows],
    }
    pq.write_table(pa.table(columns), file)


def test_codecfake_parquet_extracts_once_and_says_the_same_as_the_list(tmp_path: Path) -> None:
    entries = [(line.split(",")[0], *line.split(",")[1:]) for line in LIST]
    write_parquet(tmp_path / "hub/data/train-00000-of-00002.parquet", *entries[:2])
    write_parquet(tmp_path / "hub/data/train-00001-of-00002.parquet", *entries[2:])
    out = tmp_path / "audio"
    corpus = open_corpus("codecfake-parquet", tmp_path / "hub", extract=str(out))
    assert list(corpus.rows) == list(open_corpus("codecfake", write_list(tmp_path, *LIST)).rows)
    before = {file: file.stat().st_mtime_ns for file in out.rglob("*.wav")}
    assert len(before) == 5
    again = open_corpus("codecfake-parquet", tmp_path / "hub", extract=str(out))
    result = import_corpus(again, tmp_path / "out", max_rejected_share=0)
    assert result.utterances == 5
    assert {file: file.stat().st_mtime_ns for file in out.rglob("*.wav")} == before


def test_codecfake_parquet_without_a_folder_asks_for_it(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", ("p1_1.wav", "genuine", "p1", "genuine"))
    with pytest.raises(RequestError, match=r"the option extract is missing.*--option extract="):
        open_corpus("codecfake-parquet", tmp_path / "a.parquet")


def test_codecfake_parquet_with_a_wrong_row_names_file_and_row(tmp_path: Path) -> None:
    write_parquet(
        tmp_path / "a.parquet", ("p1_1.wav", "genuine", "p1", "genuine"), ("p1_1.wav", "spoofing", "p1", "mp3")
    )
    with pytest.raises(RequestError, match=r"a\.parquet:2: unknown codec tag 'mp3'"):
        list(open_corpus("codecfake-parquet", tmp_path / "a.parquet", extract=str(tmp_path / "out")).rows)
