"""Makes a loaded torch codec faster on a CPU core: the same computation, so equal samples but for rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.utils import parametrize, remove_weight_norm
from torch.nn.utils.weight_norm import WeightNorm

from grid.codecs.cpu_speed.fast_modules import ResampledSnake, Snake, make_time_major, pad_time


def bake_weight_norms(model: torch.nn.Module) -> None:
    """Replaces every weight normalisation (Salimans and Kingma 2016) by the weights it gives, the same bits.

    Otherwise each call computes the norms of all weights anew: 1 to 2 % of the CPU time of DAC and EnCodec.
    """
    for module in list(model.modules()):
        for hook in list(module._forward_pre_hooks.values()):
            if isinstance(hook, WeightNorm):
                remove_weight_norm(module, hook.name)
        if not parametrize.is_parametrized(module):
            continue
        for name, chain in list(module.parametrizations.items()):  # type: ignore[operator, union-attr]
            if [type(link).__name__ for link in chain] == ["_WeightNorm"]:
                parametrize.remove_parametrizations(module, name, leave_parametrized=True)


def quicken(model: torch.nn.Module) -> None:
    """Puts exact equivalents in the place of modules that are known to be slow, and all signals time by time.

    Only for a model on the CPU whose weight normalisations are baked. A class that is not in `KNOWN` stays.
    """
    with torch.no_grad():
        make_time_major(model)
        for parent in list(model.modules()):
            for name, child in list(parent.named_children()):
                made = KNOWN.get(f"{type(child).__module__}.{type(child).__qualname__}", _as_it_is)(child)
                if made is not child:
                    setattr(parent, name, made)


class PaddedConv(torch.nn.Module):
    """EnCodec's SConv1d around the same convolution, its padding one copy."""

    def __init__(self, original: Any) -> None:
        super().__init__()
        self.conv, self.mode, self.causal = original.conv, original.pad_mode, original.causal
        conv = original.conv.conv
        self.stride: int = conv.stride[0]
        self.reach: int = (conv.kernel_size[0] - 1) * conv.dilation[0] + 1 - self.stride

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """`(batch, channels, time)`; zeros fill the last stride, as in EnCodec (Défossez et al. 2022)."""
        last = -(signal.shape[-1] - self.stride) % self.stride
        right = 0 if self.causal else self.reach // 2
        made: torch.Tensor = self.conv(_padded(signal, (self.reach - right, right + last), self.mode))
        return made


def _padded(signal: torch.Tensor, sides: tuple[int, int], mode: str = "constant", value: float = 0.0) -> torch.Tensor:
    """`pad_time`; a signal too short to be reflected has zeros put behind it while it is, as in EnCodec's pad1d."""
    missing = max(sides) + 1 - signal.shape[-1] if mode == "reflect" else 0
    if missing <= 0:
        return pad_time(signal, *sides, mode, value)
    padded = pad_time(pad_time(signal, 0, missing), *sides, mode)
    return padded[..., : padded.shape[-1] - missing]


def _snake(original: Any) -> torch.nn.Module:
    return Snake(original.alpha, original.alpha)


def _resampled_snake(original: Any) -> torch.nn.Module:
    known: bool = type(original.act).__name__ == "SnakeBeta" and ResampledSnake.is_known(original)
    return ResampledSnake(original) if known else original


def _pad_fast(original: Any) -> torch.nn.Module:
    """Mimi's convolution itself, with another function for its padding."""
    original._pad1d = _padded
    made: torch.nn.Module = original
    return made


def _as_it_is(original: torch.nn.Module) -> torch.nn.Module:
    return original


KNOWN: dict[str, Callable[[Any], torch.nn.Module]] = {
    "snac.layers.Snake1d": _snake,
    "dac.nn.layers.Snake1d": _snake,
    "transformers.models.dac.modeling_dac.Snake1d": _snake,
    "bigcodec.modules.Activation1d": _resampled_snake,
    "encodec.modules.conv.SConv1d": PaddedConv,
    "transformers.models.mimi.modeling_mimi.MimiConv1d": _pad_fast,
}
"""By class, what makes its equivalent from a module of it."""
