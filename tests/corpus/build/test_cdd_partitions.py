"""The draw of CDD's partitions: sizes, speakers, shared and disjoint sets, and reproducibility."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from grid.codecs.catalogue import load_catalogue
from grid.core.errors import RequestError
from grid.corpus.build.cdd_partitions import CODECS, TABLE_2, TEST_CODECS, Drawn, Partition, cdd_plan, draw
from grid.corpus.protocol import ProtocolRow

SPOOFED = frozenset(f"s{i:03d}" for i in range(0, 60, 2))
DEV = Partition("dev", recordings=40, resynthesised=30, speakers=10, codecs=("a", "b", "c"), shared=False)


def recordings(speakers: int = 60, each: int = 6, split: str = "dev") -> list[ProtocolRow]:
    names = [(f"s{s:03d}", f"{split}-{s:03d}-{u}") for s in range(speakers) for u in range(each)]
    return [ProtocolRow(name, f"{name}.flac", speaker, split) for speaker, name in names]


def by_codec(drawn: list[Drawn]) -> dict[str, list[ProtocolRow]]:
    found: dict[str, list[ProtocolRow]] = {}
    for item in drawn:
        found.setdefault(item.codec, []).append(item.recording)
    return found


def test_plan_has_the_sizes_of_the_paper() -> None:
    plan = cdd_plan()
    assert [(p.recordings, p.resynthesised, p.speakers, len(p.codecs)) for p in plan] == [
        (3600, 3600, 360, 3), (1200, 1200, 120, 3), (1200, 1200, 120, 4),
    ]  # fmt: skip
    assert [p.shared for p in plan] == [True, False, False]
    assert [p.recordings for p in plan] == [TABLE_2[p.split].recordings for p in plan]
    letters = [load_catalogue().get(codec).letters.cdd for codec in CODECS + TEST_CODECS]
    assert letters == ["EnCodec", "Mimi", "DAC", "XCodec2"]


def test_plan_with_codecs_of_ones_own_names_each_once() -> None:
    plan = cdd_plan(["x", "y", "x"], ["y", "z"])
    assert [p.codecs for p in plan] == [("x", "y"), ("x", "y"), ("x", "y", "z")]
    assert [p.codecs for p in cdd_plan(["x"], [])] == [("x",)] * 3


def test_draw_of_a_partition_with_unique_sets_uses_no_recording_twice() -> None:
    sets = by_codec(draw(DEV, recordings(), SPOOFED, seed=0))
    assert {codec: len(rows) for codec, rows in sets.items()} == {"": 40, "a": 30, "b": 30, "c": 30}
    ids = [row.utterance_id for rows in sets.values() for row in rows]
    assert len(set(ids)) == 130


def test_draw_takes_equally_from_speakers_of_whom_half_are_spoofed() -> None:
    sets = by_codec(draw(DEV, recordings(), SPOOFED, seed=0))
    everyone: list[str] = []
    for rows in sets.values():
        counts = Counter(row.speaker for row in rows)
        assert len(counts) == 10
        assert set(counts.values()) == {len(rows) // 10}
        assert len(counts.keys() & SPOOFED) == 5
        everyone += counts
    assert len(set(everyone)) == 40  # 4 sets of 10: no speaker twice while there are others


def test_draw_without_speakers_of_one_sort_takes_the_others() -> None:
    for spoofed in (frozenset(), frozenset(row.speaker for row in recordings())):
        sets = by_codec(draw(DEV, recordings(), spoofed, seed=0))
        assert {len({row.speaker for row in rows}) for rows in sets.values()} == {10}


def test_draw_of_a_shared_partition_resynthesises_its_recordings() -> None:
    train = replace(DEV, split="train", recordings=30, shared=True)
    sets = by_codec(draw(train, recordings(split="train") + recordings(), SPOOFED, seed=0))
    assert sets["a"] == sets["b"] == sets["c"] == sets[""]
    assert [item.utterance_id for item in draw(train, recordings(split="train"), SPOOFED, 0)][30].endswith("~a")
    assert {row.split for row in sets[""]} == {"train"}


def test_draw_is_the_same_for_rows_in_any_order_and_another_for_another_seed() -> None:
    rows = recordings()
    first = draw(DEV, rows, SPOOFED, seed=0)
    assert draw(DEV, rows[::-1], SPOOFED, seed=0) == first
    assert draw(DEV, rows, SPOOFED, seed=1) != first


def test_draw_through_one_codec_more_changes_none_of_the_others() -> None:
    sets = by_codec(draw(DEV, recordings(), SPOOFED, seed=0))
    more = by_codec(draw(replace(DEV, codecs=("a", "b", "c", "d")), recordings(), SPOOFED, seed=0))
    assert {codec: more[codec] for codec in sets} == sets


def test_draw_of_speakers_with_few_recordings_fills_up_from_the_rest() -> None:
    rows = recordings(speakers=9, each=4) + [replace(r, speaker="rich") for r in recordings(90, 1, "dev")[60:]]
    sets = by_codec(draw(replace(DEV, codecs=()), rows, frozenset(), seed=0))
    counts = Counter(row.speaker for row in sets[""])
    assert len(sets[""]) == 40
    assert counts == {f"s{i:03d}": 4 for i in range(9)} | {"rich": 4}
    # the ten speakers chosen have fewer than are needed, others have them
    sets = by_codec(draw(replace(DEV, codecs=()), recordings(speakers=20, each=3), frozenset(), seed=0))
    assert len({row.speaker for row in sets[""]}) == 20


def test_draw_of_too_few_recordings_says_what_is_short() -> None:
    with pytest.raises(RequestError, match=r"CDD dev: b need 30 recordings .* and 20 are left of 15 speakers"):
        draw(DEV, recordings(speakers=15), SPOOFED, seed=0)
