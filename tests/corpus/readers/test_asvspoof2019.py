"""The reader of ASVspoof 2019 LA: the places it searches, and the meaning of the five columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.core.errors import RequestError
from grid.corpus.importing import import_corpus, open_imported
from grid.corpus.protocol import ProtocolRow
from grid.corpus.readers import open_corpus
from tests.support.asvspoof_trees import write_flacs, write_lines

# lines as they stand in the release
LINES = {
    "train.trn": ["LA_0079 LA_T_1138215 - - bonafide", "LA_0091 LA_T_1004407 - A01 spoof"],
    "dev.trl": ["LA_0069 LA_D_1047731 - - bonafide", "LA_0070 LA_D_1000265 - A06 spoof"],
    "eval.trl": ["LA_0039 LA_E_2834763 - A11 spoof", "LA_0014 LA_E_8877452 - A14 spoof"],
}


def release(folder: Path, lines: dict[str, list[str]] = LINES) -> Path:
    """The folder LA with its protocols."""
    for part, content in lines.items():
        write_lines(folder / "ASVspoof2019_LA_cm_protocols" / f"ASVspoof2019.LA.cm.{part}.txt", content)
    return folder


def read(path: Path, **options: object) -> list[ProtocolRow]:
    return list(open_corpus("asvspoof2019", path, **options).rows)


def test_asvspoof2019_lines_become_rows_with_eval_as_test(tmp_path: Path) -> None:
    rows = read(release(tmp_path))
    assert rows[0] == ProtocolRow(
        "LA_T_1138215", "ASVspoof2019_LA_train/flac/LA_T_1138215.flac", "LA_0079", "train", "bonafide",
        source="asvspoof2019-la", line=1,
    )  # fmt: skip
    assert [(row.utterance_id, row.split, row.key, row.attack) for row in rows[1:]] == [
        ("LA_T_1004407", "train", "spoof", "A01"),
        ("LA_D_1047731", "dev", "bonafide", ""),
        ("LA_D_1000265", "dev", "spoof", "A06"),
        ("LA_E_2834763", "test", "spoof", "A11"),
        ("LA_E_8877452", "test", "spoof", "A14"),
    ]


@pytest.mark.parametrize("given", ["", "LA", "LA/ASVspoof2019_LA_cm_protocols"])
def test_asvspoof2019_from_any_of_its_folders_is_imported(tmp_path: Path, given: str) -> None:
    folder = release(tmp_path / "LA")
    for part, lines in (("train", LINES["train.trn"]), ("dev", LINES["dev.trl"]), ("eval", LINES["eval.trl"])):
        write_flacs(folder / f"ASVspoof2019_LA_{part}" / "flac", [line.split()[1] for line in lines])
    result = import_corpus(open_corpus("asvspoof2019", tmp_path / given), tmp_path / "out", workers=1)
    assert (result.audio_root, result.utterances, result.rejected) == (str(folder), 6, 0)
    assert open_imported(tmp_path / "out").table.column("codec").unique().to_pylist() == [""]


def test_asvspoof2019_with_audio_elsewhere_takes_root(tmp_path: Path) -> None:
    assert open_corpus("asvspoof2019", release(tmp_path), root="/data/LA").root == Path("/data/LA")


@pytest.mark.parametrize("splits", ["dev, train", ["train", "dev"]])
def test_asvspoof2019_of_some_splits_needs_no_other_file(tmp_path: Path, splits: object) -> None:
    release(tmp_path, {part: lines for part, lines in LINES.items() if part != "eval.trl"})
    assert {row.split for row in read(tmp_path, splits=splits)} == {"train", "dev"}
    with pytest.raises(RequestError, match=r"ASVspoof2019\.LA\.cm\.eval\.trl\.txt is not there.*splits=train,dev"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("LA_0079 LA_T_1 - bonafide", r"train\.trn\.txt:2: 4 fields between white space, expected 5"),
        ("LA_0079 LA_T_1 - A01 bonafide", r"train\.trn\.txt:2: key 'bonafide' does not go with attack 'A01'"),
        ("LA_0079 LA_T_1 - - spoof", r"train\.trn\.txt:2: key 'spoof' does not go with attack '-'"),
        ("LA_0079 LA_T_1 - A01 spof", r"train\.trn\.txt:2: unknown key 'spof'; did you mean 'spoof'"),
        ("LA_0079 LA_T_1138215 - - bonafide", r"train\.trn\.txt:2: 'LA_T_1138215' was in line 1 before"),
    ],
)
def test_asvspoof2019_that_is_wrong_names_the_line(tmp_path: Path, line: str, message: str) -> None:
    release(tmp_path, LINES | {"train.trn": ["LA_0079 LA_T_1138215 - - bonafide", line]})
    with pytest.raises(RequestError, match=message):
        read(tmp_path)


def test_asvspoof2019_that_is_not_there_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="Give the folder LA of the release"):
        read(tmp_path)
    with pytest.raises(RequestError, match="unknown split 'eval'"):
        read(release(tmp_path), splits="eval")
    with pytest.raises(RequestError, match="option split: nothing is asked for"):
        read(tmp_path, splits="")
