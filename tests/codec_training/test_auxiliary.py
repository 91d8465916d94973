"""Disentanglement: its reversed gradient stops at chance level, so that latents cannot grow without bound."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchaudio

from grid.codec_training.auxiliary import UNITS, Cepstra, Disentangled, Units
from grid.codec_training.speech import TrainingSpeech
from grid.codecs.controlled.network import Coded
from grid.codecs.controlled.quantisers import SCALARS, Quantised
from tests.support.speech import voiced
from tests.support.tiny_codecs import corpus

WIDTH, SPEAKERS = 4, 3


def coded(latents: torch.Tensor) -> Coded:
    codes = torch.zeros(*latents.shape[:2], 1, dtype=torch.long)
    quantised = Quantised(latents=latents, first=latents, codes=codes, commitment=torch.zeros(()))
    return Coded(torch.zeros(len(latents), 160), quantised, torch.zeros(len(latents), SCALARS))


@pytest.fixture
def objective() -> Disentangled:
    torch.manual_seed(0)
    return Disentangled(WIDTH, SPEAKERS)


def test_codec_is_pushed_to_where_the_classifier_is_more_surprised(objective: Disentangled) -> None:
    speakers = torch.tensor([0])
    with torch.no_grad():
        objective.of_frames.bias.copy_(torch.tensor([2.0, 0.0, 0.0]))  # it is sure of speaker 0
    latents = torch.randn(1, 5, WIDTH, requires_grad=True)
    before = objective(coded(latents), torch.zeros(1, 160), speakers)
    before.backward()
    assert latents.grad is not None
    after = objective(coded(latents - 0.1 * latents.grad), torch.zeros(1, 160), speakers)
    assert float(after.detach()) > float(before.detach())


def test_no_gradient_reaches_the_codec_from_a_crop_that_is_told_no_better_than_by_chance(
    objective: Disentangled,
) -> None:
    with torch.no_grad():
        objective.of_frames.bias.copy_(torch.tensor([3.0, 0.0, 0.0]))
    latents = torch.randn(2, 5, WIDTH, requires_grad=True)
    objective(coded(latents), torch.zeros(2, 160), torch.tensor([0, 1])).backward()
    assert latents.grad is not None
    assert float(latents.grad[0].abs().sum()) > 0
    assert float(latents.grad[1].abs().sum()) == 0


def test_classifier_learns_from_every_crop(objective: Disentangled) -> None:
    with torch.no_grad():
        objective.of_frames.bias.copy_(torch.tensor([3.0, 0.0, 0.0]))
    objective(coded(torch.randn(1, 5, WIDTH)), torch.zeros(1, 160), torch.tensor([1])).backward()
    assert objective.of_frames.bias.grad is not None
    assert float(objective.of_frames.bias.grad[1]) < 0  # a step would raise the right speaker's score


def test_cepstra_have_a_frame_for_every_hop_and_are_those_of_a_centred_transform() -> None:
    samples = torch.from_numpy(voiced(4_800))[None]
    ours = Cepstra()(samples)
    assert ours.shape == (1, 30, 39)
    options = {"n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 40, "pad_mode": "constant"}
    centred = torchaudio.transforms.MFCC(16_000, 13, log_mels=True, melkwargs=options)
    shifted = centred(samples[:, 80:])[0].T  # its frame t is centred on sample 160 t, ours on 160 t + 80
    torch.testing.assert_close(ours[0, 2:27, :13], shifted[2:27], rtol=1e-3, atol=1e-2)


def test_units_fitted_twice_are_equal_and_within_range(tmp_path: Path) -> None:
    speech = TrainingSpeech(corpus(tmp_path), "train")
    first, second = Units(), Units()
    first.fit(speech, seed=3)
    second.fit(speech, seed=3)
    samples = torch.from_numpy(speech.waveform(0))[None]
    units = first(samples)
    assert torch.equal(units, second(samples))
    assert units.shape == (1, 50)
    assert 0 <= int(units.min()) <= int(units.max()) < UNITS
    assert len(units.unique()) > 5
