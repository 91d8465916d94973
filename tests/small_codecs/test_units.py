"""Units from k-means over MFCC: frames of the codec's rate and place, and equal when fitted again."""

from __future__ import annotations

from pathlib import Path

import torch
import torchaudio

from grid.small_codecs.speech import Speech
from grid.small_codecs.units import UNITS, Cepstra, Units
from tests.codecs.speech import voiced
from tests.small_codecs.tiny_codecs import corpus


def test_cepstra_have_a_frame_for_every_hop_and_are_those_of_a_centred_transform() -> None:
    samples = torch.from_numpy(voiced(4_800))[None]
    ours = Cepstra()(samples)
    assert ours.shape == (1, 30, 39)
    options = {"n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 40, "pad_mode": "constant"}
    centred = torchaudio.transforms.MFCC(16_000, 13, log_mels=True, melkwargs=options)
    shifted = centred(samples[:, 80:])[0].T  # its frame t is centred on sample 160 t, ours on 160 t + 80
    torch.testing.assert_close(ours[0, 2:27, :13], shifted[2:27], rtol=1e-3, atol=1e-2)


def test_units_fitted_twice_are_equal_and_within_range(tmp_path: Path) -> None:
    speech = Speech(corpus(tmp_path), "train")
    first, second = Units(), Units()
    first.fit(speech, seed=3)
    second.fit(speech, seed=3)
    samples = torch.from_numpy(speech.waveform(0))[None]
    units = first(samples)
    assert torch.equal(units, second(samples))
    assert units.shape == (1, 50)
    assert 0 <= int(units.min()) <= int(units.max()) < UNITS
    assert len(units.unique()) > 5
