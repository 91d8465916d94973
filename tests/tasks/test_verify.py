"""`codecgrid verify`: what it prints, what it deletes, and its statuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import codecgrid
from tests.support.damage import flip_bit
from tests.support.tiny_grid import Tiny, tiny


@pytest.fixture
def made(tmp_path: Path) -> Tiny:
    """A tiny experiment with its audio."""
    found = tiny(tmp_path, grid={"selections": ["mu-law"], "policies": ["spoof"]})
    found.rendered()
    return found


def test_verify_of_whole_results_ends_with_zero(made: Tiny) -> None:
    ended = codecgrid("verify", "--root", made.store.root)
    assert (ended.status, ended.out) == (0, "3 steps, 8 of 8 audio shards read: 0 damaged\n")


def test_verify_names_damage_and_repair_deletes_it(made: Tiny) -> None:
    shard = next(Path(made.store.root).glob("audio/tiny/raw-*/shard-00001.parquet")).relative_to(made.store.root)
    flip_bit(made.store, str(shard), 0.5)
    where = ("verify", "--root", made.store.root)
    ended = codecgrid(*where)
    assert ended.status == 3
    assert f"damaged: {shard}: its SHA-256 is not the recorded one; damaged utterances: 1, such as '" in ended.out
    assert f"to delete: {shard}" in ended.out
    assert "then: codecgrid run CONFIG" in ended.out
    assert made.store.exists(str(shard))
    removed = codecgrid(*where, "--repair", "--json")
    assert (removed.status, removed.json["removed"]) == (3, True)
    assert not made.store.exists(str(shard))
    made.rendered()
    assert codecgrid(*where).status == 0


@pytest.mark.parametrize("share", ["0%", "101%", "ten", "nan%"])
def test_verify_of_a_wrong_share_ends_with_two(made: Tiny, share: str) -> None:
    ended = codecgrid("verify", "--root", made.store.root, "--read-data-subset", share)
    assert ended.status == 2
    assert "must be a percentage above 0 %" in ended.err


def test_verify_of_a_part_reads_fewer_shards(made: Tiny) -> None:
    ended = codecgrid("verify", "--root", made.store.root, "--read-data-subset", "1e-9%", "--json")
    assert (ended.status, ended.json["shards"], ended.json["shards_read"]) == (0, 8, 0)
