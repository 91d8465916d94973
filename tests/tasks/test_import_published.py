"""`codecgrid import` beside what is published: the table, the JSON, and silence where nothing is."""

from __future__ import annotations

from pathlib import Path

from tests.support.command_line import codecgrid
from tests.support.speechlike import write_tone


def corpus(folder: Path) -> Path:
    lines = []
    for seed, speaker in enumerate(("p226", "p229", "p227")):
        name = f"{speaker}_001"
        write_tone(folder / "genuine" / f"{name}.wav", 1600, seed=seed)
        lines.append(f"genuine/{name}.wav,genuine,{speaker},genuine")
    (folder / "datalist.csv").write_text("\n".join(lines) + "\n")
    (folder / "mine.csv").write_text("utterance_id,path\na,genuine/p226_001.wav\n")
    return folder


def test_import_shows_what_is_published_and_counts_what_differs(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "corpus")
    arguments = ("import", "codecfake", folder / "datalist.csv", "--name", "cf", "--root", tmp_path / "results")
    ended = codecgrid(*arguments)
    assert ended.status == 0, ended.err
    lines = [line.split() for line in ended.out.splitlines()]
    assert ["role=raw", "3", "44,242", "differs"] in lines
    assert ["split=dev", "role=raw", "2", "735", "2", "2", "differs"] in lines
    assert ["split=test", "role=raw", "1", "755", "1", "2", "differs"] in lines
    assert "24 of 24 published counts differ (Wu et al., Interspeech 2024, Table 2; " in ended.out
    found = codecgrid(*arguments, "--json").json["published"]
    assert len(found) == 24
    assert found[1] == {
        "of": {"role": "raw"},
        "utterances": 3,
        "published_utterances": 44_242,
        "speakers": 3,
        "published_speakers": None,
        "stated_in": found[0]["stated_in"],
        "differs": True,
    }


def test_import_of_a_corpus_without_published_counts_says_nothing_of_them(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "corpus")
    arguments = ("import", "csv", folder / "mine.csv", "--name", "mine", "--root", tmp_path / "results")
    ended = codecgrid(*arguments)
    assert ended.status == 0, ended.err
    assert "published" not in ended.out
    assert codecgrid(*arguments, "--json").json["published"] == []
