"""The distribution of the scores of both classes, in bins that both share: small enough to keep and quick to draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from grid.metrics.detection import checked_scores

BINS = 40


@dataclass(frozen=True)
class ScoreHistogram:
    """The number of trials of each class in `BINS` bins of equal width from the lowest score to the highest."""

    lowest: float
    highest: float
    bonafide: tuple[int, ...]
    spoof: tuple[int, ...]


def score_histogram(bonafide_scores: ArrayLike, spoof_scores: ArrayLike, *, condition: str = "") -> ScoreHistogram:
    """The histogram of scores (trials,) of each class. Raises RequestError as `grid.metrics.detection.eer`."""
    bonafide = checked_scores(bonafide_scores, "bonafide", condition)
    spoof = checked_scores(spoof_scores, "spoof", condition)
    both = np.concatenate([bonafide, spoof])
    edges = np.histogram_bin_edges(both, BINS)
    counts = (tuple(np.histogram(scores, edges)[0].tolist()) for scores in (bonafide, spoof))
    return ScoreHistogram(float(edges[0]), float(edges[-1]), *counts)
