"""Classical codecs: their formats through libsndfile, and what it must not do."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from grid.codecs.adapters.classical import ClassicalAdapter
from grid.codecs.catalogue import build, load_catalogue
from tests.support.adapter_contract import AdapterCase, with_default_weights
from tests.support.speech import voiced

CONTRACT = [
    AdapterCase(
        entry,
        with_default_weights,
        kind=entry.name,
        lengths=(1, 159, 16_000, 48_001),
        exact=True,
        wrong_arguments=[({**entry.arguments, "bitrate": 8}, r"(?s)wrong arguments .*bitrate")],
    )
    for entry in load_catalogue()
    if entry.adapter == "classical"
]


@pytest.mark.slow
def test_vorbis_four_minutes_at_once_does_not_crash_libsndfile() -> None:
    speech = np.tile(voiced(16_000), 280)
    output = build("vorbis-25kbps").resynthesise(speech[None], ["a"])
    assert output.shape == (1, speech.size)


def test_mu_law_matches_g711_formula_at_its_native_rate() -> None:
    adapter = ClassicalAdapter(load_catalogue().get("mu-law"))
    ramp = np.linspace(-1.0, 1.0, 65_537, dtype=np.float32)
    decoded = adapter.code(ramp[None], [0])[0]
    # ITU-T G.711: 8 bits; the step is 1/32 of the segment's start, so the error is below 1/32 of the value, plus 1/4096
    assert (np.abs(decoded - ramp)[np.abs(ramp) < 0.97] <= np.abs(ramp[np.abs(ramp) < 0.97]) / 32 + 1 / 4096).all()
    assert len(np.unique(decoded)) == 255  # 256 codes, of which two mean 0


def test_samples_past_full_scale_are_clipped_not_wrapped() -> None:
    adapter = ClassicalAdapter(load_catalogue().get("mu-law"))
    decoded = adapter.code(np.array([[1.5, -1.5, 0.0]], dtype=np.float32), [0])[0]
    assert decoded[0] > 0.9
    assert decoded[1] < -0.9


def test_gsm_native_output_is_that_of_a_wav_file_written_whole() -> None:
    adapter = ClassicalAdapter(load_catalogue().get("gsm-06.10"))
    speech = voiced(9_000)
    stream = io.BytesIO()
    soundfile.write(stream, speech, 8_000, format="WAV", subtype="GSM610")
    stream.seek(0)
    expected = soundfile.read(stream, dtype="float32")[0][: speech.size]
    np.testing.assert_array_equal(adapter.code(speech[None], [0])[0], expected)
