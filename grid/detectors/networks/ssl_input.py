"""What a speech encoder hears: the waveform itself, or filter banks that are made of it on its device."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from grid.core.errors import RequestError
from grid.detectors.networks.ssl_shape import W2V_BERT, WHISPER

# The feature extractors of transformers take NumPy arrays on the CPU. The modules below take their tables and make the
# same values where the encoder is, for a whole batch. For an item of 64,000 samples, on one core of a 2-core x86 CPU:
# w2v-BERT 2 to 3 ms where its extractor takes 40; Whisper 16 to 32 ms, as its extractor (its window is always 30 s).


class EncoderInput(Protocol):
    """Waveforms `(batch, samples)` to the encoder's input, and how samples and frames of its layers correspond."""

    @property
    def most_samples(self) -> int | None:
        """The longest waveform; None: no limit."""

    def __call__(self, waveforms: Tensor) -> Tensor:
        """The input of the encoder."""

    def least_samples(self, frames: int) -> int:
        """The smallest number of samples that gives `frames` frames."""

    def frames(self, samples: int) -> int | None:
        """The frames that belong to the waveform, where the encoder gives more; None: all of them do."""


def least_samples(kernels: list[int], strides: list[int], frames: int = 1) -> int:
    """The smallest number of samples from which convolutions without padding make `frames` frames."""
    samples = frames
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        samples = (samples - 1) * stride + kernel
    return samples


class WaveformInput(nn.Module):
    """The waveform as it is, for encoders that begin with convolutions over samples."""

    most_samples = None

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.kernels, self.strides = list(config.conv_kernel), list(config.conv_stride)

    def forward(self, waveforms: Tensor) -> Tensor:
        return waveforms

    def least_samples(self, frames: int) -> int:
        return least_samples(self.kernels, self.strides, frames)

    def frames(self, samples: int) -> None:
        return None


class WhisperInput(nn.Module):
    """Log-mel filter banks `(batch, mel bins, 2 x positions)` of the window, silent after the waveform.

    The window has `max_source_positions` of 20 ms: 1500 in the published models, 30 s.

    Radford et al. 2023, "Robust speech recognition via large-scale weak supervision", ICML, section 2.2, as
    transformers' WhisperFeatureExtractor: 25 ms, every 10 ms, at most 80 dB below the item's maximum. The encoder
    always sees the whole window; the frames of the waveform alone are its features.
    """

    mel_filters: Tensor
    window: Tensor

    def __init__(self, config: Any) -> None:
        super().__init__()
        from transformers import WhisperFeatureExtractor

        extractor = WhisperFeatureExtractor(feature_size=config.num_mel_bins)
        self.fft_points, self.hop_samples = extractor.n_fft, extractor.hop_length
        self.frame_samples = 2 * self.hop_samples  # the second convolution has stride 2
        self.most_samples = config.max_source_positions * self.frame_samples
        self.register_buffer("mel_filters", _table(extractor.mel_filters), persistent=False)
        self.register_buffer("window", torch.hann_window(self.fft_points), persistent=False)

    def forward(self, waveforms: Tensor) -> Tensor:
        with torch.autocast(waveforms.device.type, enabled=False):
            padded = functional.pad(waveforms.float(), (0, self.most_samples - waveforms.shape[1]))
            spectrum = torch.stft(padded, self.fft_points, self.hop_samples, window=self.window, return_complex=True)[
                ..., :-1
            ]
            log_mel = (self.mel_filters.T @ spectrum.abs().square()).clamp(min=1e-10).log10()
            loudest = log_mel.amax(dim=(1, 2), keepdim=True)
            return (log_mel.maximum(loudest - 8) + 4) / 4

    def least_samples(self, frames: int) -> int:
        return (frames - 1) * self.frame_samples + 1

    def frames(self, samples: int) -> int:
        return -(-samples // self.frame_samples)


class W2vBertInput(nn.Module):
    """Log-mel filter banks `(batch, frames, 160)`: two frames of 80 bins side by side, 20 ms.

    Seamless Communication 2023, "Seamless: Multilingual expressive and streaming speech translation" (w2v-BERT 2.0), as
    transformers' SeamlessM4TFeatureExtractor: Kaldi's filter banks of 25 ms, every 10 ms, each bin with mean 0 and
    variance 1 over the item. A last frame without a partner is left out, as the extractor's mask has it.
    """

    most_samples = None
    mel_filters: Tensor
    window: Tensor

    FRAME, HOP, FFT_POINTS = 400, 160, 512
    PRE_EMPHASIS, FLOOR, VARIANCE_FLOOR = 0.97, 1.192092955078125e-07, 1e-7

    def __init__(self, config: Any) -> None:
        super().__init__()
        from transformers import SeamlessM4TFeatureExtractor

        extractor = SeamlessM4TFeatureExtractor()
        self.stride = config.feature_projection_input_dim // extractor.num_mel_bins
        if self.stride * extractor.num_mel_bins != config.feature_projection_input_dim or not self.stride:
            raise RequestError(
                f"configuration: feature_projection_input_dim must be a multiple of the {extractor.num_mel_bins} mel "
                f"bins of a frame (160 in w2v-BERT 2.0), not {config.feature_projection_input_dim}"
            )
        self.register_buffer("mel_filters", _table(extractor.mel_filters), persistent=False)
        self.register_buffer("window", _table(extractor.window), persistent=False)

    def forward(self, waveforms: Tensor) -> Tensor:
        with torch.autocast(waveforms.device.type, enabled=False):
            log_mel = self._log_mel(waveforms.float())
            centred = log_mel - log_mel.mean(dim=1, keepdim=True)
            scaled = centred / (log_mel.var(dim=1, keepdim=True) + self.VARIANCE_FLOOR).sqrt()
            whole = scaled.shape[1] // self.stride * self.stride
            return scaled[:, :whole].reshape(len(scaled), -1, self.stride * scaled.shape[2])

    def _log_mel(self, waveforms: Tensor) -> Tensor:
        """`(batch, frames of 10 ms, mel bins)`; full scale is 2 ** 15, as in Kaldi."""
        frames = 2**15 * waveforms.unfold(1, self.FRAME, self.HOP)
        frames = frames - frames.mean(dim=2, keepdim=True)
        frames = frames - self.PRE_EMPHASIS * torch.cat([frames[..., :1], frames[..., :-1]], dim=2)
        power = torch.fft.rfft(frames * self.window, self.FFT_POINTS).abs().square()
        return (power @ self.mel_filters).clamp(min=self.FLOOR).log()

    def least_samples(self, frames: int) -> int:
        return self.FRAME + (max(2, frames * self.stride) - 1) * self.HOP

    def frames(self, samples: int) -> None:
        return None


def input_of(config: Any) -> EncoderInput:
    """The module that makes the input of the encoder with this configuration of transformers."""
    if config.model_type == WHISPER:
        return WhisperInput(config)
    return W2vBertInput(config) if config.model_type == W2V_BERT else WaveformInput(config)


def _table(values: Any) -> Tensor:
    return torch.from_numpy(values).float()
