"""The reader of ASVspoof 5: ten or six fields, spaces in a .tsv, and transmission codecs, which are not CoRS."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.core.errors import RequestError
from grid.corpus.importing import import_corpus, open_imported
from grid.corpus.protocol import ProtocolRow
from grid.corpus.readers import open_corpus
from tests.support.asvspoof_trees import write_flacs, write_lines

# lines as they stand in the release: spaces, no header, `bonafide` in the column of the attack
TRAIN = ["T_4850 T_0000000000 F - - - AC3 A05 spoof -", "T_3734 T_0000000011 F - - - - bonafide bonafide -"]
DEV = ["D_0062 D_0000000001 F - - - AC1 A11 spoof -", "D_0461 D_0000000190 M - - - - bonafide bonafide -"]
EVAL = [
    "E_1607 E_0009538969 M C05 2 E_0009486171 AC1 A26 spoof -",
    "E_0001 E_0000000001 F C04 1 E_0000000007 - bonafide bonafide -",
    "E_0001 E_0000000007 F - 0 - - bonafide bonafide -",
]


def release(folder: Path) -> Path:
    write_lines(folder / "ASVspoof5.train.tsv", TRAIN)
    write_lines(folder / "ASVspoof5.dev.track_1.tsv", DEV)
    write_lines(folder / "ASVspoof5.eval.track_1.tsv", EVAL, end="")
    return folder


def read(path: Path, **options: object) -> list[ProtocolRow]:
    return list(open_corpus("asvspoof5", path, **options).rows)


def test_asvspoof5_released_lines_become_rows(tmp_path: Path) -> None:
    rows = read(release(tmp_path))
    assert rows[0] == ProtocolRow(
        "T_0000000000", "flac_T/T_0000000000.flac", "T_4850", "train", "spoof", "A05", source="asvspoof5", line=1
    )
    assert [(row.utterance_id, row.split, row.key, row.attack, row.codec, row.source) for row in rows[1:]] == [
        ("T_0000000011", "train", "bonafide", "", "", "asvspoof5"),
        ("D_0000000001", "dev", "spoof", "A11", "", "asvspoof5"),
        ("D_0000000190", "dev", "bonafide", "", "", "asvspoof5"),
        ("E_0009538969", "test", "spoof", "A26", "", "asvspoof5/C05"),
        ("E_0000000001", "test", "bonafide", "", "", "asvspoof5/C04"),
        ("E_0000000007", "test", "bonafide", "", "", "asvspoof5"),
    ]
    assert rows[4].path == "flac_E_eval/E_0009538969.flac"


def test_asvspoof5_of_the_challenge_phase_has_six_fields(tmp_path: Path) -> None:
    write_lines(
        tmp_path / "ASVspoof5.train.metainfor.txt",
        ["T_4850 T_0000000000 - - A05 spoof", "T_3734 T_0000000011 - - bonafide bonafide", "T_1 T_2 - - - bonafide"],
    )
    write_lines(tmp_path / "ASVspoof5.dev.metainfor.txt", ["D_0062 D_0000000001 - - A11 spoof"])
    rows = read(tmp_path, splits="train,dev")
    assert [(row.speaker, row.key, row.attack) for row in rows] == [
        ("T_4850", "spoof", "A05"),
        ("T_3734", "bonafide", ""),
        ("T_1", "bonafide", ""),
        ("D_0062", "spoof", "A11"),
    ]


def test_asvspoof5_with_protocols_in_their_folder_is_imported(tmp_path: Path) -> None:
    release(tmp_path / "ASVspoof5_protocols")
    for folder, lines in (("flac_T", TRAIN), ("flac_D", DEV), ("flac_E_eval", EVAL)):
        write_flacs(tmp_path / folder, [line.split()[1] for line in lines])
    for given in (tmp_path, tmp_path / "ASVspoof5_protocols"):
        result = import_corpus(open_corpus("asvspoof5", given), tmp_path / "out", workers=1)
        assert (result.audio_root, result.utterances, result.rejected) == (str(tmp_path), 7, 0)
    table = open_imported(tmp_path / "out").table
    assert set(table.column("codec").to_pylist()) == {""}
    assert sorted(set(table.column("split").to_pylist())) == ["dev", "test", "train"]


def test_asvspoof5_lacking_a_protocol_says_which_and_what_to_do(tmp_path: Path) -> None:
    write_lines(tmp_path / "ASVspoof5.train.tsv", TRAIN)
    assert len(read(tmp_path, splits=["train"])) == 2
    with pytest.raises(
        RequestError, match=r"ASVspoof5\.dev\.track_1\.tsv or ASVspoof5\.dev\.metainfor\.txt is not there.*splits="
    ):
        read(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("T_1 T_2 F - - - AC3 A05 spoof", r"train\.tsv:3: 9 fields between white space, expected 6 or 10"),
        ("T_1 T_0000000011 F - - - AC3 A05 spoof -", r"train\.tsv:3: 'T_0000000011' was in line 2"),
        ("T_1 T_2 F - - - - A05 bonafide -", r"train\.tsv:3: key 'bonafide' does not go with attack 'A05'"),
        ("T_1 T_2 F - - - - bonafide spoof -", r"train\.tsv:3: key 'spoof' does not go with attack '-'"),
    ],
)
def test_asvspoof5_that_is_wrong_names_the_line(tmp_path: Path, line: str, message: str) -> None:
    write_lines(tmp_path / "ASVspoof5.train.tsv", [*TRAIN, line])
    with pytest.raises(RequestError, match=message):
        read(tmp_path, splits="train")
