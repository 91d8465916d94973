"""The reconstruction loss: zero for equal audio, and each term sees what it is there for."""

from __future__ import annotations

import math

import torch

from grid.small_codecs.losses import Reconstruction
from grid.small_codecs.spec import LossWeights
from tests.codecs.speech import voiced

SPEECH = torch.from_numpy(voiced(8_000))[None]


def test_equal_audio_has_no_loss() -> None:
    terms = Reconstruction()(SPEECH, SPEECH)
    assert [float(value) for value in vars(terms).values()] == [0, 0, 0, 0]


def test_shift_of_a_few_samples_counts_in_the_complex_spectrum_and_hardly_in_magnitudes() -> None:
    terms = Reconstruction()(SPEECH.roll(8, dims=1), SPEECH)
    assert float(terms.spectrum) > 5 * float(terms.magnitude)


def test_twice_the_level_costs_nearly_log_two_in_mel_at_any_level() -> None:
    distance = Reconstruction()
    loud, soft = distance(2 * SPEECH, SPEECH), distance(SPEECH, 0.5 * SPEECH)
    assert 0.5 < float(loud.mel) < math.log(2)  # less, for bands near silence are not heard
    torch.testing.assert_close(loud.mel, soft.mel, rtol=0.1, atol=0)


def test_weights_multiply_their_own_terms() -> None:
    terms = Reconstruction()(0.5 * SPEECH, SPEECH)
    only_mel = terms.weighted(LossWeights(waveform=0, spectrum=0, magnitude=0, mel=3))
    torch.testing.assert_close(only_mel, 3 * terms.mel)


def test_silence_gives_finite_gradients() -> None:
    decoded = torch.zeros(1, 3200, requires_grad=True)
    Reconstruction()(decoded, torch.zeros(1, 3200)).weighted(LossWeights()).backward()
    assert decoded.grad is not None
    assert bool(torch.isfinite(decoded.grad).all())
