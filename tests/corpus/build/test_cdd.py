"""Building CDD from a small ASVspoof 5: the protocol written, its counts, and its import."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from grid.core.errors import RequestError
from grid.corpus.build.cdd import BuiltCdd, build_cdd
from grid.corpus.build.cdd_partitions import CHOICES, Partition
from grid.corpus.importing import import_corpus, open_imported
from grid.corpus.readers import open_corpus
from tests.support.asvspoof_trees import write_flacs, write_lines
from tests.support.fake_asvspoof5 import Size, write_asvspoof5

CODECS = ("opus-6kbps", "gsm-06.10")
PLAN = (
    Partition("train", 24, 24, 8, CODECS, shared=True),
    Partition("dev", 12, 12, 4, CODECS, shared=False),
    Partition("test", 12, 12, 4, (*CODECS, "mimi-32cb"), shared=False),
)
SIZES = {"train": Size(10, 4, 10), "dev": Size(20, 4, 10), "test": Size(20, 4, 10)}


@pytest.fixture
def asvspoof5(tmp_path: Path) -> Path:
    return write_asvspoof5(tmp_path / "asvspoof5", SIZES)


def lines(built: BuiltCdd) -> list[dict[str, str]]:
    with built.protocol.open(newline="") as stream:
        return list(csv.DictReader(stream))


def count(built: BuiltCdd, split: str, of: str) -> tuple[int, int | None]:
    (found,) = [(c.ours, c.published) for c in built.counts if (c.split, c.of) == (split, of)]
    return found


def test_build_writes_recordings_and_what_codecs_have_still_to_make(asvspoof5: Path, tmp_path: Path) -> None:
    built = build_cdd(asvspoof5, tmp_path / "out", plan=PLAN)
    rows = lines(built)
    assert list(rows[0]) == [
        "utterance_id", "path", "speaker", "split", "key", "attack", "codec", "origin", "source", "pending",
    ]  # fmt: skip
    assert len(rows) == 24 * 3 + 12 * 3 + 12 * 4
    assert built.root == asvspoof5
    assert {row["key"] for row in rows} == {"bonafide"}
    assert all((built.root / row["path"]).is_file() for row in rows)
    recordings = [row for row in rows if not row["codec"]]
    assert {(row["pending"], row["origin"]) for row in recordings} == {("", "")}
    assert all(Path(row["path"]).stem == row["utterance_id"] for row in recordings)
    for row in rows:
        if row["codec"]:
            assert row["pending"] == "yes"
            assert row["utterance_id"] == f"{row['origin']}~{row['codec']}"
            assert Path(row["path"]).stem == row["origin"]


def test_build_draws_no_transmitted_recording(asvspoof5: Path, tmp_path: Path) -> None:
    rows = lines(build_cdd(asvspoof5, tmp_path / "out", plan=PLAN))
    assert {row["source"] for row in rows} == {"asvspoof5"}


def test_build_counts_what_it_drew_beside_table_2(asvspoof5: Path, tmp_path: Path) -> None:
    built = build_cdd(asvspoof5, tmp_path / "out", plan=PLAN)
    assert count(built, "train", "recordings (R)") == (24, 3600)
    assert count(built, "train", "resynthesised (A)") == (48, 10800)
    assert count(built, "test", "resynthesised (A)") == (36, 3600)
    assert count(built, "test", "A, mimi-32cb") == (12, None)
    assert count(built, "test", "generated (F)") == (0, 7193)
    assert count(built, "train", "speakers") == (8, 360)
    assert count(built, "dev", "speakers of R and A") == (12, None)  # 3 sets of 4 speakers
    assert count(built, "dev", "speakers of R and A that are spoofed too") == (6, None)  # half of them
    said = json.loads((tmp_path / "out" / "counts.json").read_text())
    assert [item["ours"] for item in said["counts"]] == [item.ours for item in built.counts]
    page = (tmp_path / "out" / "counts.md").read_text()
    assert "| train | recordings (R) | 24 | 3,600 |" in page
    assert all(choice in page for choice in CHOICES)


def test_build_again_writes_the_same_and_another_seed_another_draw(asvspoof5: Path, tmp_path: Path) -> None:
    first = build_cdd(asvspoof5, tmp_path / "a", plan=PLAN, seed=3).protocol.read_bytes()
    assert (
        build_cdd(asvspoof5 / "ASVspoof5_protocols", tmp_path / "b", plan=PLAN, seed=3).protocol.read_bytes() == first
    )
    assert build_cdd(asvspoof5, tmp_path / "c", plan=PLAN, seed=4).protocol.read_bytes() != first


def test_build_is_imported_by_the_csv_reader(asvspoof5: Path, tmp_path: Path) -> None:
    built = build_cdd(asvspoof5, tmp_path / "out", plan=PLAN)
    assert built.import_command == (
        f"codecgrid import csv {tmp_path}/out/protocol.csv --name cdd --option root={asvspoof5}"
    )
    result = import_corpus(open_corpus("csv", built.protocol, root=str(built.root)), tmp_path / "imported", workers=1)
    assert (result.utterances, result.rejected) == (156, 0)
    table = open_imported(tmp_path / "imported").table.to_pylist()
    made = [row for row in table if row["codec"]]
    assert len(made) == 108
    assert all(row["utterance_id"] == f"{row['origin']}~{row['codec']}" for row in made)


def test_build_with_cdd_joins_its_spoofs_and_takes_its_speakers(asvspoof5: Path, tmp_path: Path) -> None:
    # all of one speaker who is not spoofed in ASVspoof 5; the bona fide row is left to the draw
    spoofs = [
        ("MS5-1", "D_0019", "MS5", "spoof"),
        ("CV2-1", "D_0019", "CV2", "spoof"),
        ("x", "D_0018", "-", "bonafide"),
    ]
    cdd = tmp_path / "cdd"
    write_lines(cdd / "dev.tsv", [f"{name}\tCoSG/{name}.flac" for name, *_ in spoofs])
    write_lines(cdd / "dev.txt", [f"{name}\tcdd\t{rest[0]}\t{rest[1]}\t{rest[2]}" for name, *rest in spoofs])
    write_flacs(cdd / "CoSG", [name for name, *_ in spoofs])
    built = build_cdd(asvspoof5, tmp_path / "out", plan=PLAN[1:2], cdd=cdd)
    assert built.root == tmp_path
    assert count(built, "dev", "generated (F)") == (2, 4680)
    assert count(built, "dev", "speakers of R and A that are spoofed too") == (1, None)
    rows = [(row["utterance_id"], row["attack"], row["codec"], row["pending"]) for row in lines(built)[-2:]]
    assert rows == [("MS5-1", "MS5", "encodec-24khz-6kbps-mars5", ""), ("CV2-1", "CV2", "s3tokenizer-cosyvoice2", "")]
    result = import_corpus(open_corpus("csv", built.protocol, root=str(built.root)), tmp_path / "imported", workers=1)
    assert (result.utterances, result.rejected) == (38, 0)
    with pytest.raises(RequestError, match="no spoofed rows of train"):
        build_cdd(asvspoof5, tmp_path / "out", plan=PLAN[:1], cdd=cdd)


def test_build_of_folders_that_are_links_is_imported(asvspoof5: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    (asvspoof5 / "flac_T").rename(disk)
    (asvspoof5 / "flac_T").symlink_to(disk)
    built = build_cdd(asvspoof5, tmp_path / "out", plan=PLAN[:1])
    assert built.root == disk
    result = import_corpus(open_corpus("csv", built.protocol, root=str(built.root)), tmp_path / "imported", workers=1)
    assert result.rejected == 0


def test_build_without_audio_or_with_too_little_writes_nothing(asvspoof5: Path, tmp_path: Path) -> None:
    for file in (asvspoof5 / "flac_D").iterdir():
        file.unlink()
    with pytest.raises(RequestError, match=r"36 audio files that were drawn are not there, such as .*flac_D/D_"):
        build_cdd(asvspoof5, tmp_path / "out", plan=PLAN)
    with pytest.raises(RequestError, match=r"CDD dev: gsm-06\.10 need 40 recordings"):
        build_cdd(asvspoof5, tmp_path / "out", plan=[Partition("dev", 40, 40, 4, CODECS, shared=False)])
    assert not (tmp_path / "out").exists()
