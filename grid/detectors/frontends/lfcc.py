"""The LFCC frontend: the options of linear-frequency cepstral coefficients, and the shape of its features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from grid.core.errors import RequestError
from grid.detectors.contract import FRONTENDS, Features, Frontend, PluginOptions

if TYPE_CHECKING:
    from torch import nn


class LfccOptions(PluginOptions):
    """The defaults are those of Wang and Yamagishi 2021; the ASVspoof 2021 LA and DF baselines differ in two.

    Those use an FFT of 1,024 points, and filters up to 4,000 Hz because of the telephone channels of their test set.
    """

    frame_samples: int = Field(default=320, ge=2, description="window length in samples at 16 kHz (320 = 20 ms)")
    hop_samples: int = Field(default=160, ge=1, description="samples from one frame to the next (160 = 10 ms)")
    fft_points: int = Field(
        default=512, ge=2, description="length of the Fourier transform; the window is padded to it"
    )
    filters: int = Field(default=20, ge=2, description="triangular filters, equally wide and equally spaced in hertz")
    maximum_hertz: float = Field(
        default=8000.0, gt=0, le=8000, description="where the last filter ends; the first begins at 0"
    )
    coefficients: int = Field(default=20, ge=1, description="cepstral coefficients kept of each frame")
    pre_emphasis: float = Field(
        default=0.97, ge=0, lt=1, description="each sample loses this part of the one before; 0 = none"
    )
    energy: bool = Field(default=True, description="put the frame's log energy in the place of coefficient 0")
    deltas: bool = Field(
        default=True, description="append first and second differences over time (three times the size)"
    )

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.frame_samples > self.fft_points:
            raise RequestError(f"frame_samples {self.frame_samples} is more than fft_points {self.fft_points}")
        if self.coefficients > self.filters:
            raise RequestError(f"coefficients {self.coefficients} is more than filters {self.filters}")
        return self


@FRONTENDS.register("lfcc")
class Lfcc(Frontend[LfccOptions]):
    """Sahidullah, Kinnunen and Hanilçi 2015, "A comparison of features for synthetic speech detection"."""

    Options = LfccOptions
    revision = 1

    @property
    def features(self) -> Features:
        """Frames of 60 values by default: coefficients, differences, second differences."""
        return Features("frames", size=self.options.coefficients * (3 if self.options.deltas else 1))

    def build(self) -> nn.Module:
        """The transform; it has no parameters."""
        from grid.detectors.networks.lfcc import LfccTransform

        return LfccTransform(**self.options.model_dump())
