"""LFCC against torchaudio and scipy where the definitions agree, and the parts specific to the baseline."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torchaudio
from pydantic import ValidationError
from scipy.fft import dct

from grid.detectors.contract import FRONTENDS
from grid.detectors.frontends.lfcc import LfccOptions
from grid.detectors.networks.lfcc import LfccTransform, differences, triangular_filters


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7)) * 0.3


@pytest.mark.parametrize("fft_points", [512, 1024])
def test_static_part_equals_torchaudio_lfcc(fft_points: int) -> None:
    options = LfccOptions(fft_points=fft_points, pre_emphasis=0.0, energy=False, deltas=False)
    reference = torchaudio.transforms.LFCC(
        16_000,
        n_filter=20,
        n_lfcc=20,
        log_lf=True,
        speckwargs={
            "n_fft": fft_points,
            "win_length": 320,
            "hop_length": 160,
            "window_fn": torch.hamming_window,
            "pad_mode": "constant",
        },
    )
    waveforms = noise(2, 8000)
    # torchaudio takes the natural log
    expected = reference(waveforms).transpose(1, 2) / math.log(10)
    assert torch.allclose(LfccTransform(**options.model_dump())(waveforms), expected, atol=2e-4)


@pytest.mark.parametrize("maximum", [4000.0, 8000.0])
def test_filters_equal_torchaudio_linear_filter_bank(maximum: float) -> None:
    expected = torchaudio.functional.linear_fbanks(257, 0.0, maximum, 20, 16_000)
    assert torch.allclose(triangular_filters(20, maximum, 512), expected, atol=1e-5)


def test_full_features_equal_a_numpy_computation_of_one_frame() -> None:
    waveform = noise(1, 4000)
    features = LfccTransform(**LfccOptions().model_dump())(waveform)[0].numpy()
    emphasised = waveform[0].double().numpy().copy()
    emphasised[1:] -= 0.97 * waveform[0, :-1].double().numpy()
    # frame 10 is centred on sample 1600, and the window on the middle of the 512-point transform
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(320) / 320)
    power = np.abs(np.fft.rfft(emphasised[1440:1760] * window, 512)) ** 2
    bank = triangular_filters(20, 8000.0, 512).double().numpy()
    static = dct(np.log10(power @ bank), type=2, norm="ortho")
    static[0] = np.log10(power.sum() / 512)
    assert np.allclose(features[10, :20], static, atol=1e-4)
    assert np.allclose(features[10, 20:40], features[11, :20] - features[9, :20], atol=1e-6)
    assert np.allclose(features[10, 40:], features[11, 20:40] - features[9, 20:40], atol=1e-6)


def test_differences_repeat_the_outer_frames() -> None:
    frames = torch.tensor([[[1.0], [4.0], [9.0]]])
    assert differences(frames).flatten().tolist() == [3.0, 8.0, 5.0]


def test_shape_is_one_frame_per_hop_and_the_declared_size() -> None:
    frontend = FRONTENDS.get("lfcc")(LfccOptions())
    assert frontend.build()(noise(3, 32_000)).shape == (3, 201, frontend.features.size)
    assert frontend.features.size == 60


def test_silence_is_finite() -> None:
    assert torch.isfinite(LfccTransform(**LfccOptions().model_dump())(torch.zeros(1, 1600))).all()


def test_autocast_does_not_change_the_features() -> None:
    transform, waveforms = LfccTransform(**LfccOptions().model_dump()), noise(1, 1600)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = transform(waveforms)
    assert torch.equal(half, transform(waveforms))


def test_state_is_empty_so_checkpoints_hold_no_constants() -> None:
    assert not LfccTransform(**LfccOptions().model_dump()).state_dict()


def test_window_longer_than_transform_is_refused() -> None:
    with pytest.raises(ValidationError, match="frame_samples 320 is more than fft_points 256"):
        LfccOptions(fft_points=256)


def test_raw_hands_the_waveform_on() -> None:
    frontend = FRONTENDS.get("raw")
    waveforms = noise(2, 100)
    assert torch.equal(frontend(frontend.Options()).build()(waveforms), waveforms)
