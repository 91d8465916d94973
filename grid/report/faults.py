"""Faults of a report: a part that cannot be made is recorded with its name and error, and the others are still made."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from grid.core.errors import one_line

Result = TypeVar("Result")

TRACES = "faults.txt"
"""The file, beside the page, with the tracebacks; it exists only if the latest report has faults."""


@dataclass(frozen=True)
class Fault:
    """A part of a report that could not be made: its name, the error in one line, and the traceback if there is one."""

    part: str
    error: str
    trace: str = ""

    @classmethod
    def of(cls, part: str, error: Exception) -> Fault:
        return cls(part, one_line(error), "".join(traceback.format_exception(error)))

    @property
    def sentence(self) -> str:
        return f"{self.part} could not be made: {self.error}"


def attempt(part: str, make: Callable[[], Result], instead: Result, faults: list[Fault] | None) -> Result:
    """The result of `make`; if it raises, `instead`, and a fault is added to `faults` (None: the error is raised)."""
    if faults is None:
        return make()
    try:
        return make()
    except Exception as error:  # any error is recorded, so that the other parts are made
        faults.append(Fault.of(part, error))
        return instead


def traces(faults: Iterable[Fault]) -> str:
    """All faults with their tracebacks, the text of the file `TRACES`."""
    return "\n".join(f"{fault.sentence}\n{fault.trace}" for fault in faults)
