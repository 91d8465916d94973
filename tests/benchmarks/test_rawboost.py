"""RawBoost on 64,600 samples, draws included: in the frequency domain, beside sample by sample as it is published."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from grid.config.augmentation import RawBoost
from grid.core.randomness import generator
from grid.inputs.augment.rawboost import apply_rawboost, draw_rawboost, rawboost
from tests.benchmarks.comparison import Contest
from tests.support.augmentation_bank import speech
from tests.support.direct_rawboost import direct_rawboost, draw_directly

SAMPLES = 64_600
CLIPS = 10


@pytest.mark.parametrize("algorithm", range(1, 9))
def test_rawboost(contest: Contest, algorithm: int) -> None:
    waveform, settings = speech(SAMPLES), RawBoost(algorithm=algorithm)

    def ours() -> None:
        rng = generator("ours", algorithm)
        for _ in range(CLIPS):
            rawboost(waveform, settings, rng)

    def direct(clips: int) -> None:
        rng = generator("direct", algorithm)
        for _ in range(clips):
            direct_rawboost(waveform, draw_directly(settings, SAMPLES, rng))

    beside = {"sample by sample": partial(direct, CLIPS)}
    contest.rate(f"RawBoost, algorithm {algorithm}", "clips/s", CLIPS, ours, beside)
    draws = draw_rawboost(settings, SAMPLES, generator("same"))
    expected = direct_rawboost(waveform, draws)
    assert np.max(np.abs(apply_rawboost(waveform, draws) - expected)) < 2e-6 * np.max(np.abs(expected))
