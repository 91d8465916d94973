"""What a check of the store finds, and how it reads: damaged files, and counts of what was read."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import ValidationError

from grid.core.errors import RequestError
from grid.core.record import Record, check_outputs, read_record
from grid.core.store import Store


@dataclass(frozen=True)
class Damage:
    """A damaged file: its path in the store, what is wrong with it, and the command that makes it again.

    `remove` are the files and folders to delete before that, in this order: what marks a step as done comes first, so
    that an interrupted deletion leaves a step undone and never a done step without its files.
    """

    path: str
    problem: str
    remove: tuple[str, ...]
    command: str


@dataclass
class Reading:
    """How the files of a store are read: all of them but the audio, of which each shard is read with `share` (0 to 1).

    Counts the steps, the shards and those read; `unverified` are files of earlier versions, which have no digest.
    """

    store: Store
    share: float = 1.0
    draw: random.Random = field(default_factory=random.Random)
    steps: int = 0
    shards: int = 0
    shards_read: int = 0
    unverified: list[str] = field(default_factory=list)

    def reads_shard(self) -> bool:
        """Counts a shard, and draws whether its audio is read."""
        chosen = self.share >= 1 or self.draw.random() < self.share
        self.shards += 1
        self.shards_read += chosen
        return chosen

    def record(self, folder: str) -> Record | None:
        """The record of a step, which is counted; RequestError when it is damaged."""
        self.steps += 1
        record = read_record(self.store, folder)
        if record is not None and not record.sha256:
            self.unverified.append(f"{folder}/record.json")
        return record

    def step(self, folder: str, command: str) -> Iterator[Damage]:
        """The damage of a step that is made as a whole: its record and its outputs."""
        try:
            record = self.record(folder)
            if record is not None:
                check_outputs(self.store, folder, record)
        except (RequestError, ValidationError) as error:
            yield Damage(folder, problem(error), (folder,), command)

    def json(self, path: str, command: str) -> Iterator[Damage]:
        """The damage of a JSON file without a digest: that it cannot be read."""
        try:
            self.store.read_json(path)
        except RequestError as error:
            yield Damage(path, problem(error), (path,), command)


def problem(error: Exception) -> str:
    """What an error says is wrong, without its advice: a check has its own."""
    return str(error).split("; delete ")[0]
