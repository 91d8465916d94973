"""UTMOS (Saeki et al., 2022) from a TorchScript file; not tested with its weights.

The forward of the module takes waveforms, float32 `(batch, samples)`, and their rate in Hz, and returns scores
`(batch,)`: the signature of `utmos22_strong` in tarepan/SpeechMOS, to be loaded by torch.hub and exported by torch.jit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grid.core.errors import MissingRequirementError, RequestError, one_line
from grid.core.vocabulary import SAMPLE_RATE
from grid.core.weight_file import WeightFile
from grid.core.weights import WeightFinder
from grid.mos import MOS_PREDICTORS, Predict

WEIGHTS = WeightFile(
    path="utmos/utmos22_strong.pt", note="utmos22_strong of tarepan/SpeechMOS, exported with torch.jit"
)


@MOS_PREDICTORS.register("utmos")
def open_predictor(weights: Path | None) -> Predict:
    """UTMOS from a TorchScript file; MissingRequirementError without the file, RequestError for another format."""
    import torch

    path = weights or WeightFinder().find(WEIGHTS)
    if not path.is_file():
        raise MissingRequirementError(f"{path}: no such file; UTMOS needs {WEIGHTS.path} ({WEIGHTS.note})")
    try:
        model = torch.jit.load(str(path), map_location="cpu").eval()
    except RuntimeError as error:
        reason = one_line(error, kind=False, first=True)
        raise RequestError(f"{path}: not a TorchScript file ({reason}); {WEIGHTS.note}") from error

    def predict(waveform: NDArray[np.float32]) -> float:
        with torch.inference_mode():
            return float(model(torch.from_numpy(np.array(waveform))[None], SAMPLE_RATE)[0])

    return predict
