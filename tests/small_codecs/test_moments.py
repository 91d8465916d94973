"""The distance between moments: it hears what a distance frame by frame forgives, and forgives what that hears."""

from __future__ import annotations

import math

import torch

from grid.small_codecs.losses import Reconstruction
from grid.small_codecs.moments import Moments
from tests.codecs.speech import voiced

SPEECH = torch.from_numpy(voiced(16_000))[None]


def noise(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(1, 16_000, generator=generator)


def test_equal_audio_has_no_distance() -> None:
    assert float(Moments()(SPEECH, SPEECH)) == 0


def test_other_noise_of_the_same_colour_is_near_in_moments_and_half_of_it_is_not() -> None:
    moments, frames = Moments(), Reconstruction()
    other, half = noise(1), 0.5 * noise(0)
    assert float(moments(other, noise(0))) < 0.5 * float(moments(half, noise(0)))
    assert float(frames(other, noise(0)).magnitude) > float(frames(half, noise(0)).magnitude)


def test_half_the_level_is_log_two_in_two_of_five_moments_of_loud_bands() -> None:
    """The mean power's log and the mean log move by log 2, spreads and movements by nothing: 2/5 log 2."""
    found = float(Moments()(0.5 * noise(0), noise(0)))
    assert math.isclose(found, 0.4 * math.log(2), rel_tol=0.02)


def test_silence_gives_finite_gradients() -> None:
    decoded = torch.zeros(1, 3200, requires_grad=True)
    Moments()(decoded, torch.zeros(1, 3200)).backward()
    assert decoded.grad is not None
    assert bool(torch.isfinite(decoded.grad).all())


def test_smeared_bands_are_farther_than_their_level_says() -> None:
    """Two pitches a semitone apart fill the gaps between harmonics; movement from band to band hears that."""
    smeared = 0.7 * (SPEECH + torch.from_numpy(voiced(16_000, 127.0))[None])
    assert float(Moments()(smeared, SPEECH)) > 2 * float(Moments()(1.05 * SPEECH, SPEECH))
