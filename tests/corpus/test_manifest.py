"""The manifest: round trip, equal bytes from any order of rows, and the digest of everything that changes a result."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pyarrow as pa
import pytest

from grid.core.errors import RequestError
from grid.corpus.manifest import (
    MANIFEST_SCHEMA,
    PENDING,
    Utterance,
    join_manifests,
    manifest_digest,
    read_manifest,
    to_table,
    to_utterances,
    write_manifest,
)


def utterance(name: str, **changes: object) -> Utterance:
    plain = Utterance(
        name, "p225", "train", "bonafide", "", "", name, "vctk", f"{name}.flac", 1.5, 24_000, 48_000, 1, "0" * 64
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


ROWS = [utterance("b"), utterance("a", speaker="p226", split="dev"), utterance("ä", key="spoof", attack="A07")]


def test_manifest_columns_are_the_fields_of_utterance() -> None:
    assert [*MANIFEST_SCHEMA.names, PENDING] == [field.name for field in dataclasses.fields(Utterance)]


def test_manifest_written_and_read_is_sorted_by_id(tmp_path: Path) -> None:
    write_manifest(tmp_path / "new" / "m.parquet", to_table(ROWS))
    table = read_manifest(tmp_path / "new" / "m.parquet")
    assert table.schema == MANIFEST_SCHEMA
    assert to_utterances(table) == sorted(ROWS, key=lambda row: row.utterance_id.encode())


def test_manifest_in_any_row_order_has_equal_bytes_and_digest(tmp_path: Path) -> None:
    write_manifest(tmp_path / "a.parquet", to_table(ROWS))
    write_manifest(tmp_path / "b.parquet", to_table(ROWS[::-1]))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    chunked = pa.concat_tables([to_table(ROWS[2:]), to_table(ROWS[:2])])
    assert manifest_digest(to_table(ROWS)) == manifest_digest(chunked)


def test_manifest_digest_is_the_frozen_one() -> None:
    """Made by this code when it was written: cells already in a store are found again only while it holds."""
    assert manifest_digest(to_table(ROWS)) == "73b2f97685a8688e"


@pytest.mark.parametrize(
    "change",
    [
        {"utterance_id": "c"},
        {"speaker": "p1"},
        {"split": "test"},
        {"key": "spoof"},
        {"attack": "A01"},
        {"codec": "mimi"},
        {"origin": "x"},
        {"samples": 24_001},
        {"sha256": "1" * 64},
    ],
)
def test_manifest_digest_follows_each_column_that_can_change_a_number(change: dict[str, object]) -> None:
    changed = [dataclasses.replace(ROWS[0], **change), *ROWS[1:]]  # type: ignore[arg-type]
    assert manifest_digest(to_table(changed)) != manifest_digest(to_table(ROWS))


def test_manifest_digest_ignores_where_the_audio_lies() -> None:
    moved = [dataclasses.replace(row, path=f"moved/{row.path}", source="elsewhere", seconds=9.0) for row in ROWS]
    assert manifest_digest(to_table(moved)) == manifest_digest(to_table(ROWS))


def test_pending_is_a_column_only_where_a_row_is(tmp_path: Path) -> None:
    pending = utterance("a~mimi", codec="mimi", origin="a", pending=True)
    assert PENDING not in to_table(ROWS).column_names
    write_manifest(tmp_path / "m.parquet", join_manifests([to_table(ROWS), to_table([pending])]))
    read = read_manifest(tmp_path / "m.parquet")
    assert read.column_names == [*MANIFEST_SCHEMA.names, PENDING]
    assert {row.utterance_id for row in to_utterances(read) if row.pending} == {"a~mimi"}


def test_pending_moves_the_digest_and_its_absence_does_not() -> None:
    coded, pending = (utterance("a~mimi", codec="mimi", pending=said) for said in (False, True))
    assert manifest_digest(to_table([*ROWS, pending])) != manifest_digest(to_table([*ROWS, coded]))
    nowhere = to_table(ROWS).append_column(PENDING, pa.array([False] * len(ROWS)))
    assert manifest_digest(nowhere) == manifest_digest(to_table(ROWS))


def test_pending_of_another_type_or_without_values_is_no_manifest(tmp_path: Path) -> None:
    for values, message in (([None] * 3, "column pending has 3 values missing"), (["perhaps"] * 3, "wrong type")):
        with pytest.raises(RequestError, match=message):
            write_manifest(tmp_path / "m.parquet", to_table(ROWS).append_column(PENDING, pa.array(values)))


def test_manifest_digest_tells_text_in_neighbouring_rows_apart() -> None:
    one = to_table([utterance("a", attack="xy"), utterance("b", attack="")])
    other = to_table([utterance("a", attack="x"), utterance("b", attack="y")])
    assert manifest_digest(one) != manifest_digest(other)


def test_manifest_digest_of_a_slice_is_that_of_its_rows() -> None:
    assert manifest_digest(to_table(ROWS).slice(1, 2)) == manifest_digest(to_table(ROWS[1:]))


def test_manifest_keeps_further_columns_behind_its_own(tmp_path: Path) -> None:
    table = to_table(ROWS).add_column(0, "offset", pa.array([4, 5, 6], pa.int64()))
    write_manifest(tmp_path / "m.parquet", table)
    read = read_manifest(tmp_path / "m.parquet")
    assert read.column_names == [*MANIFEST_SCHEMA.names, "offset"]
    assert read.column("offset").to_pylist() == [5, 4, 6]
    assert manifest_digest(read) == manifest_digest(to_table(ROWS))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([utterance("a"), utterance("a")], "'a'"),
        ([utterance("a", key="genuine")], "key 'genuine'"),
        ([utterance("a", split="eval")], "split 'eval'"),
        ([utterance("a", samples=0)], "no samples"),
    ],
)
def test_write_manifest_of_bad_rows_is_refused(tmp_path: Path, rows: list[Utterance], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        write_manifest(tmp_path / "m.parquet", to_table(rows))
    assert list(tmp_path.iterdir()) == []


def test_read_manifest_of_what_is_none_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("no")
    with pytest.raises(RequestError, match="no such manifest"):
        read_manifest(tmp_path / "absent.parquet")
    with pytest.raises(RequestError, match="not a Parquet file"):
        read_manifest(tmp_path / "text.parquet")
    with pytest.raises(RequestError, match="columns utterance_id, sha256 are missing"):
        manifest_digest(to_table(ROWS).drop_columns(["utterance_id", "sha256"]))
