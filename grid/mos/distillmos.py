"""Distill-MOS (Stahl and Gamper 2025): a small model distilled from one on XLS-R; its package brings the weights.

"Distillation and pruning for scalable self-supervised representation-based speech quality assessment" (ICASSP 2025,
arXiv 2502.05356). The package cuts a waveform into overlapping pieces of 7.68 s, pads a shorter one with silence, sets
the peak of each to 1, and averages.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grid.core.errors import RequestError
from grid.mos import MOS_PREDICTORS, Predict


@MOS_PREDICTORS.register("distillmos")
def open_predictor(weights: Path | None) -> Predict:
    """Distill-MOS with the weights of its package, or of another file of its form; RequestError for any other file."""
    import torch
    from distillmos import sqa

    path = weights or Path(sqa.DEFAULT_WEIGHTS_CHKPT)
    model = sqa.ConvTransformerSQAModel(load_weights=False).eval()
    try:
        model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["model"])
    except Exception as error:  # torch raises many kinds for a file that is none of its own
        raise RequestError(
            f"{path}: not a weights file of distillmos; leave out --weights for the package's"
        ) from error

    def predict(waveform: NDArray[np.float32]) -> float:
        with torch.inference_mode():
            return float(model(torch.from_numpy(np.array(waveform))[None]))

    return predict
