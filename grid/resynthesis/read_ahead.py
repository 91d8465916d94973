"""Reads up to N items of an iterator in advance, in a separate thread."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from queue import Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.1
"""Interval at which a producer that waits for room checks whether the consumer has closed the iterator."""


@dataclass(frozen=True)
class _End(Generic[T]):
    """The last entry of the queue, with the exception that ended the items, if any."""

    error: BaseException | None = None


def read_ahead(items: Iterable[T], limit: int) -> Generator[T, None, None]:
    """`items` in their order, of which up to `limit` are produced in advance by a thread.

    An exception of `items` is raised at the position of its item. Close the iterator (`contextlib.closing`) where it
    may be left before its end: the thread then ends after its current item, and `close` waits for that.
    """
    queue: Queue[T | _End[T]] = Queue(maxsize=limit)
    closed = Event()
    thread = Thread(target=_produce, args=(items, queue, closed), name="read-ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := queue.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        closed.set()
        thread.join()
        if isinstance(items, Generator):
            items.close()  # also closes an iterator that it reads ahead itself


def _produce(items: Iterable[T], queue: Queue[T | _End[T]], closed: Event) -> None:
    error: BaseException | None = None
    try:
        for item in items:
            if not _put(item, queue, closed):
                return
    except BaseException as raised:  # is raised again in the thread of the consumer
        error = raised
    _put(_End(error), queue, closed)


def _put(item: T | _End[T], queue: Queue[T | _End[T]], closed: Event) -> bool:
    """Puts `item` into the queue as soon as there is room; False when the consumer has closed the iterator."""
    while not closed.is_set():
        try:
            queue.put(item, timeout=POLL_SECONDS)
            return True
        except Full:
            continue
    return False
