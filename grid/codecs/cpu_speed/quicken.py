"""Faster equivalents for the modules of a loaded torch codec on the CPU: the same computation, equal up to rounding.

`bake_weight_norms` removes weight normalisations from a model; `quicken` replaces its convolutions and the modules in
`KNOWN` by the faster classes of `fast_modules.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.utils import parametrize, remove_weight_norm
from torch.nn.utils.weight_norm import WeightNorm

from grid.codecs.cpu_speed.fast_modules import ResampledSnake, Snake, make_time_major, pad_time


def bake_weight_norms(model: torch.nn.Module) -> None:
    """Replaces every weight normalisation (Salimans and Kingma 2016) by the resulting weights, bit for bit.

    Otherwise each call computes the norms of all weights again: 1 to 2 % of the CPU time of DAC and EnCodec.
    """
    for module in list(model.modules()):
        for hook in list(module._forward_pre_hooks.values()):
            if isinstance(hook, WeightNorm):
                remove_weight_norm(module, hook.name)
        if not parametrize.is_parametrized(module):
            continue
        for name, steps in list(module.parametrizations.items()):  # type: ignore[operator, union-attr]
            if [type(step).__name__ for step in steps] == ["_WeightNorm"]:
                parametrize.remove_parametrizations(module, name, leave_parametrized=True)


def quicken(model: torch.nn.Module) -> None:
    """Replaces slow modules in place by exact equivalents, and lets all signals be time-major (channels last).

    Only for a model on the CPU whose weight normalisations are baked. Besides convolutions, the classes in `KNOWN` are
    replaced; all others stay.
    """
    with torch.no_grad():
        make_time_major(model)
        for parent in list(model.modules()):
            for name, child in list(parent.named_children()):
                replacement = KNOWN.get(f"{type(child).__module__}.{type(child).__qualname__}", _unchanged)(child)
                if replacement is not child:
                    setattr(parent, name, replacement)


class PaddedConv(torch.nn.Module):
    """EnCodec's SConv1d around the same convolution, with a padding that copies the signal only once."""

    def __init__(self, original: Any) -> None:
        super().__init__()
        self.conv, self.mode, self.causal = original.conv, original.pad_mode, original.causal
        conv = original.conv.conv
        self.stride: int = conv.stride[0]
        self.overlap: int = (conv.kernel_size[0] - 1) * conv.dilation[0] + 1 - self.stride

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """`(batch, channels, time)`; zeros fill the last stride, as in EnCodec (Défossez et al. 2022)."""
        fill = -(signal.shape[-1] - self.stride) % self.stride
        right = 0 if self.causal else self.overlap // 2
        output: torch.Tensor = self.conv(_padded(signal, (self.overlap - right, right + fill), self.mode))
        return output


def _padded(signal: torch.Tensor, sides: tuple[int, int], mode: str = "constant", value: float = 0.0) -> torch.Tensor:
    """`pad_time`; a signal too short to be reflected is extended by zeros, later cut off, as in EnCodec's pad1d."""
    missing = max(sides) + 1 - signal.shape[-1] if mode == "reflect" else 0
    if missing <= 0:
        return pad_time(signal, *sides, mode, value)
    padded = pad_time(pad_time(signal, 0, missing), *sides, mode)
    return padded[..., : padded.shape[-1] - missing]


def _snake(original: Any) -> torch.nn.Module:
    return Snake(original.alpha, original.alpha)


def _resampled_snake(original: Any) -> torch.nn.Module:
    replaceable: bool = type(original.act).__name__ == "SnakeBeta" and ResampledSnake.is_known(original)
    return ResampledSnake(original) if replaceable else original


def _with_fast_padding(original: Any) -> torch.nn.Module:
    """Mimi's convolution itself, with its padding function replaced."""
    original._pad1d = _padded
    module: torch.nn.Module = original
    return module


def _unchanged(original: torch.nn.Module) -> torch.nn.Module:
    return original


KNOWN: dict[str, Callable[[Any], torch.nn.Module]] = {
    "snac.layers.Snake1d": _snake,
    "dac.nn.layers.Snake1d": _snake,
    "transformers.models.dac.modeling_dac.Snake1d": _snake,
    "bigcodec.modules.Activation1d": _resampled_snake,
    "encodec.modules.conv.SConv1d": PaddedConv,
    "transformers.models.mimi.modeling_mimi.MimiConv1d": _with_fast_padding,
}
"""By class name: the function that makes the equivalent of a module of this class."""
