"""Operations of an object store that fail, before or after they are done, at a number drawn from all of a run."""

from __future__ import annotations

import random
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

from grid.core.errors import one_line
from tests.chaos.trial import Trial
from tests.support.faulty_store import Faults, FaultyFileSystem, begin, fail_at
from tests.support.run_in_parts import PARTS, Undisturbed, content, records, run_in_parts


def store_operations(folder: Path, seed: int) -> Generator[Trial]:
    """Trials without end: one failed operation each, at a place that `seed` gives."""
    draw = random.Random(f"store {seed}")
    with run_in_parts(folder) as undisturbed:
        every = [
            (part, number) for part, done in enumerate(undisturbed.operations) for number in range(1, len(done) + 1)
        ]
        while True:
            part, number = draw.choice(every)
            yield _trial(undisturbed, part, number, draw.choice(("before", "after")))


def _trial(undisturbed: Undisturbed, part: int, number: int, when: str) -> Trial:
    before, work = undisturbed.files[part], PARTS[part]
    operation = undisturbed.operations[part][number - 1].replace("memory://bucket/root/", "")
    begin(before, fail_at(number, when))
    said, wrong = "done", []
    try:
        work(undisturbed.made)
    except OSError as error:
        said = one_line(error, first=True)
    if not records(FaultyFileSystem.store) >= records(before):
        wrong.append("a record was lost")
    FaultyFileSystem.faults = Faults()
    with suppress(OSError):
        work(undisturbed.made)
    expected, found = content(undisturbed.files[part + 1]), content(FaultyFileSystem.store)
    different = sorted(path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path))
    if different:
        wrong.append(f"different: {', '.join(different)}")
    fault = f"operation {number} of {work.__name__} fails {when} it is done: {operation}"
    return Trial(fault, said, "done", "; ".join(wrong))
