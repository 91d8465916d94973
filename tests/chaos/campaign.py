"""The order of the campaign: kind by kind, each for its share of the time."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cluster.runtime.session import session
from tests.chaos.damaged_files import damaged_files
from tests.chaos.process_faults import process_faults
from tests.chaos.small_grid import Reference, reference
from tests.chaos.store_operations import store_operations
from tests.chaos.trial import Trial

SHARES = {"store": 0.1, "files": 0.3, "processes": 0.6}
"""The kinds of faults, and the share of the time that each has."""


@dataclass(frozen=True)
class Campaign:
    """The faults of a seed on one grid, in a folder and with the environment of a run."""

    folder: Path
    variables: dict[str, str]
    seed: int

    def run(self, kinds: Sequence[str], minutes: float, trials: int) -> Iterator[Trial]:
        """The trials of each kind, for its share of the minutes and at most `trials` of them."""
        undisturbed = reference(self.folder / "undisturbed")
        total = sum(SHARES[kind] for kind in kinds)
        for kind in kinds:
            yield from _within(60 * minutes * SHARES[kind] / total, trials, self._trials(kind, undisturbed))

    def _trials(self, kind: str, undisturbed: Reference) -> Generator[Trial]:
        if kind == "store":
            yield from store_operations(self.folder / "store", self.seed)
        elif kind == "files":
            # one Ray for all of them, which every run in this process joins
            with session("local", cpus=2, object_store_bytes=100_000_000, temporary=self.folder / "ray"):
                yield from damaged_files(undisturbed, self.folder, self.seed)
        else:
            yield from process_faults(undisturbed, self.variables, self.folder, self.seed)


def _within(seconds: float, count: int, trials: Generator[Trial]) -> Iterator[Trial]:
    """At most `count` trials; none is begun that would not end in time if it took as long as the longest so far."""
    start, longest = time.monotonic(), 0.0
    with closing(trials):
        for _ in range(count):
            begun = time.monotonic()
            if begun - start + longest > seconds:
                return
            yield next(trials)
            longest = max(longest, time.monotonic() - begun)
