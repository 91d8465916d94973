"""Which detectors an experiment tests its trainings against, on which evaluations, and at which level."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from grid.config.strict import Strict
from grid.metrics.significance import LEVEL, REPLICATES


class SignificanceChoice(Strict):
    """Tests of every training against the baseline that is best on the evaluation, pooled and seed by seed."""

    baselines: tuple[str, ...] = Field(
        min_length=1,
        description="detectors of the grid, whose trainings without resynthesised speech are the baselines",
    )
    evaluations: tuple[str, ...] | None = Field(default=None, min_length=1, description="only these; default: all")
    level: float = Field(default=LEVEL, gt=0, lt=1, description="of an error; of any one among all for the bootstrap")
    predictions: Literal["scores", "decisions"] = Field(
        default="decisions", description="what the paired t-test and Wilcoxon's compare; scores need one unit"
    )
    replicates: int = Field(default=REPLICATES, ge=100)
