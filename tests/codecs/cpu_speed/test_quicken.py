"""Quickened codecs against the authors' classes as they are: the same samples, to rounding, at all kinds of length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from bigcodec.modules import Activation1d, SnakeBeta
from dac.model import DAC
from dac.nn.layers import Snake1d
from encodec.modules.conv import SConv1d
from snac import SNAC
from snac.layers import Snake1d as SnacSnake1d
from transformers import MimiConfig
from transformers.models.mimi.modeling_mimi import MimiConv1d

from grid.codecs.cpu_speed.fast_modules import DilatedDepthwiseConv1d, TimeMajorConv1d, pad_time
from grid.codecs.cpu_speed.quicken import bake_weight_norms, quicken

ROUNDING = 1e-5
"""Of values of about 1; float32 sums of a few hundred products in another order."""


def random_signal(channels: int, time: int, batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, channels, time, generator=torch.Generator().manual_seed(time))


def randomise(module: torch.nn.Module) -> torch.nn.Module:
    """Parameters of every sign and size; activations start with all ones."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        torch.nn.init.uniform_(parameter, 0.1, 1.1)
    return module.eval()


def before_and_after(module: torch.nn.Module, signal: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    model = torch.nn.Sequential(module).eval()
    with torch.inference_mode():
        before = model(signal)
    bake_weight_norms(model)
    quicken(model)
    with torch.inference_mode():
        return before, model(signal)


@pytest.mark.parametrize("style", [torch.nn.utils.weight_norm, torch.nn.utils.parametrizations.weight_norm])
def test_bake_weight_norms_gives_the_same_bits_and_plain_parameters(style: Callable[..., torch.nn.Module]) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(style(torch.nn.Conv1d(3, 5, 7)), style(torch.nn.ConvTranspose1d(5, 2, 4, stride=2)))
    for name, parameter in model.named_parameters():
        if name.endswith(("weight_g", "original0")):
            torch.nn.init.uniform_(parameter, 0.5, 2)
    signal = random_signal(3, 50)
    before = model(signal)
    bake_weight_norms(model)
    assert [name for name, _ in model.named_parameters()] == ["0.bias", "0.weight", "1.bias", "1.weight"]
    assert torch.equal(model(signal), before)


@pytest.mark.parametrize("time", [1, 2, 17, 100, 101])
@pytest.mark.parametrize(
    "conv",
    [
        torch.nn.Conv1d(3, 5, 7, padding=3),
        torch.nn.Conv1d(1, 8, 3, padding=1),
        torch.nn.Conv1d(8, 1, 1, bias=False),
        torch.nn.Conv1d(6, 12, 4, stride=2, padding=2, groups=2),
        torch.nn.Conv1d(4, 4, 7, dilation=3, padding=9, groups=4),
        torch.nn.Conv1d(4, 4, 7, dilation=9, padding=27, groups=4, bias=False),
        torch.nn.Conv1d(4, 4, 3, dilation=2, padding=3, groups=4),
        torch.nn.ConvTranspose1d(6, 3, 4, stride=2, padding=1),
        torch.nn.ConvTranspose1d(6, 6, 5, stride=3, padding=2, output_padding=2, groups=6, bias=False),
    ],
    ids=str,
)
def test_quicken_convolution_equals_the_plain_one(conv: torch.nn.Module, time: int) -> None:
    before, after = before_and_after(conv, random_signal(int(conv.in_channels), time))  # type: ignore[arg-type]
    torch.testing.assert_close(after, before, atol=ROUNDING, rtol=0)


def test_quicken_keeps_convolutions_it_does_not_know() -> None:
    model = torch.nn.Sequential(
        torch.nn.Conv1d(2, 2, 3, padding="same"),
        torch.nn.Conv1d(2, 2, 3, padding=1, padding_mode="reflect"),
        torch.nn.utils.weight_norm(torch.nn.Conv1d(2, 2, 3)),
        torch.nn.Conv1d(2, 2, 3),
        torch.nn.Conv1d(2, 2, 3, dilation=2, padding=2, groups=2),
    )
    quicken(model)
    assert [type(module) for module in model] == [torch.nn.Conv1d] * 3 + [TimeMajorConv1d, DilatedDepthwiseConv1d]
    assert all(isinstance(module, torch.nn.Conv1d) for module in model)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("snake", [Snake1d(6), SnacSnake1d(6)], ids=["dac", "snac"])
def test_quicken_snake_equals_the_package(snake: torch.nn.Module, threads: int) -> None:
    set_before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        before, after = before_and_after(randomise(snake), 10 * random_signal(6, 1_001))
    finally:
        torch.set_num_threads(set_before)
    torch.testing.assert_close(after, before, atol=ROUNDING, rtol=1e-6)


@pytest.mark.parametrize("time", [1, 4, 5, 6, 400])
def test_quicken_activation_of_bigcodec_equals_the_package(time: int) -> None:
    activation = randomise(Activation1d(activation=SnakeBeta(6, alpha_logscale=True)))
    before, after = before_and_after(activation, random_signal(6, time))
    torch.testing.assert_close(after, before, atol=ROUNDING, rtol=0)


def test_quicken_activation_of_bigcodec_with_other_filters_is_kept() -> None:
    activation = Activation1d(activation=SnakeBeta(6, alpha_logscale=True), up_kernel_size=8)
    before, after = before_and_after(activation, random_signal(6, 40))
    assert torch.equal(before, after)


@pytest.mark.parametrize("time", [1, 3, 6, 7, 40, 41, 43])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("kernel", "stride", "dilation"), [(7, 1, 1), (3, 1, 4), (8, 4, 1), (10, 5, 1), (1, 1, 1)])
def test_quicken_padded_convolution_of_encodec_equals_the_package(
    kernel: int, stride: int, dilation: int, causal: bool, time: int
) -> None:
    torch.manual_seed(0)
    conv = SConv1d(3, 4, kernel, stride, dilation, causal=causal, norm="weight_norm")
    before, after = before_and_after(conv, random_signal(3, time))
    torch.testing.assert_close(after, before, atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("time", [1, 40, 43])
@pytest.mark.parametrize("mode", ["constant", "replicate", "reflect"])
def test_quicken_padded_convolution_of_mimi_equals_the_package(mode: str, time: int) -> None:
    torch.manual_seed(0)
    conv = MimiConv1d(MimiConfig(), 3, 4, 8, stride=4, pad_mode=mode)
    before, after = before_and_after(conv, random_signal(3, time))
    torch.testing.assert_close(after, before, atol=ROUNDING, rtol=0)


def test_pad_time_unknown_mode_is_an_error() -> None:
    with pytest.raises(NotImplementedError, match="circular"):
        pad_time(random_signal(1, 5), 1, 1, "circular")


def test_quicken_whole_models_give_the_packages_samples() -> None:
    """Encoder and decoder, without the quantiser, in which rounding may fall to another code."""
    sizes: dict[str, Any] = {"encoder_dim": 4, "encoder_rates": [2, 4], "decoder_dim": 16, "decoder_rates": [4, 2]}
    for model in (DAC(**sizes), SNAC(**sizes, attn_window_size=None, noise=False)):
        both = torch.nn.Sequential(model.encoder, model.decoder)
        before, after = before_and_after(both, random_signal(1, 800))
        assert float((after - before).abs().max()) < 1e-5 * float(before.abs().max())
