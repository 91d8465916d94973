"""The reader `cosg-folder`: roles, the codec of each system, trimmed copies, and errors with the line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from grid.core.errors import RequestError
from grid.corpus.audio import read_audio
from grid.corpus.importing import import_corpus, open_imported
from grid.corpus.protocol import ProtocolRow
from grid.corpus.readers import open_corpus
from tests.support.tiny_grid import waveform

HEADER = "path,system,role,trim_start,speaker,codec,qua,aux,dec,note"
RATE = 24_000


def write(folder: Path, *lines: str) -> Path:
    for line in lines:
        sound = folder / line.split(",")[0]
        sound.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(sound, waveform(sound.stem, 120, RATE), RATE, subtype="PCM_16")
    protocol = folder / "samples.csv"
    protocol.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return protocol


def rows(protocol: Path) -> dict[str, ProtocolRow]:
    return {row.utterance_id: row for row in open_corpus("cosg-folder", protocol).rows}


def test_rows_have_key_attack_and_codec_of_their_role_and_system(tmp_path: Path) -> None:
    found = rows(
        write(
            tmp_path,
            "valle/a-prompt.wav,VALLE,prompt,,s1,,,,,",
            "valle/a-ours.wav,VALLE,generated,,s1,,,,,a comment",
            "ns3/b.wav,NS3,generated,,,,,,,",
            "mine/c.wav,Mine,generated,,,mimi-8cb,,,,",
            "other/d.wav,other,generated,,,,SVQ,Sem,Freq,",
        )
    )
    assert [(r.key, r.attack, r.codec) for r in found.values()] == [
        ("bonafide", "", ""),
        ("spoof", "valle", "encodec-24khz-6kbps"),
        ("spoof", "ns3", "mvq-disent-time"),
        ("spoof", "mine", "mimi-8cb"),
        ("spoof", "other", "svq-sem-freq"),
    ]
    assert (found["valle/a-prompt"].speaker, found["valle/a-prompt"].source) == ("s1", "cosg/valle")
    assert found["ns3/b"].split == "test"


def test_import_takes_the_trimmed_copy_at_the_rate_of_the_file(tmp_path: Path) -> None:
    protocol = write(tmp_path, "x/a.wav,VALLE,generated,0.25,,,,,,", "x/b.wav,VALLE,generated,0,,,,,,")
    import_corpus(open_corpus("cosg-folder", protocol), tmp_path / "out")
    table = open_imported(tmp_path / "out").table.to_pandas().set_index("utterance_id")
    assert table.loc["x/a", "seconds"] == 0.75
    assert table.loc["x/a", "sample_rate"] == RATE
    assert table.loc["x/b", "path"] == "x/b.wav"
    copy = soundfile.read(tmp_path / table.loc["x/a", "path"], dtype="int16")[0]
    assert np.array_equal(copy, soundfile.read(tmp_path / "x/a.wav", dtype="int16")[0][RATE // 4 :])
    made = (tmp_path / table.loc["x/a", "path"]).stat().st_mtime_ns
    rows(protocol)
    assert (tmp_path / table.loc["x/a", "path"]).stat().st_mtime_ns == made
    assert len(read_audio(tmp_path / "x/a.wav").samples) == 16_000


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a.wav,VALLE,promt,,,,,,,", r"samples.csv:2: unknown role 'promt'; did you mean 'prompt'\?"),
        ("a.wav,VALLEY,generated,,,,,,,", r":2: unknown system 'valley'; did you mean 'valle'\?.* qua, aux and dec"),
        ("a.wav,VALLE,generated,soon,,,,,,", ":2: trim_start 'soon' is no number of seconds"),
        ("a.wav,VALLE,generated,-1,,,,,,", "no number of seconds"),
        ("a.wav,VALLE,generated,1.0,,,,,,", "trim_start 1 s leaves nothing of 24000 samples"),
        ("a.wav,mine,generated,,,mimi-8c,,,,", ":2: unknown codec 'mimi-8c'"),
        ("a.wav,mine,generated,,,,Mvq,,Time,", ":2: unknown auxiliary ''"),
        ("a.wav,,prompt,,,,,,,", ":2: the system is empty"),
        ("a.wav,VALLE,prompt", ":2: 3 fields, the header has 10"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        rows(write(tmp_path, line))


def test_a_protocol_without_a_column_says_which(tmp_path: Path) -> None:
    (tmp_path / "samples.csv").write_text("path,role\n")
    with pytest.raises(RequestError, match="columns system are missing"):
        rows(tmp_path / "samples.csv")


def test_a_missing_file_is_left_to_the_import(tmp_path: Path) -> None:
    protocol = write(tmp_path, "x/a.wav,VALLE,generated,0.25,,,,,,")
    (tmp_path / "x/a.wav").unlink()
    assert rows(protocol)["x/a"].path == "x/a.wav"
