"""Reading items in advance in a thread: order, exceptions, the limit, and closing early."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from grid.resynthesis.read_ahead import read_ahead


def test_read_ahead_gives_all_items_in_order() -> None:
    assert list(read_ahead(range(100), 3)) == list(range(100))
    assert list(read_ahead([], 3)) == []


def test_read_ahead_exception_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    taken = read_ahead(items(), 5)
    assert next(taken) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(taken)


def test_read_ahead_makes_the_next_item_before_it_is_asked_for_and_not_more_than_told() -> None:
    made: list[int] = []
    second = threading.Event()

    def items() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            if number == 2:
                second.set()
            yield number

    with closing(read_ahead(items(), 2)) as taken:
        assert next(taken) == 0
        assert second.wait(10), "item 2 was never made, though only item 0 was taken"
        assert len(made) <= 4  # one taken, two in the queue, one in hand


def test_read_ahead_left_early_ends_its_thread_and_closes_the_items() -> None:
    before = threading.active_count()
    with closing(read_ahead(iter(int, 1), 2)) as taken:
        assert next(taken) == 0
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
