"""The synthetic impulse responses: the committed files are those that the program renders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from grid.corpus.imported import sample_root
from grid.corpus.sample.render_rirs import ROOMS, impulse_response, render


def test_committed_responses_are_what_the_program_renders(tmp_path: Path) -> None:
    for file in render(tmp_path):
        committed = sample_root() / "rirs" / file.relative_to(tmp_path)
        # decoded, as another version of the encoder may write other bytes
        assert np.array_equal(soundfile.read(file)[0], soundfile.read(committed)[0])


@pytest.mark.parametrize("t60", ROOMS.values())
def test_a_response_decays_by_sixty_decibels_in_t60(t60: float) -> None:
    response = impulse_response(t60, "a").astype(np.float64)
    assert response.argmax() == 0
    energy = np.cumsum(response[:0:-1] ** 2)[::-1]  # Schroeder's backward integral, without the direct path
    level = 10 * np.log10(energy / energy[0])
    time = np.arange(len(level)) / 16_000
    early = (level < -5) & (level > -25)
    slope = np.polyfit(time[early], level[early], 1)[0]
    assert -60 / slope == pytest.approx(t60, rel=0.15)
