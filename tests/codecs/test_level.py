"""Level handling: BS.1770 loudness against known figures, and the gain before and after a codec."""

from __future__ import annotations

import numpy as np
import pytest

from grid.codecs.contract import Codec
from grid.codecs.level import Level, integrated_loudness
from grid.core.errors import RequestError
from tests.codecs.test_contract import Echo, echo_entry
from tests.support.speech import voiced


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_integrated_loudness_of_a_full_scale_sine_is_that_of_the_standard(rate: int) -> None:
    # ITU-R BS.1770-4: a 0 dB FS sine of 997 Hz in one channel reads -3.01 LKFS
    sine = np.sin(2 * np.pi * 997 * np.arange(3 * rate) / rate).astype(np.float32)
    assert integrated_loudness(sine, rate) == pytest.approx(-3.01, abs=0.1)


def test_integrated_loudness_leaves_silence_out() -> None:
    speech = voiced(48_000)
    padded = np.concatenate([speech, np.zeros(160_000, dtype=np.float32)])
    assert integrated_loudness(padded, 16_000) == pytest.approx(integrated_loudness(speech, 16_000), abs=0.4)
    assert integrated_loudness(np.zeros(100, dtype=np.float32), 16_000) == -70.0


def test_level_loudness_reaches_adapter_at_target_and_is_undone_after() -> None:
    adapter = Echo(echo_entry(level="loudness -16 dB"))
    speech = 0.02 * voiced(32_000)
    decoded = Codec(adapter).resynthesise(speech[None], ["a"])[0]
    assert integrated_loudness(adapter.seen[0], 16_000) == pytest.approx(-16.0, abs=0.01)
    np.testing.assert_allclose(decoded, speech, atol=1e-7)


def test_level_peak_is_kept_after_the_codec() -> None:
    decoded = Codec(Echo(echo_entry(level="peak 0.95"))).resynthesise(0.1 * voiced(3_000)[None], ["a"])
    assert np.abs(decoded).max() == pytest.approx(0.95, abs=1e-6)


@pytest.mark.parametrize("level", ["loudness -16 dB", "peak 0.95"])
def test_level_silence_stays_silence(level: str) -> None:
    silence = np.zeros((1, 4_000), dtype=np.float32)
    np.testing.assert_array_equal(Codec(Echo(echo_entry(level=level))).resynthesise(silence, ["a"]), silence)


def test_level_unknown_word_names_choices() -> None:
    with pytest.raises(RequestError, match=r"unknown level 'loud'.*peak 0\.95"):
        Level.parse("loud")
