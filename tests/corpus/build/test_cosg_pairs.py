"""Parallel CoSG sets: the order of the pairs, the protocol, its audio files, and its import."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from grid.core.errors import RequestError
from grid.corpus.build.cosg_pairs import Transcribed, build_pairs, fill_pairs, parallel_pairs
from grid.corpus.importing import import_corpus, open_imported
from grid.corpus.readers import open_corpus
from tests.support.tiny_grid import waveform


def write(folder: Path, *lines: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for line in lines:
        name = line.split(",")[1]
        soundfile.write(folder / name, waveform(name, 120, 4800), 16_000, subtype="PCM_16")
    given = folder / "given.csv"
    given.write_text("\n".join(["utterance_id,path,speaker,text", *lines]) + "\n", encoding="utf-8")
    return given


def echo(prompt: NDArray[np.float32], prompt_text: str, text: str) -> NDArray[np.float32]:
    return prompt[: 1000 + 100 * len(text)]


def test_pairs_prompt_the_next_text_and_the_last_wraps_to_the_first() -> None:
    given = [Transcribed(name, Path(name), name[0], name) for name in ("b2", "a3", "a1", "b1", "a2", "c1")]
    found = [(pair.prompt.utterance_id, pair.target.text) for pair in parallel_pairs(given)]
    assert found == [("a1", "a2"), ("a2", "a3"), ("a3", "a1"), ("b1", "b2"), ("b2", "b1")]


def test_built_set_is_filled_once_and_imported(tmp_path: Path) -> None:
    given = write(tmp_path / "audio", 'u1,u1.wav,s,"one, two"', "u2,u2.wav,s,three", "v1,v1.wav,t,alone")
    built = build_pairs(given, tmp_path / "set", system="maskgct")
    assert (built.pairs, built.speakers, built.alone, built.root) == (2, 1, ("t",), tmp_path)
    lines = list(csv.DictReader(built.protocol.open(encoding="utf-8")))
    asked = [row for row in lines if row["role"] == "generated"]
    assert [(r["prompt_path"], r["prompt_text"], r["text"]) for r in asked] == [
        ("audio/u1.wav", "one, two", "three"),
        ("audio/u2.wav", "three", "one, two"),
    ]
    assert asked[0]["path"] == "set/generated/maskgct/s/u1-says-u2.wav"
    assert fill_pairs(built, echo) == 2
    (tmp_path / asked[0]["path"]).unlink()
    assert fill_pairs(built, echo) == 1
    import_corpus(open_corpus("cosg-folder", built.protocol, root=str(built.root)), tmp_path / "out")
    table = open_imported(tmp_path / "out").table.to_pandas().set_index("utterance_id")
    assert sorted(table["key"]) == ["bonafide", "bonafide", "spoof", "spoof"]
    generated = table.loc["maskgct/u1-says-u2"]
    assert (generated["samples"], generated["codec"], generated["origin"]) == (1500, "mvq-none-freq", "u1")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("u1,u1.wav,s,one",), "no speaker has two utterances"),
        (("u1,u1.wav,s,one", "u2,u2.wav,s,"), "given.csv:3: text is empty"),
        (("u1,u1.wav,s,one", "u1,u1.wav,s,two"), "given.csv:3: utterance 'u1' comes twice"),
    ],
)
def test_pairs_that_cannot_be_built_say_why(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        build_pairs(write(tmp_path, *lines), tmp_path / "set", system="maskgct")
