"""Importing: every unusable file is rejected with its reason, no row is lost, and real speech is imported in full."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from grid.core.errors import RequestError
from grid.corpus import audio
from grid.corpus import importing as examining
from grid.corpus.holdings import shared_speakers, summary
from grid.corpus.importing import import_corpus, open_imported
from grid.corpus.manifest import read_manifest, to_utterances
from grid.corpus.protocol import Corpus, ProtocolRow
from grid.corpus.readers import open_corpus
from tests.support.speechlike import tone, write_tone


def corpus_of(root: Path, rows: list[ProtocolRow]) -> Corpus:
    return Corpus(root=root, rows=iter(rows), protocol=root / "protocol.txt")


def good_rows(root: Path, count: int = 3) -> list[ProtocolRow]:
    for i in range(count):
        write_tone(root / f"g{i}.flac", 800, seed=i)
    return [ProtocolRow(f"g{i}", f"g{i}.flac", speaker=f"s{i}", line=i + 1) for i in range(count)]


def bad_rows(root: Path) -> dict[str, ProtocolRow]:
    """One row for each thing that can be wrong, by its reason."""
    write_tone(root.parent / "outside.wav")
    (root / "link.wav").symlink_to(root.parent / "outside.wav")
    (root / "empty.wav").touch()
    (root / "text.wav").write_text("text")
    whole = write_tone(root / "cut.flac", 16_000).read_bytes()
    (root / "cut.flac").write_bytes(whole[: len(whole) // 2])
    soundfile.write(root / "nan.wav", np.array([0.1, np.nan]), 16_000, subtype="FLOAT")
    soundfile.write(root / "none.wav", np.zeros(0), 16_000)
    soundfile.write(root / "zeros.wav", np.zeros(100), 16_000)
    soundfile.write(root / "short.wav", np.full(100, 0.1), 16_000)
    soundfile.write(root / "slow.wav", np.full(1000, 0.1), 1)
    soundfile.write(root / "loud.wav", np.full(1000, 1e30), 16_000, subtype="FLOAT")
    rows = {
        audio.MISSING: ProtocolRow("b0", "absent.wav"),
        audio.EMPTY: ProtocolRow("b1", "empty.wav"),
        audio.NOT_AUDIO: ProtocolRow("b2", "text.wav"),
        audio.TRUNCATED: ProtocolRow("b3", "cut.flac"),
        audio.NOT_FINITE: ProtocolRow("b4", "nan.wav"),
        audio.NO_SAMPLES: ProtocolRow("b5", "none.wav"),
        audio.SILENT: ProtocolRow("b6", "zeros.wav"),
        examining.OUTSIDE_ROOT: ProtocolRow("b7", "link.wav"),
        examining.SHA256_MISMATCH: ProtocolRow("b8", "g0.flac", sha256="0" * 64),
        examining.BAD_KEY: ProtocolRow("b9", "g0.flac", key="genuine"),
        examining.BAD_SPLIT: ProtocolRow("b10", "g0.flac", split="eval"),
        examining.BAD_PENDING: ProtocolRow("b12", "g0.flac", attack="A07", codec="mimi", pending=True),
        examining.NO_ID: ProtocolRow(" ", "g0.flac"),
        examining.DUPLICATE_ID: ProtocolRow("g0", "g1.flac"),
        examining.UNREADABLE: ProtocolRow("b11", f"{'a' * 300}.wav"),
        examining.BAD_CHARACTER: ProtocolRow("b13\n", "g0.flac"),
        audio.TOO_SHORT: ProtocolRow("b14", "short.wav"),
        audio.BAD_RATE: ProtocolRow("b15", "slow.wav"),
        audio.TOO_LOUD: ProtocolRow("b16", "loud.wav"),
    }
    return {reason: replace(row, line=100 + i) for i, (reason, row) in enumerate(rows.items())}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "audio").mkdir()
    return tmp_path / "audio"


def test_import_of_every_kind_of_bad_file_names_each_reason(root: Path, tmp_path: Path) -> None:
    good, bad = good_rows(root), bad_rows(root)
    result = import_corpus(corpus_of(root, [*good, *bad.values()]), tmp_path / "out", max_rejected_share=0.9)
    table = pq.read_table(result.rejected_table)
    assert table.column_names == ["utterance_id", "path", "reason", "detail", "line"]
    assert [(row["reason"], row["utterance_id"], row["path"], row["line"]) for row in table.to_pylist()] == [
        (reason, row.utterance_id, row.path, row.line) for reason, row in bad.items()
    ]
    assert all(table.column("detail").to_pylist())
    assert [row.utterance_id for row in to_utterances(read_manifest(result.manifest))] == ["g0", "g1", "g2"]
    assert (result.utterances, result.rejected) == (3, len(bad))


def test_import_with_links_in_a_circle_rejects_their_rows_and_keeps_the_others(root: Path, tmp_path: Path) -> None:
    good = good_rows(root)
    (root / "one.wav").symlink_to(root / "two.wav")
    (root / "two.wav").symlink_to(root / "one.wav")
    rows = [*good, ProtocolRow("x", "one.wav"), ProtocolRow("y", "two.wav/z.wav")]
    result = import_corpus(corpus_of(root, rows), tmp_path / "out", max_rejected_share=0.5)
    assert pq.read_table(result.rejected_table).column("reason").to_pylist() == [audio.MISSING] * 2
    assert result.utterances == len(good)


@pytest.mark.parametrize("field", ["utterance_id", "path", "speaker", "attack", "codec", "origin", "source"])
@pytest.mark.parametrize("character", ["\0", "\n", "\r", "\x1b", "\u2028", "\udc80"])
def test_import_of_a_text_with_a_control_character_rejects_its_row(root: Path, field: str, character: str) -> None:
    row = replace(good_rows(root)[0], **{field: f"a{character}b"})
    found = examining.examine(row, root)
    assert isinstance(found, examining.Rejection)
    assert (found.reason, found.detail.split()[0]) == (examining.BAD_CHARACTER, field)


@pytest.mark.parametrize("path", ["../outside.wav", "{parent}/outside.wav", "link.wav", "sub/../../outside.wav"])
def test_import_of_a_path_that_leaves_the_root_is_refused(root: Path, tmp_path: Path, path: str) -> None:
    good = good_rows(root)
    write_tone(root.parent / "outside.wav")
    (root / "sub").mkdir()
    (root / "link.wav").symlink_to(root.parent / "outside.wav")
    row = ProtocolRow("x", path.format(parent=root.parent))
    result = import_corpus(corpus_of(root, [*good, row]), tmp_path / "out", max_rejected_share=0.5)
    assert pq.read_table(result.rejected_table).column("reason").to_pylist() == [examining.OUTSIDE_ROOT]


def test_import_of_paths_inside_the_root_records_them_relative(root: Path, tmp_path: Path) -> None:
    good_rows(root)
    (root / "sub").mkdir()
    os.symlink(root, tmp_path / "alias")
    rows = [
        ProtocolRow("a", str(root / "g0.flac")),
        ProtocolRow("b", "sub/../g1.flac"),
        ProtocolRow("c", str(tmp_path / "alias" / "g2.flac")),
    ]
    result = import_corpus(corpus_of(tmp_path / "alias", rows), tmp_path / "out")
    assert read_manifest(result.manifest).column("path").to_pylist() == ["g0.flac", "g1.flac", "g2.flac"]


def test_import_with_more_rejected_than_allowed_writes_no_manifest(root: Path, tmp_path: Path) -> None:
    rows = [*good_rows(root), *(ProtocolRow(f"x{i}", f"x{i}.wav", line=10 + i) for i in range(7))]
    with pytest.raises(RequestError) as caught:
        import_corpus(corpus_of(root, rows), tmp_path / "out", max_rejected_share=0.6)
    message = str(caught.value)
    assert "7 of 10 utterances (70.00%) are unusable: 7 missing" in message
    assert "line 10: x0: missing" in message
    assert "2 more" in message
    assert str(tmp_path / "out" / "rejected.parquet") in message
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["rejected.parquet"]


def test_import_of_no_rows_or_of_no_usable_row_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="names no utterances"):
        import_corpus(corpus_of(root, []), tmp_path / "out")
    with pytest.raises(RequestError, match="1 of 1"):
        import_corpus(corpus_of(root, [ProtocolRow("a", "a.wav")]), tmp_path / "out", max_rejected_share=1)
    with pytest.raises(RequestError, match="does not exist"):
        import_corpus(corpus_of(root / "absent", []), tmp_path / "out")


def test_import_keeps_pending_rows_whatever_part_of_the_protocol_they_are_in(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grid.corpus.importing._ROWS_AT_ONCE", 2)
    pending = ProtocolRow("g0~mimi-8cb", "g0.flac", codec="mimi-8cb", origin="g0", pending=True)
    result = import_corpus(corpus_of(root, [*good_rows(root, 4), pending]), tmp_path / "out")
    found = {row.utterance_id: (row.pending, row.origin) for row in to_utterances(read_manifest(result.manifest))}
    assert found == {"g0~mimi-8cb": (True, "g0"), **{f"g{i}": (False, f"g{i}") for i in range(4)}}


def test_import_in_any_order_and_with_any_workers_gives_equal_files(root: Path, tmp_path: Path) -> None:
    rows = [*good_rows(root, 12), ProtocolRow("x", "x.wav", line=50), ProtocolRow("y", "y.wav", line=51)]
    first = import_corpus(corpus_of(root, rows), tmp_path / "a", max_rejected_share=0.5, workers=1)
    random.Random(0).shuffle(rows)
    second = import_corpus(corpus_of(root, rows), tmp_path / "b", max_rejected_share=0.5, workers=5)
    assert first.digest == second.digest
    assert first.manifest.read_bytes() == second.manifest.read_bytes()
    assert first.rejected_table.read_bytes() == second.rejected_table.read_bytes()


def test_import_of_resampled_stereo_records_file_and_samples(root: Path, tmp_path: Path) -> None:
    soundfile.write(root / "a.wav", np.stack([tone(44_100, 44_100)] * 2, axis=1), 44_100)
    result = import_corpus(corpus_of(root, [ProtocolRow("a", "a.wav", origin="b")]), tmp_path / "out")
    (row,) = to_utterances(read_manifest(result.manifest))
    assert (row.seconds, row.samples, row.sample_rate, row.channels) == (1.0, 16_000, 44_100, 2)
    assert row.sha256 == hashlib.sha256((root / "a.wav").read_bytes()).hexdigest()
    assert row.origin == "b"


def test_open_imported_finds_the_audio_again_or_says_it_is_gone(root: Path, tmp_path: Path) -> None:
    result = import_corpus(corpus_of(root, good_rows(root)), tmp_path / "out")
    opened = open_imported(result.folder)
    assert all((opened.root / path).is_file() for path in opened.table.column("path").to_pylist())
    root.rename(tmp_path / "moved")
    with pytest.raises(RequestError, match="is not there"):
        open_imported(result.folder)


def test_shared_speakers_names_those_in_several_splits(root: Path, tmp_path: Path) -> None:
    good_rows(root)
    rows = [
        ProtocolRow("a", "g0.flac", speaker="p1", split="train"),
        ProtocolRow("b", "g1.flac", speaker="p1", split="test"),
        ProtocolRow("c", "g2.flac", speaker="p2", split="test"),
    ]
    result = import_corpus(corpus_of(root, rows), tmp_path / "out")
    assert shared_speakers(read_manifest(result.manifest)) == ["p1"]


def test_import_keeps_who_promises_that_speakers_are_in_one_split(root: Path, tmp_path: Path) -> None:
    rows = good_rows(root)
    promise = replace(corpus_of(root, rows), disjoint_speakers="A. Author (2020)")
    for corpus, kept in ((promise, "A. Author (2020)"), (corpus_of(root, rows), "")):
        folder = import_corpus(corpus, tmp_path / "out").folder
        assert json.loads((folder / "corpus.json").read_text())["disjoint_speakers"] == kept


@pytest.mark.slow
def test_import_of_the_shared_speech_is_whole(shared_speech: Path, tmp_path: Path) -> None:
    result = import_corpus(open_corpus("csv", shared_speech / "protocol.csv"), tmp_path / "out")
    table = read_manifest(result.manifest)
    with (shared_speech / "protocol.csv").open(newline="") as stream:
        protocol = {row["utterance_id"]: row for row in csv.DictReader(stream)}
    assert (result.utterances, result.rejected) == (391, 0)
    assert {row.utterance_id: row.sha256 for row in to_utterances(table)} == {
        name: row["sha256"] for name, row in protocol.items()
    }
    # counts, speakers and seconds as the README beside the speech prints them
    counted = [(c.split, c.key, c.utterances, c.speakers, round(c.hours * 3600, 1)) for c in summary(table)]
    assert counted == [
        ("train", "bonafide", 261, 252, 1508.7),
        ("dev", "bonafide", 50, 5, 273.4),
        ("test", "bonafide", 80, 8, 452.6),
    ]
    assert shared_speakers(table) == []
