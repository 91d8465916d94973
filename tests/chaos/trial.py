"""One fault of the campaign and what came of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trial:
    """A fault, what the run said about it, what the same command said again, and what is wrong, "" for nothing."""

    fault: str
    said: str
    again: str
    wrong: str = ""

    def without(self, folder: str) -> Trial:
        """The same trial with `folder`, the place of the campaign, left out of every text."""
        return Trial(*(text.replace(folder, "") for text in (self.fault, self.said, self.again, self.wrong)))


def last_line(text: str) -> str:
    """The last line of what a command printed, "" where it printed none."""
    return (text.strip().splitlines() or [""])[-1].strip()
