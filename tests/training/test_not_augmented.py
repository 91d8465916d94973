"""Augmentation that could not change a waveform is counted and named in the record of the cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import torch

from grid.training.train import train
from tests.support.tiny_grid import tiny, write_corpus


def test_augmentation_that_changes_nothing_is_counted_in_the_record(tmp_path: Path) -> None:
    made = tiny(
        tmp_path,
        grid={"policies": ["none"]},
        recipe={
            "epochs": 1,
            "augmentation": [{"kind": "noise", "probability": 1.0, "snr_minimum": 5, "snr_maximum": 20}],
        },
        noises={"name": "noises", "reader": "csv", "path": "noises/protocol.csv"},
    )
    write_corpus(tmp_path / "noises", speakers=1, utterances=1, spoof=False)
    noise = np.zeros(1_600_000, np.float32)
    noise[-1] = 0.5  # a file of silence alone would be rejected; a segment of 0.3 s of this one is silence
    soundfile.write(tmp_path / "noises" / "train-s0-u0.wav", noise, 16_000)
    (job,) = made.rendered().cells
    record = train(made.store, job, device=torch.device("cpu"))
    (warning,) = record.results["warnings"]
    assert warning.startswith("epoch 1: augmentation 'noise' left 8 waveforms as they were, such as train-s0-u0")
