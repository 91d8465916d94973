"""How long training takes, at the rate of the cells of the same detector that are finished in the store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from grid.cells.job import CellJob
from grid.cells.status import epochs_so_far
from grid.core.store import Store

RATED_CELLS = 5
"""The finished cells of a detector whose epochs are read."""


@dataclass(frozen=True)
class TrainingTime:
    """Seconds that trainings take one after the other if none stops early, without those of detectors in `unrated`."""

    seconds: float
    unrated: tuple[str, ...]


def epoch_seconds(store: Store, finished: Iterable[CellJob]) -> dict[str, float]:
    """The mean seconds of an epoch by detector, of cells that are finished; what they trained on may differ in size."""
    seconds: dict[str, list[float]] = {}
    read: dict[str, int] = {}
    for job in finished:
        if read.get(job.detector, 0) < RATED_CELLS:
            read[job.detector] = read.get(job.detector, 0) + 1
            seconds.setdefault(job.detector, []).extend(epoch["seconds"] for epoch in epochs_so_far(store, job))
    return {detector: fmean(values) for detector, values in seconds.items() if values}


def training_time(store: Store, cells: Iterable[CellJob], rates: dict[str, float]) -> TrainingTime:
    """The time that the epochs take which `cells` lack, at these seconds an epoch by detector."""
    seconds, unrated = 0.0, set[str]()
    for job in cells:
        left = job.recipe.epochs - len(epochs_so_far(store, job))
        if left > 0 and job.detector not in rates:
            unrated.add(job.detector)
        seconds += max(0, left) * rates.get(job.detector, 0.0)
    return TrainingTime(seconds, tuple(sorted(unrated)))
