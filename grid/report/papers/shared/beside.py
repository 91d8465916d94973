"""What every paper table shares: the paper's number beside ours, and the sentence on what differs in the set-up."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from grid.analysis.results import GridResults
from grid.report.papers.shared.words import PaperWords, word
from grid.report.summary import percent, points

BESIDE = ("paper", "ours_minus_paper")
"""The parts of a column for the paper's number and for ours minus it."""
LEGEND = "in parentheses the paper's figure, and ours minus the paper's in percentage points"


def beside(
    ours: float,
    stated: float | None,
    write: Callable[[float], str] = percent,
    signed: Callable[[float], str] = points,
    *,
    lines: bool = False,
) -> tuple[str, ...]:
    """`(10.67, +0.32)`: the paper's number and ours minus it, with `lines` on two short lines; empty without one."""
    if stated is None:
        return ()
    first, second = f"({write(stated)},", f"{signed(ours - stated)})"
    return (first, second) if lines else (f"{first} {second}",)


def beside_values(ours: float, stated: float | None) -> tuple[float, float]:
    """The values of `BESIDE`; NaN where the paper has no number."""
    return (math.nan, math.nan) if stated is None else (stated, ours - stated)


def setup(results: GridResults, words: PaperWords) -> str:
    """The sentences on the set-up of ours (experiments, corpora, detectors, seeds) and of the paper."""
    grids = (results, *(grid for grid in results.compared if grid.cells))
    experiments = " and ".join(_listed(dict.fromkeys(grid.name for grid in grids)))
    corpora = list(dict.fromkeys(name for grid in grids for name in grid.corpora))
    detectors = dict.fromkeys(cell.detector for grid in grids for cell in grid.cells)
    parts = [f"experiment{'s' if ' and ' in experiments else ''} {experiments}"]
    parts += [f"corpora {', '.join(corpora)}"] if corpora else []
    parts += [f"detectors {', '.join(_detector(name, words) for name in detectors)}"] if detectors else []
    parts += [_seeds(grids)] if detectors else []
    return f"Set-up of ours: {'; '.join(parts)}. Of the paper: {words.setup}."


def _detector(name: str, words: PaperWords) -> str:
    paper = word(words.detectors, name)
    return f"{name} (not in the paper)" if paper is None else name if name == paper else f"{name} (its {paper})"


def _seeds(grids: Sequence[GridResults]) -> str:
    counts = sorted(
        {
            len({c.seed for c in grid.select(selection=cell.selection, policy=cell.policy, detector=cell.detector)})
            for grid in grids
            for cell in grid.cells
        }
    )
    if counts[-1] == 1:
        return "one seed"
    return f"{counts[0]} seeds" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"


def _listed(names: dict[str, None]) -> list[str]:
    *first, last = names
    return [", ".join(first), last] if first else [last]
