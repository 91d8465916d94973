"""DNSMOS P.835 (Reddy, Gopal and Cutler, 2022): the overall score of Microsoft's ONNX model, over onnxruntime.

Not tested with its weights. As dnsmos_local.py in microsoft/DNS-Challenge does: windows of 9.01 s with a hop of 1 s; a
shorter clip is doubled until it fills one window; the raw outputs (signal, background, overall) go through polynomials.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grid.core.errors import MissingRequirementError
from grid.core.vocabulary import SAMPLE_RATE
from grid.core.weight_file import WeightFile
from grid.core.weights import WeightFinder
from grid.mos import MOS_PREDICTORS, Predict

WEIGHTS = WeightFile(
    path="dnsmos/sig_bak_ovr.onnx",
    source="https://github.com/microsoft/DNS-Challenge/raw/master/DNSMOS/DNSMOS/sig_bak_ovr.onnx",
    licence="CC-BY-4.0",
)
WINDOW = 144_160
"""Length of a window in samples: 9.01 s."""
OVERALL = (-0.06766283, 1.11546468, 0.04602535)
"""The polynomial for the overall score of the model that is not personalised, highest power first."""


@MOS_PREDICTORS.register("dnsmos")
def open_predictor(weights: Path | None) -> Predict:
    """DNSMOS from `sig_bak_ovr.onnx`; MissingRequirementError without onnxruntime, or without the file."""
    if find_spec("onnxruntime") is None:
        raise MissingRequirementError(
            "DNSMOS needs onnxruntime, which is not installed: pip install onnxruntime. Scores computed elsewhere can "
            "be read instead: codecgrid mos CORPUS --csv FILE"
        )
    path = weights or WeightFinder().find(WEIGHTS)
    if not path.is_file():
        raise MissingRequirementError(f"{path}: no such file; DNSMOS needs {WEIGHTS.path} from {WEIGHTS.source}")
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def predict(waveform: NDArray[np.float32]) -> float:
        return mean_overall([session.run(None, {name: window[None]})[0][0] for window in windows(waveform)])

    return predict


def windows(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """The windows, float32 `(windows, WINDOW)`, of a waveform, float32 `(samples,)` at 16 kHz, that is not empty."""
    while len(waveform) < WINDOW:
        waveform = np.concatenate([waveform, waveform])
    count = max(1, int(len(waveform) // SAMPLE_RATE - WINDOW / SAMPLE_RATE) + 1)
    return np.stack([waveform[i * SAMPLE_RATE : i * SAMPLE_RATE + WINDOW] for i in range(count)])


def mean_overall(outputs: list[Any]) -> float:
    """The mean overall score from the raw outputs (signal, background, overall) of the windows."""
    return float(np.mean([np.polyval(OVERALL, float(output[2])) for output in outputs]))
