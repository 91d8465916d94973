"""Finds predictors of the mean opinion score by name; one file of this folder adapts one of them.

To add one, put a file here, or declare in another package an entry point in the group `codecgrid.mos-predictors`:

    @MOS_PREDICTORS.register("my-mos")
    def open_predictor(weights: Path | None) -> Predict: ...
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from grid.core.plugins import Registry

Predict: TypeAlias = Callable[[NDArray[np.float32]], float]
"""float32 (samples,) at 16 kHz -> the predicted MOS, 1 to 5."""
OpenPredictor: TypeAlias = Callable[[Path | None], Predict]
"""From a file of weights, None for the predictor's usual place; raises MissingRequirementError when something lacks."""

MOS_PREDICTORS: Registry[OpenPredictor] = Registry(kind="MOS predictor", package="grid.mos", plural="mos-predictors")
