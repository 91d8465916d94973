"""Makes the items of an iterator in a thread of their own, a few ahead of whoever takes them."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from queue import Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 0.1
"""How often a thread that waits for room looks whether anybody still takes its items."""


@dataclass(frozen=True)
class _End(Generic[T]):
    """The last thing in the queue: what ended the items, if it was an exception."""

    error: BaseException | None = None


def read_ahead(items: Iterable[T], most: int) -> Generator[T, None, None]:
    """`items` in their order, up to `most` of them made before they are asked for.

    An exception of `items` is raised where its item would have come. Close the iterator (`contextlib.closing`) where
    it may be left before its end: the thread then ends after the item it is at, and `close` waits for that.
    """
    waiting: Queue[T | _End[T]] = Queue(maxsize=most)
    left = Event()
    thread = Thread(target=_make, args=(items, waiting, left), name="read-ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        left.set()
        thread.join()
        if isinstance(items, Generator):
            items.close()  # and what it reads ahead of itself


def _make(items: Iterable[T], waiting: Queue[T | _End[T]], left: Event) -> None:
    error: BaseException | None = None
    try:
        for item in items:
            if not _put(item, waiting, left):
                return
    except BaseException as raised:  # whatever it is belongs to the thread that takes the items
        error = raised
    _put(_End(error), waiting, left)


def _put(item: T | _End[T], waiting: Queue[T | _End[T]], left: Event) -> bool:
    """Waits for room; False when nobody takes items any more."""
    while not left.is_set():
        try:
            waiting.put(item, timeout=PATIENCE_SECONDS)
            return True
        except Full:
            continue
    return False
