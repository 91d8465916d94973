"""A small grid on an object store that fails: whatever operation it is, the same command again gives the same bytes.

The grid is imported, rendered, trained, scored and measured in this process. Each part of the work is tried from the
state that an undisturbed run left before it, with a fault in one operation of the store, and then again without one.
After SQLite's tests of I/O errors (sqlite.org/testing.html, section 3.2), which fail the n-th operation for every n.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress

import pytest
import torch

from grid.core.record import FAILURE
from tests.support.faulty_store import Faults, FaultyFileSystem, begin, fail_at, fail_at_random
from tests.support.run_in_parts import PARTS, Undisturbed, content, records, run_all, run_in_parts

pytestmark = [pytest.mark.slow, pytest.mark.faults]

STRIDE = 9
"""Every write of what says that something is done (`DECISIVE`) is tried, and each of this many of all other operations:
all of the 250 would take minutes."""
DECISIVE = (".json", "manifest.parquet", "lock", "state.pt", "weights.safetensors")
WRITES = ("put_file", "pipe_file", "rm", "rm_file")
CACHED = 20


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    torch.set_num_threads(1)
    logging.disable(logging.ERROR)  # a thousand faults, all of them meant
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    with run_in_parts(tmp_path_factory.mktemp("faults")) as story:
        yield story


def chosen(operations: list[str]) -> list[tuple[int, str]]:
    """The numbers of the operations to fail: of decisive writes alternately before and after, of others before."""
    numbered = list(enumerate(operations, 1))
    decisive = [i for i, name in numbered if name.startswith(WRITES) and name.endswith(DECISIVE)]
    others = [i for i, _ in numbered if i not in decisive][::STRIDE]
    return [(i, ("before", "after")[k % 2]) for k, i in enumerate(decisive)] + [(i, "before") for i in others]


@pytest.mark.parametrize("part", range(len(PARTS)), ids=[part.__name__ for part in PARTS])
def test_any_operation_that_fails_costs_only_the_same_command_again(undisturbed: Undisturbed, part: int) -> None:
    before, expected = undisturbed.files[part], content(undisturbed.files[part + 1])
    for number, when in chosen(undisturbed.operations[part]):
        faults = begin(before, fail_at(number, when))
        with suppress(OSError):
            PARTS[part](undisturbed.made)
        # this machine's cache, filled by the runs before, saves the last few operations
        assert faults.failed or len(faults.done) < number <= len(faults.done) + CACHED
        assert records(FaultyFileSystem.store) >= records(before)
        FaultyFileSystem.faults = Faults()
        PARTS[part](undisturbed.made)
        assert content(FaultyFileSystem.store) == expected, faults.failed
        assert not [name for name in FaultyFileSystem.store if name.endswith((FAILURE, "running.json"))]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_share_of_operations_that_fail_costs_only_the_same_command_again(undisturbed: Undisturbed, seed: int) -> None:
    faults, attempts = begin({}, fail_at_random(0.01, seed)), 1
    while attempts < 100:
        try:
            run_all(undisturbed.made)
            break
        except OSError:
            attempts += 1
    assert len(faults.failed) > 1
    assert content(FaultyFileSystem.store) == content(undisturbed.files[-1]), faults.failed


def test_listings_that_lag_behind_the_writes_change_nothing(undisturbed: Undisturbed) -> None:
    begin({}, Faults())
    FaultyFileSystem.lag = 3
    run_all(undisturbed.made)
    run_all(undisturbed.made)
    assert content(FaultyFileSystem.store) == content(undisturbed.files[-1])
