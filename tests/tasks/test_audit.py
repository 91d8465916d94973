"""`codecgrid audit` and what `codecgrid import` says of shortcuts, in the terminal and as JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import codecgrid
from tests.support.tiny_grid import Tiny, tiny


@pytest.fixture
def made(tmp_path: Path) -> Tiny:
    """Imported recordings of 0.3 and 0.4 s and attacks of 0.3 s, of which one in `test` is also in `train`."""
    found = tiny(tmp_path, corpus={"speakers": 10})
    protocol = tmp_path / "corpus" / "protocol.csv"
    protocol.write_text(protocol.read_text().replace("test-s0-u0-buzz.wav", "train-s0-u0-buzz.wav"))
    found.corpus()
    return found


def test_audit_measures_once_and_prints_tables_and_warnings(made: Tiny) -> None:
    ended = codecgrid("audit", "tiny", "--root", made.store.root)
    assert ended.status == 0, ended.err
    for words in ("The files of tiny", "What tells the classes apart without a detector: tiny", "bandwidth (kHz)"):
        assert words in ended.out
    assert "warning: in train, " in ended.out
    assert "the same audio is in more than one split: train spoof 1 of 20, test spoof 1 of 20" in ended.out
    for file in (made.config.parent / "corpus").glob("*.wav"):
        file.unlink()
    again = codecgrid("audit", "tiny", "--root", made.store.root)
    assert (again.status, again.out) == (0, ended.out)


def test_audit_as_json_has_groups_shortcuts_and_warnings(made: Tiny) -> None:
    found = codecgrid("audit", "tiny", "--root", made.store.root, "--json").json
    assert (found["corpora"], found["unmeasured"]) == (["tiny"], [])
    first = found["groups"][0]
    assert (first["split"], first["kind"], first["utterances"], first["rates"]) == (
        "train",
        "bonafide",
        20,
        {"16000": 20},
    )
    assert set(first["spreads"]) == {"sampling rate", "duration", "level", "silence", "bandwidth", "clipping"}
    level = next(item for item in found["shortcuts"] if (item["split"], item["number"]) == ("train", "level"))
    assert level["separation"]["n_spoof"] == 20
    # the attacks of the tiny corpus are noisier than its recordings
    assert level["separation"]["bonafide_is_larger"] is False
    assert any("alone tell" in text for text in found["warnings"])


def test_import_says_what_the_manifest_tells_and_the_command_for_the_rest(made: Tiny) -> None:
    protocol = made.config.parent / "corpus" / "protocol.csv"
    ended = codecgrid("import", "csv", protocol, "--name", "again", "--root", made.store.root)
    assert ended.status == 0, ended.err
    assert "warning: the same audio is in more than one split" in ended.out
    assert f"what the audio tells of the classes: codecgrid audit again --root {made.store.root}" in ended.out
    as_json = codecgrid("import", "csv", protocol, "--name", "again", "--root", made.store.root, "--json").json
    assert as_json["warnings"] == [
        "the same audio is in more than one split: train spoof 1 of 20, test spoof 1 of 20",
    ]


def test_audit_of_a_corpus_that_is_not_there_ends_with_two(made: Tiny) -> None:
    ended = codecgrid("audit", "tinny", "--root", made.store.root)
    assert ended.status == 2
    assert "corpus 'tinny' is not in" in ended.err
