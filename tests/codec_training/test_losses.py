"""The reconstruction loss: zero for equal audio, and each term responds to the difference that it measures."""

from __future__ import annotations

import math

import torch

from grid.codec_training.losses import Moments, Reconstruction
from grid.codecs.controlled.spec import LossWeights
from tests.support.speech import voiced

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


SECOND_OF_SPEECH = torch.from_numpy(voiced(16_000))[None]


def noise(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(1, 16_000, generator=generator)


def test_equal_audio_has_no_distance() -> None:
    assert float(Moments()(SECOND_OF_SPEECH, SECOND_OF_SPEECH)) == 0


def test_other_noise_of_the_same_colour_is_near_in_moments_and_half_of_it_is_not() -> None:
    moments, frames = Moments(), Reconstruction()
    other, half = noise(1), 0.5 * noise(0)
    assert float(moments(other, noise(0))) < 0.5 * float(moments(half, noise(0)))
    assert float(frames(other, noise(0)).magnitude) > float(frames(half, noise(0)).magnitude)


def test_half_the_level_is_log_two_in_two_of_five_moments_of_loud_bands() -> None:
    """The mean power's log and the mean log move by log 2, spreads and movements by nothing: 2/5 log 2."""
    found = float(Moments()(0.5 * noise(0), noise(0)))
    assert math.isclose(found, 0.4 * math.log(2), rel_tol=0.02)


def test_moments_of_silence_give_finite_gradients() -> None:
    decoded = torch.zeros(1, 3200, requires_grad=True)
    Moments()(decoded, torch.zeros(1, 3200)).backward()
    assert decoded.grad is not None
    assert bool(torch.isfinite(decoded.grad).all())


def test_smeared_bands_are_farther_than_their_level_says() -> None:
    """Two pitches a semitone apart fill the gaps between harmonics; movement from band to band hears that."""
    smeared = 0.7 * (SECOND_OF_SPEECH + torch.from_numpy(voiced(16_000, 127.0))[None])
    assert float(Moments()(smeared, SECOND_OF_SPEECH)) > 2 * float(Moments()(1.05 * SECOND_OF_SPEECH, SECOND_OF_SPEECH))
