"""Times two ways to do the same thing in one run and says how many times better ours is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar, cast

from tests.benchmarks.fresh_process import Run

T = TypeVar("T")
HEADINGS = ("what", "unit", "ours", "alternative", "its figure", "ratio")


@dataclass(frozen=True)
class Comparison:
    """One figure of ours beside the same figure of an alternative; `alternative` is "" where there is none."""

    what: str
    unit: str
    ours: float
    alternative: str = ""
    theirs: float = 0.0
    more_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times better ours is; None where nothing is beside it."""
        if not self.alternative:
            return None
        return self.ours / self.theirs if self.more_is_better else self.theirs / self.ours

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio}


@dataclass
class Contest:
    """Times ours through pytest-benchmark and the alternatives beside it, and keeps what it compared."""

    benchmark: Any
    comparisons: list[Comparison] = field(default_factory=list)

    def rate(
        self,
        what: str,
        unit: str,
        amount: float,
        ours: Callable[[], object],
        alternatives: Mapping[str, Callable[[], object]],
        *,
        rounds: int = 3,
        share: float = 1.0,
    ) -> None:
        """Compares `amount` per second, the best of `rounds`; alternatives too slow for all of it do a `share`, once.

        The alternatives run between the rounds of ours, so that a busy machine disturbs both.
        """
        times: dict[str, list[float]] = {name: [] for name in alternatives}

        def beside() -> None:
            for name, alternative in alternatives.items():
                if share == 1.0 or not times[name]:
                    times[name].append(seconds(alternative))

        self.benchmark.pedantic(ours, setup=beside, rounds=rounds, iterations=1)
        own = amount / self.benchmark.stats.stats.min
        for name, taken in times.items():
            self.add(Comparison(what, unit, own, name, amount * share / min(taken), more_is_better=True))

    def processes(self, what: str, ours: Callable[[], Run], alternatives: Mapping[str, Callable[[], Run]]) -> Run:
        """Compares seconds and peak memory of whole processes, each run once; gives ours."""
        own = self.once(ours)
        for name, alternative in alternatives.items():
            theirs = alternative()
            self.add(Comparison(what, "s", own.seconds, name, theirs.seconds))
            self.add(Comparison(what, "GB peak", own.peak_gb, name, theirs.peak_gb))
        return own

    def once(self, ours: Callable[[], T]) -> T:
        """What `ours` gives, run once."""
        return cast(T, self.benchmark.pedantic(ours, rounds=1, iterations=1))

    def add(self, comparison: Comparison) -> None:
        self.comparisons.append(comparison)


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes, once."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def lines(comparisons: list[Comparison]) -> list[str]:
    """The comparisons as a Markdown table, its columns aligned."""
    rows = [HEADINGS, *(_cells(comparison) for comparison in comparisons)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    rule = tuple("-" * width for width in widths)
    return [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (rows[0], rule, *rows[1:])
    ]


def _cells(comparison: Comparison) -> tuple[str, ...]:
    ratio = comparison.ratio
    theirs = "" if ratio is None else _number(comparison.theirs)
    shown = "" if ratio is None else f"{ratio:.3g}" if ratio < 100 else f"{ratio:,.0f}"
    return (comparison.what, comparison.unit, _number(comparison.ours), comparison.alternative, theirs, shown)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
