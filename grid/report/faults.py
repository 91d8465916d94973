"""Owns the rule that what fails in a report is told by name, and does not take the rest of the report with it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

Made = TypeVar("Made")

TRACES = "faults.txt"
"""The file, beside the page, with the tracebacks; there only while something fails."""


@dataclass(frozen=True)
class Fault:
    """A part of a report that could not be made: which, the error in one line, and where in the code it arose."""

    part: str
    error: str
    trace: str

    @classmethod
    def of(cls, part: str, error: Exception) -> Fault:
        line = " ".join(f"{type(error).__name__}: {error}".split())
        return cls(part, line, "".join(traceback.format_exception(error)))

    @property
    def sentence(self) -> str:
        return f"{self.part} could not be made: {self.error}"


def attempt(part: str, make: Callable[[], Made], instead: Made, faults: list[Fault] | None) -> Made:
    """What `make` gives. When it raises, a fault is added to `faults` and `instead` given; without a list it raises."""
    if faults is None:
        return make()
    try:
        return make()
    except Exception as error:  # whatever it is, it is told, and the other parts have a right to be made
        faults.append(Fault.of(part, error))
        return instead


def traces(faults: Iterable[Fault]) -> str:
    """Every fault with its traceback, as text for `TRACES`."""
    return "\n".join(f"{fault.sentence}\n{fault.trace}" for fault in faults)
