"""Displays the progress of small codecs: one row for each line of their histories, below one header."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from grid.codec_training.progress import HistoryLine
    from grid.codecs.controlled.spec import CodecSpec

BREAK = "|"
"""Where a heading continues in a second line when the console is too narrow for complete headings."""


@dataclass(frozen=True)
class ProgressColumn:
    """A column: its heading, the width of its content, and the function that formats it."""

    heading: str
    width: int
    text: Callable[[CodecSpec, HistoryLine], str]
    left: bool = False

    def lines(self, wide: bool) -> tuple[str, str]:
        """The heading in one line (the second), or in two."""
        first, _, second = self.heading.partition(BREAK)
        if wide or not second:
            return "", first + second
        return first + ("" if first.endswith(",") else "-"), second.strip()

    def space(self, wide: bool) -> int:
        """The characters it takes."""
        return max(self.width, *map(len, self.lines(wide)))

    def placed(self, text: str, wide: bool) -> str:
        """`text` in its space."""
        return text.ljust(self.space(wide)) if self.left else text.rjust(self.space(wide))


class ProgressRows:
    """Prints rows of all members in training, with each log-spectral distance, or their mean on a narrow console."""

    def __init__(self, console: Console, names: list[str]) -> None:
        self.console = console
        self._names = short_names(names)
        self._columns: list[ProgressColumn] = []
        self._wide = True
        self._rows = 0

    def __call__(self, spec: CodecSpec, line: HistoryLine) -> None:
        """Prints one row; the header before the first one and, on a terminal, again before it scrolls away."""
        if not self._columns:
            self._lay_out(len(line.log_spectral_distance))
        again = self.console.is_terminal and self._rows % max(1, self.console.height - 4) == 0
        if self._rows == 0 or again:
            for number in (0, 1):
                self._print([column.lines(self._wide)[number] for column in self._columns], style="bold")
        self._rows += 1
        self._print([column.text(spec, line) for column in self._columns])

    def _lay_out(self, samples: int) -> None:
        """Chooses complete columns where they have room, else narrow ones."""
        for wide in (True, False):
            self._wide, self._columns = wide, self._columns_for(wide, samples)
            if sum(column.space(wide) + 1 for column in self._columns) - 1 <= self.console.width:
                return

    def _columns_for(self, wide: bool, samples: int) -> list[ProgressColumn]:
        columns = [
            ProgressColumn("step", 11, lambda spec, line: f"{line.step}/{spec.training.all_steps}"),
            ProgressColumn("sec|onds", 6, lambda spec, line: f"{line.seconds:.0f}"),
            ProgressColumn("loss", 6, lambda spec, line: f"{line.loss:.3f}"),
            ProgressColumn("magni|tude", 6, lambda spec, line: f"{line.magnitude:.3f}"),
            ProgressColumn("mel", 6, lambda spec, line: f"{line.mel:.3f}"),
            ProgressColumn("auxil|iary", 6, lambda spec, line: f"{line.auxiliary:.3f}"),
            ProgressColumn("mo|ments", 6, lambda spec, line: f"{line.moments:.3f}"),
        ]
        if len(self._names) > 1:
            width = max(map(len, self._names.values()))
            columns.insert(0, ProgressColumn("codec", width, lambda spec, line: self._names[spec.name], left=True))
        if samples and wide:
            columns.append(ProgressColumn("log-spectral distance, dB", 6 * samples - 1, each_distance))
        elif samples:
            columns.append(ProgressColumn("LSD,| dB", 5, mean_distance))
        return columns

    def _print(self, texts: list[str], style: str = "") -> None:
        row = " ".join(column.placed(text, self._wide) for column, text in zip(self._columns, texts, strict=True))
        if row.strip():
            self.console.print(row.rstrip(), style=style, markup=False, highlight=False, soft_wrap=True)


def each_distance(spec: CodecSpec, line: HistoryLine) -> str:
    """The log-spectral distance of each sample utterance, in the order of the corpus."""
    return " ".join(f"{value:5.2f}" for value in line.log_spectral_distance.values())


def mean_distance(spec: CodecSpec, line: HistoryLine) -> str:
    """The mean log-spectral distance over the sample utterances."""
    values = line.log_spectral_distance.values()
    return f"{sum(values) / len(values):.2f}"


def short_names(names: list[str]) -> dict[str, str]:
    """Each name without the leading words that all have in common, such as `controlled-`."""
    words = [name.split("-") for name in names]
    columns = zip(*(parts[:-1] for parts in words), strict=False)
    common = takewhile(lambda column: len(set(column)) == 1, columns)
    shared = len(list(common)) if len(names) > 1 else 0
    return {name: "-".join(parts[shared:]) for name, parts in zip(names, words, strict=True)}
