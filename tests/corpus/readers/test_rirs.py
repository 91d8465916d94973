"""The reader of RIRS_NOISES: its lists, its sets, folders without lists, and errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grid.core.errors import RequestError
from grid.corpus.importing import import_corpus
from grid.corpus.manifest import read_manifest
from grid.corpus.readers import open_corpus
from tests.support.speechlike import write_tone

REAL = "real_rirs_isotropic_noises"
SIMULATED = [
    f"simulated_rirs/{size}room/Room{r:03}/Room{r:03}-{n:05}"
    for size in ("small", "medium")
    for r, n in ((1, 1), (1, 2), (2, 1))
]


def release(folder: Path) -> Path:
    """A small RIRS_NOISES, every file half a second of a tone; its lists are as Kaldi writes them."""
    for size in ("small", "medium"):
        names = [name for name in SIMULATED if size in name]
        lines = [
            f"--rir-id {size}-{Path(name).name} --room-id {size}-{Path(name).parent.name} RIRS_NOISES/{name}.wav"
            for name in names
        ]
        listed(folder, f"simulated_rirs/{size}room/rir_list", lines)
    listed(
        folder,
        f"{REAL}/rir_list",
        [f"--rir-id 00001 --room-id RVB2014_large RIRS_NOISES/{REAL}/RVB2014_type1_rir_large.wav"],
    )
    isotropic = "--noise-id 00001 --noise-type isotropic --room-linkage RVB2014_large"
    listed(folder, f"{REAL}/noise_list", [f"{isotropic} RIRS_NOISES/{REAL}/RVB2014_type1_noise_large.wav"])
    point = "--noise-id noise-free-sound-0000 --noise-type point-source --bg-fg-type foreground"
    listed(
        folder, "pointsource_noises/noise_list", [f"{point} RIRS_NOISES/pointsource_noises/noise-free-sound-0000.wav"]
    )
    return folder


def listed(folder: Path, name: str, lines: list[str]) -> None:
    for number, line in enumerate(lines):
        write_tone(folder / line.split()[-1].removeprefix("RIRS_NOISES/"), seed=number)
    (folder / name).write_text("\n".join(lines) + "\n\n")


def found(path: Path, **options: Any) -> dict[str, tuple[str, str, str, str]]:
    rows = list(open_corpus("rirs", path, **options).rows)
    assert {row.split for row in rows} == {"train"}
    return {row.utterance_id: (row.path, row.speaker, row.source, row.key) for row in rows}


def test_rir_gives_what_the_rir_lists_name(tmp_path: Path) -> None:
    rows = found(release(tmp_path / "RIRS_NOISES"))
    assert set(rows) == {*SIMULATED, f"{REAL}/RVB2014_type1_rir_large"}
    assert rows[SIMULATED[2]] == (f"{SIMULATED[2]}.wav", "small-Room002", "smallroom", "bonafide")
    assert rows[f"{REAL}/RVB2014_type1_rir_large"][1:3] == ("RVB2014_large", REAL)


def test_noise_gives_what_the_noise_lists_name(tmp_path: Path) -> None:
    rows = found(release(tmp_path / "RIRS_NOISES"), kind="noise")
    assert {name: row[1:3] for name, row in rows.items()} == {
        f"{REAL}/RVB2014_type1_noise_large": ("RVB2014_large", REAL),
        "pointsource_noises/noise-free-sound-0000": ("", "pointsource_noises"),
    }


@pytest.mark.parametrize("sets", ["smallroom, mediumroom", ["smallroom", "mediumroom"]])
def test_sets_keep_only_those_named(tmp_path: Path, sets: str | list[str]) -> None:
    assert list(found(release(tmp_path / "RIRS_NOISES"), sets=sets)) == sorted(SIMULATED)


def test_ids_do_not_depend_on_where_the_release_lies_or_which_folder_is_given(tmp_path: Path) -> None:
    inside, renamed = release(tmp_path / "data" / "RIRS_NOISES"), release(tmp_path / "slr28")
    small = inside / "simulated_rirs" / "smallroom"
    assert list(found(inside)) == list(found(inside.parent)) == list(found(renamed))
    assert found(inside.parent)[SIMULATED[0]][0] == f"RIRS_NOISES/{SIMULATED[0]}.wav"
    assert found(small)[SIMULATED[0]][0] == "Room001/Room001-00001.wav"


def test_any_takes_every_file_noises_too(tmp_path: Path) -> None:
    rows = found(release(tmp_path / "RIRS_NOISES"), kind="any")
    assert len(rows) == len(SIMULATED) + 3
    assert {row[2] for row in rows.values()} == {"simulated_rirs", REAL, "pointsource_noises"}


@pytest.mark.parametrize("kind", ["rir", "noise"])
def test_folder_without_lists_is_taken_whole(tmp_path: Path, kind: str) -> None:
    for name in ("top.wav", "hall/a.wav", "hall/deep/b.flac", "office/c.WAV"):
        write_tone(tmp_path / "mine" / name)
    rows = found(tmp_path / "mine", kind=kind)
    assert {name: row[2] for name, row in rows.items()} == {
        "top": "mine",
        "hall/a": "hall",
        "hall/deep/b": "hall",
        "office/c": "office",
    }
    assert list(found(tmp_path / "mine", kind=kind, sets="office")) == ["office/c"]


def test_release_is_imported_and_a_missing_file_is_rejected(tmp_path: Path) -> None:
    folder = release(tmp_path / "RIRS_NOISES")
    (folder / f"{SIMULATED[-1]}.wav").unlink()
    result = import_corpus(open_corpus("rirs", folder), tmp_path / "imported", max_rejected_share=0.5, workers=1)
    assert (result.utterances, result.rejected) == (6, 1)
    assert set(read_manifest(result.manifest)["samples"].to_pylist()) == {8_000}


def test_release_that_is_wrong_is_refused(tmp_path: Path) -> None:
    folder = release(tmp_path / "RIRS_NOISES")
    with pytest.raises(RequestError, match="unknown kind 'rirs'; did you mean 'rir'"):
        open_corpus("rirs", folder, kind="rirs")
    with pytest.raises(RequestError, match="unknown set 'smalroom'; did you mean 'smallroom'"):
        open_corpus("rirs", folder, sets="smalroom")
    with pytest.raises(RequestError, match="no rir_list here, only lists of the other kind"):
        open_corpus("rirs", folder / "pointsource_noises")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError, match=r"no \.wav or \.flac files"):
        open_corpus("rirs", tmp_path / "empty")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--rir-id 1 --room-id 2", "rir_list:2: expected options"),
        ("--rir-id 1 sox a.wav -t wav - |", "rir_list:2: expected options"),
    ],
)
def test_list_with_a_wrong_entry_names_its_line(tmp_path: Path, line: str, message: str) -> None:
    folder = release(tmp_path / "RIRS_NOISES")
    (folder / REAL / "rir_list").write_text(f"--rir-id 1 RIRS_NOISES/{REAL}/RVB2014_type1_rir_large.wav\n{line}\n")
    with pytest.raises(RequestError, match=message):
        list(open_corpus("rirs", folder).rows)


def test_list_of_an_incomplete_release_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "rir_list").write_text("--rir-id 1 --room-id 1 RIRS_NOISES/simulated_rirs/a.wav\n")
    with pytest.raises(RequestError, match=r"rir_list:1: simulated_rirs/a\.wav is in none of the folders above"):
        list(open_corpus("rirs", tmp_path).rows)
