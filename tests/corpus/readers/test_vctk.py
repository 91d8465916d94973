"""The VCTK reader: the layouts of 0.92 and 0.80, takes, and the split by speaker."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from grid.core.errors import RequestError
from grid.corpus.readers import open_corpus

SPEAKERS = ("p225", "p226", "p227", "p228", "p229", "s5")


def touch(root: Path, names: list[str]) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def found(path: Path, **options: Any) -> dict[str, tuple[str, str, str]]:
    rows = open_corpus("vctk", path, **options).rows
    return {row.utterance_id: (row.path, row.speaker, row.split) for row in rows}


@pytest.mark.parametrize("take", ["mic1", "mic2"])
def test_vctk_092_gives_the_take_asked_for(tmp_path: Path, take: str) -> None:
    folder = "wav48_silence_trimmed"
    root = touch(tmp_path, [f"{folder}/p225/p225_00{i}_{mic}.flac" for i in (1, 2) for mic in ("mic1", "mic2")])
    touch(tmp_path, [f"{folder}/log.txt", "txt/p225/p225_001.txt"])
    assert found(root, take=take) == {
        f"p225_00{i}": (f"{folder}/p225/p225_00{i}_{take}.flac", "p225", "train") for i in (1, 2)
    }


def test_vctk_092_with_a_take_absent_says_how_many(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "wav48_silence_trimmed" / "p280"
    touch(folder, ["p280_001_mic1.flac", "p280_002_mic1.flac", "p280_002_mic2.flac"])
    with caplog.at_level(logging.WARNING):
        assert list(found(tmp_path, take="mic2")) == ["p280_002"]
    assert "1 utterances have no take mic2, such as p280_001" in caplog.text


def test_vctk_080_is_split_by_speaker_as_codecfake(tmp_path: Path) -> None:
    touch(tmp_path, [f"wav48/{speaker}/{speaker}_001.wav" for speaker in SPEAKERS])
    assert {name[:-4]: row[2] for name, row in found(tmp_path).items()} == {
        "p225": "train",
        "p226": "dev",
        "p227": "test",
        "p228": "test",
        "p229": "dev",
        "s5": "train",
    }


def test_vctk_with_speakers_of_ones_own_follows_them(tmp_path: Path) -> None:
    touch(tmp_path, [f"{speaker}/{speaker}_001.flac" for speaker in SPEAKERS])
    splits = {name[:-4]: row[2] for name, row in found(tmp_path, dev=["p225"], test=["s5"]).items()}
    assert [splits[name] for name in ("p225", "p226", "s5")] == ["dev", "train", "test"]


def test_vctk_shared_is_read_flat(shared_speech: Path) -> None:
    rows = found(shared_speech / "vctk")
    assert len(rows) == 40
    assert rows["p225_003"] == ("p225/p225_003.flac", "p225", "train")


def test_vctk_that_is_wrong_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no folders of VCTK speakers"):
        open_corpus("vctk", tmp_path)
    touch(tmp_path, ["p225/p225_001.flac", "p226/p226_001.flac"])
    with pytest.raises(RequestError, match="speakers p225 are in both"):
        open_corpus("vctk", tmp_path, dev=["p225"], test=["p225"])
    with pytest.raises(RequestError, match="dev speakers p999 are not there"):
        open_corpus("vctk", tmp_path, dev=["p999"], test=["p225"])


def test_speakers_may_be_text_of_the_command_line(tmp_path: Path) -> None:
    for speaker in ("p225", "p226", "p227"):
        (tmp_path / speaker).mkdir()
        (tmp_path / speaker / f"{speaker}_001.wav").touch()
    found = open_corpus("vctk", tmp_path, dev="p226", test="p225, p227")
    assert {row.speaker: row.split for row in found.rows} == {"p225": "test", "p226": "dev", "p227": "test"}
