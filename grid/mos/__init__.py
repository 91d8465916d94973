"""Predictors of the mean opinion score (MOS): their registry and signatures; each module adapts one predictor.

To add a predictor, add a module here, or declare an entry point in the group `codecgrid.mos-predictors` in another
package:

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
"""float32 `(samples,)` at 16 kHz -> the predicted MOS, 1 to 5."""
OpenPredictor: TypeAlias = Callable[[Path | None], Predict]
"""Weight file (None: the default place) -> predictor; MissingRequirementError for a missing package or file."""

MOS_PREDICTORS: Registry[OpenPredictor] = Registry(kind="MOS predictor", package="grid.mos", plural="mos-predictors")
