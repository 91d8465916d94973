"""Damage to the files of a finished root: nothing that is then printed may be another number.

A report and a run meet the damage first, as they would if nobody had noticed; then it is repaired and run again.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Generator
from pathlib import Path

from grid.core.store import Store
from tests.chaos.small_grid import Reference
from tests.chaos.trial import Trial, last_line
from tests.support.command_line import Ended, codecgrid
from tests.support.tiny_grid import Tiny

NOT_DAMAGED = ("reports", "mlflow.db")
"""What is made from the rest whenever it is asked for."""


def _one_bit(path: Path, others: list[Path], draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    place = draw.randrange(8 * len(content))
    content[place // 8] ^= 1 << place % 8
    path.write_bytes(bytes(content))


def _cut(path: Path, others: list[Path], draw: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: draw.randrange(len(content))])


def _zeros(path: Path, others: list[Path], draw: random.Random) -> None:
    content = path.read_bytes()
    start = draw.randrange(len(content))
    length = min(512, len(content) - start)
    path.write_bytes(content[:start] + bytes(length) + content[start + length :])


def _removed(path: Path, others: list[Path], draw: random.Random) -> None:
    path.unlink()


def _exchanged(path: Path, others: list[Path], draw: random.Random) -> None:
    path.write_bytes(draw.choice(others or [path]).read_bytes())


DAMAGE: dict[str, Callable[[Path, list[Path], random.Random], None]] = {
    "one bit of {} flipped": _one_bit,
    "{} cut short": _cut,
    "zeros in {}": _zeros,
    "{} removed": _removed,
    "{} replaced by another file of its kind": _exchanged,
}


def damaged_files(reference: Reference, folder: Path, seed: int) -> Generator[Trial]:
    """Trials without end, with the kinds of files and of damage in an order that `seed` gives."""
    draw = random.Random(f"files {seed}")
    for number in range(1, 1_000_000):
        own = folder / f"files{number}"
        made = reference.copied(own)
        kinds = _files(made.store)
        files = kinds[draw.choice(sorted(kinds))]
        path, (said, damage) = draw.choice(files), draw.choice(list(DAMAGE.items()))
        before = path.read_bytes()
        damage(path, [other for other in files if other != path], draw)
        fault = said.format(path.relative_to(made.store.root))
        if path.exists() and path.read_bytes() == before:
            continue
        yield _trial(reference, made, fault)


def _files(store: Store) -> dict[str, list[Path]]:
    """The files of a root by their kind: their path without ids and numbers."""
    root, kinds = Path(store.root), dict[str, list[Path]]()
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_file() and path.stat().st_size and not name.startswith(NOT_DAMAGED):
            kinds.setdefault(re.sub(r"[0-9a-f]{8,16}|\d+", "N", name), []).append(path)
    return kinds


def _trial(reference: Reference, made: Tiny, fault: str) -> Trial:
    where = (made.config, "--root", made.store.root)
    expected = {path: content for path, content in reference.results.items() if path.startswith("reports/")}
    report = codecgrid("report", *where, "--from", "store")
    wrong = [f"a wrong number in {path}" for path in _other_numbers(made.store, expected)] if report.status == 0 else []
    unaware = codecgrid("run", *where)
    if unaware.status == 0 and (different := reference.differences(made)):
        wrong.append(f"different after a run that ended with 0: {', '.join(different)}")
    verified = codecgrid("verify", "--root", made.store.root, "--repair", "--json")
    again = codecgrid("run", *where)
    if again.status != 0:
        wrong.append("after the repair a run did not end with 0")
    if different := reference.differences(made):
        wrong.append(f"different: {', '.join(different)}")
    if codecgrid("verify", "--root", made.store.root).status != 0:
        wrong.append("damage is left")
    repaired = len(json.loads(verified.out)["damaged"]) if verified.status in (0, 3) else f"{verified.status}:"
    said = f"report {_said(report)} | run {_said(unaware)} | verify: {repaired} damaged"
    return Trial(fault, said, _said(again), "; ".join(wrong))


def _said(ended: Ended) -> str:
    """The status of a command, and its last line unless it is 0."""
    return str(ended.status) if ended.status == 0 else f"{ended.status}: {last_line(ended.err)}"


def _other_numbers(store: Store, expected: dict[str, bytes]) -> list[str]:
    """The tables that hold a number which the undisturbed one does not hold; a missing number is no wrong one."""
    found = {path: Path(store.uri(path)).read_bytes() for path in expected if Path(store.uri(path)).is_file()}
    return [path for path, content in found.items() if not _numbers(content) <= _numbers(expected[path])]


def _numbers(table: bytes) -> set[str]:
    return set(re.findall(r"\d+\.\d+", table.decode()))
