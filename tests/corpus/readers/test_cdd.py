"""The reader of CDD's pairs of files: the meaning of names, and the consistency of the two files of a pair."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from grid.codecs.catalogue import load_catalogue
from grid.core.errors import RequestError
from grid.corpus.codec_tags import tags_of
from grid.corpus.importing import import_corpus, open_imported
from grid.corpus.protocol import ProtocolRow
from grid.corpus.readers import open_corpus
from tests.support.asvspoof_trees import write_flacs, write_lines

ROWS = [  # utterance, path, original corpus, speaker, attacker, label
    ("T_0000000011", "asvspoof5/flac_T/T_0000000011.flac", "asvspoof5", "T_3734", "-", "bonafide"),
    ("Mimi-T_0000000011", "CoRS_train/Mimi/T_0000000011.flac", "asvspoof5", "T_3734", "Mimi", "bonafide"),
    ("enc-1", "CoRS_train/EnCodecVocos/T_0000000011.flac", "EnCodecVocos", "T_3734", "-", "spoof"),
    ("MS5_1", "CoSG/MS5_1.flac", "cdd", "T_3734", "MS5", "spoof"),
    ("CBX_1", "CoSG/CBX_1.flac", "cdd", "T_3735", "CBX", "spoof"),
    ("T_0000000000", "asvspoof5/flac_T/T_0000000000.flac", "asvspoof5", "T_4850", "A05", "spoof"),
]


def pair(folder: Path, name: str = "train", rows: Sequence[tuple[str, ...]] = ROWS) -> Path:
    write_lines(folder / f"{name}.tsv", ["\t".join(row[:2]) for row in rows])
    # theirs are in no order that a reader may rely on
    write_lines(folder / f"{name}.txt", ["\t".join([row[0], *row[2:]]) for row in reversed(rows)], end="")
    return folder


def read(path: Path, **options: object) -> dict[str, ProtocolRow]:
    return {row.utterance_id: row for row in open_corpus("cdd", path, **options).rows}


def test_cdd_rows_are_recordings_cors_cosg_and_other_attacks(tmp_path: Path) -> None:
    rows = read(pair(tmp_path))
    assert {name: (row.key, row.attack, row.codec, row.origin) for name, row in rows.items()} == {
        "T_0000000011": ("bonafide", "", "", ""),
        "Mimi-T_0000000011": ("bonafide", "", "mimi-32cb", "T_0000000011"),
        "enc-1": ("bonafide", "", "encodec-24khz-6kbps-mars5", "T_0000000011"),  # published as spoof, CoRS all the same
        "MS5_1": ("spoof", "MS5", "encodec-24khz-6kbps-mars5", ""),
        "CBX_1": ("spoof", "CBX", "s3tokenizer-cosyvoice2", ""),
        "T_0000000000": ("spoof", "A05", "", ""),
    }
    assert rows["enc-1"].speaker == "T_3734"
    assert {row.split for row in rows.values()} == {"train"}


def test_cdd_names_are_those_of_the_catalogue() -> None:
    catalogue = load_catalogue()
    words = {entry.letters.cdd: entry.name for entry in catalogue if entry.letters.cdd}
    assert {word: tags_of("cdd")[word.lower()] for word in words} == words
    assert set(tags_of("cdd").values()) | set(tags_of("cdd-generators").values()) == set(words.values())


@pytest.mark.parametrize("as_text", [False, True])
def test_cdd_names_that_are_declared_are_known_too(tmp_path: Path, as_text: bool) -> None:
    rows = [("a", "a.flac", "x", "s", "MyCodec", "bonafide"), ("b", "b.flac", "x", "s", "MyTTS", "spoof")]
    options = {"codecs": {"MyCodec": "bigcodec"}, "generators": {"MyTTS": "dac-44khz"}}
    texts = {"codecs": '{"mycodec": "bigcodec"}', "generators": '{"MyTTS": "dac-44khz"}'}
    found = read(pair(tmp_path, rows=rows), **(texts if as_text else options))
    assert [(row.attack, row.codec) for row in found.values()] == [("MyTTS", "dac-44khz"), ("", "bigcodec")]
    with pytest.raises(RequestError, match=r"train\.txt:2: 'MyCodec' is bona fide and no codec .*--option"):
        read(tmp_path)
    with pytest.raises(RequestError, match=r"option codecs, mycodec: unknown codec 'bigcode'; did you mean 'bigcodec'"):
        read(tmp_path, codecs={"MyCodec": "bigcode"})
    with pytest.raises(RequestError, match=r"option codecs: .* is not JSON"):
        read(tmp_path, codecs="MyCodec:bigcodec")


def test_cdd_pairs_are_chosen_and_mapped_to_splits(tmp_path: Path) -> None:
    pair(tmp_path, "train", ROWS[:1])
    pair(tmp_path, "test", ROWS[1:2])
    pair(tmp_path, "test_cosg", ROWS[3:4])
    assert {name: row.split for name, row in read(tmp_path).items()} == {
        "T_0000000011": "train",
        "Mimi-T_0000000011": "test",
    }
    assert list(read(tmp_path, splits="test")) == ["Mimi-T_0000000011"]
    for splits in ({"test_cosg": "dev"}, '{"test_cosg": "dev"}'):
        assert [(row.utterance_id, row.split) for row in read(tmp_path, splits=splits).values()] == [("MS5_1", "dev")]
    with pytest.raises(RequestError, match="option splits: unknown split 'eval'"):
        read(tmp_path, splits={"test_cosg": "eval"})
    with pytest.raises(RequestError, match=r"no train\.tsv, dev\.tsv or test\.tsv \(\.tsv files: x\.tsv\)"):
        read(pair(tmp_path / "other", "x"))


@pytest.mark.parametrize("absolute", [False, True])
def test_cdd_with_relative_or_absolute_paths_is_imported(tmp_path: Path, absolute: bool) -> None:
    audio = tmp_path / "audio" if absolute else tmp_path
    rows = [(name, str(audio / path) if absolute else path, *more) for name, path, *more in ROWS]
    pair(tmp_path, rows=rows)
    for _, path, *_ in ROWS:
        write_flacs((audio / path).parent, [Path(path).stem])
    result = import_corpus(open_corpus("cdd", tmp_path), tmp_path / "out", workers=1)
    assert (result.audio_root, result.utterances, result.rejected) == (str(audio), 6, 0)
    paths = open_imported(tmp_path / "out").table.column("path").to_pylist()
    assert sorted(paths) == sorted(path for _, path, *_ in ROWS)


@pytest.mark.parametrize(
    ("tsv", "txt", "message"),
    [
        ("a\tx.flac\na\ty.flac", "a\tc\ts\t-\tbonafide", r"train\.tsv:2: 'a' was in line 1 before"),
        ("a\tx.flac\nb\tx.flac", "a\tc\ts\t-\tbonafide", r"train\.tsv:2: path 'x\.flac' was in .*train\.tsv:1 before"),
        ("a\tx.flac", "a\tc\ts\t-\tbonafide\nb\tc\ts\t-\tbonafide", r"train\.txt:2: 'b' is not in .*train\.tsv"),
        ("a\tx.flac\nb\ty.flac", "a\tc\ts\t-\tbonafide", r"train\.tsv:2: 'b' is not in .*train\.txt, nor are 0 more"),
        ("a x.flac", "a\tc\ts\t-\tbonafide", r"train\.tsv:1: 1 fields between '\\t', expected 2"),
        ("a\tx.flac", "a\tc\ts\t-\tmaybe", r"train\.txt:1: unknown key 'maybe'"),
        ("a\tx.flac", "a\tc\ts\t-\tspoof", r"train\.txt:1: a spoof that names no attacker"),
        ("a\tx.flac", "a\tc\ts\tMS5\tbonafide", r"train\.txt:1: 'MS5' is bona fide and no codec"),
    ],
)
def test_cdd_pair_that_does_not_hold_together_names_the_line(tmp_path: Path, tsv: str, txt: str, message: str) -> None:
    write_lines(tmp_path / "train.tsv", [tsv])
    write_lines(tmp_path / "train.txt", [txt])
    with pytest.raises(RequestError, match=message):
        read(tmp_path)
