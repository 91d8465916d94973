"""The augmentation steps of a recipe: RawBoost, reverberation and noise. Every field enters the cell's identity.

`grid.inputs.augment` applies the steps in the order of the recipe. Defaults are those of the published code.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from grid.config.yaml_file import Strict

NYQUIST_HZ = 8000.0
"""Half of the project's sampling rate of 16 kHz."""

Probability = Annotated[float, Field(ge=0, le=1, description="of applying the step to an utterance in an epoch")]


def _check_ascending(model: Strict, name: str) -> None:
    low, high = getattr(model, f"{name}_minimum"), getattr(model, f"{name}_maximum")
    if low > high:
        raise ValueError(f"{name}_minimum {low} is above {name}_maximum {high}")


class NotchFilter(Strict):
    """The random band-stop filters of RawBoost, in series; in brackets the parameter names of the published code."""

    bands: int = Field(default=5, ge=1, le=20, description="filters in series (nBands)")
    frequency_minimum: float = Field(default=20.0, ge=0, le=NYQUIST_HZ, description="least centre in Hz (minF)")
    frequency_maximum: float = Field(default=NYQUIST_HZ, ge=0, le=NYQUIST_HZ, description="largest centre in Hz (maxF)")
    bandwidth_minimum: float = Field(default=100.0, ge=1, description="least width of a band in Hz (minBW)")
    bandwidth_maximum: float = Field(default=1000.0, ge=1, description="largest width in Hz (maxBW)")
    taps_minimum: int = Field(
        default=10, ge=3, description="least number of coefficients of a band; made odd (minCoeff)"
    )
    taps_maximum: int = Field(default=100, le=1000, description="largest number, exclusive (maxCoeff)")
    gain_minimum: float = Field(default=0.0, description="least peak of the whole response in dB (minG)")
    gain_maximum: float = Field(default=0.0, description="largest peak in dB (maxG)")

    @model_validator(mode="after")
    def _bounds_ascend(self) -> NotchFilter:
        for name in ("frequency", "bandwidth", "taps", "gain"):
            _check_ascending(self, name)
        return self


class RawBoost(Strict):
    """RawBoost (Tak, Kamble, Patino, Todisco, Evans, ICASSP 2022); in brackets the parameter names of its code."""

    kind: Literal["rawboost"] = "rawboost"
    algorithm: int = Field(
        ge=0,
        le=8,
        description="0 nothing; 1 convolutive, 2 impulsive, 3 stationary noise; 4 = 1, 2, 3 in series; 5 = 1, 2; "
        "6 = 1, 3; 7 = 2, 3; 8 = the sum of 1 and 2 of the same input (algo)",
    )
    probability: Probability = 1.0
    notch: NotchFilter = Field(default=NotchFilter(), description="for convolutive and stationary noise")
    powers: int = Field(default=5, ge=1, le=10, description="convolutive: x, x^2 .. x^powers are filtered (N_f)")
    gain_minimum_drop: float = Field(
        default=5.0, description="convolutive: dB off gain_minimum for x^2 and higher powers (minBiasLinNonLin)"
    )
    gain_maximum_drop: float = Field(
        default=20.0,
        description="convolutive: dB off gain_maximum there, which may fall below the minimum (maxBiasLinNonLin)",
    )
    impulse_percent: float = Field(
        default=10.0, ge=0, le=100, description="impulsive: largest share of samples that are changed, in % (P)"
    )
    impulse_gain: float = Field(
        default=2.0, ge=0, description="impulsive: largest impulse, as a multiple of the sample it falls on (g_sd)"
    )
    snr_minimum: float = Field(default=10.0, description="stationary: least SNR in dB (SNRmin)")
    snr_maximum: float = Field(default=40.0, description="stationary: largest SNR in dB (SNRmax)")

    @model_validator(mode="after")
    def _bounds_ascend(self) -> RawBoost:
        _check_ascending(self, "snr")
        return self


class Reverberation(Strict):
    """Convolution with a room impulse response (RIR) drawn from a bank; the mean power is restored."""

    kind: Literal["rir"] = "rir"
    probability: Probability
    response_dbfs: float | None = Field(
        default=None,
        description="root mean square, in dB re full scale, that the RIR is set to before it is clipped at full scale, "
        "as the CDD code does (-20): that weakens the direct path. None: the RIR as it is",
    )


class Noise(Strict):
    """Addition of a noise recording drawn from a bank, at an SNR drawn uniformly in dB."""

    kind: Literal["noise"] = "noise"
    probability: Probability
    snr_minimum: float = Field(description="in dB")
    snr_maximum: float = Field(description="in dB")

    @model_validator(mode="after")
    def _bounds_ascend(self) -> Noise:
        _check_ascending(self, "snr")
        return self


AugmentationStep = Annotated[RawBoost | Reverberation | Noise, Field(discriminator="kind")]
