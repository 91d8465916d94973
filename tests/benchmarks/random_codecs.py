"""Codecs of the catalogue around their real classes at the published size, with random weights: they cost the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from grid.codecs.catalogue import build, load_catalogue
from grid.codecs.contract import ADAPTERS, Codec

if TYPE_CHECKING:
    import torch


def build_random(name: str) -> Codec:
    """The codec called `name`, with the weights of seed 0 where it needs published ones."""
    entry = load_catalogue().get(name)
    if entry.adapter not in MODELS:
        return build(name)
    adapter: Any = ADAPTERS.get(entry.adapter)
    return Codec(adapter.from_model(_seeded(MODELS[entry.adapter]), entry))


def build_as_published(name: str) -> Codec:
    """The same codec, its modules as its authors wrote them: weight norms recomputed, nothing quickened."""
    entry = load_catalogue().get(name)
    if entry.adapter not in MODELS:
        return build(name)
    adapter: Any = ADAPTERS.get(entry.adapter)(entry)
    model = _seeded(MODELS[entry.adapter])
    adapter.prepare(model)
    vars(adapter)["_model"] = model.eval()
    return Codec(adapter)


def _seeded(make: Callable[[], torch.nn.Module]) -> torch.nn.Module:
    import torch

    torch.manual_seed(0)
    return make()


def _encodec() -> torch.nn.Module:
    from encodec import EncodecModel

    model: torch.nn.Module = EncodecModel.encodec_model_24khz(pretrained=False)
    return model


def _dac() -> torch.nn.Module:
    from dac.model import DAC

    rates = [2, 4, 5, 8]
    model: torch.nn.Module = DAC(
        encoder_rates=rates, decoder_rates=rates[::-1], decoder_dim=1536, n_codebooks=32, sample_rate=24_000
    )
    return model


def _snac() -> torch.nn.Module:
    from snac import SNAC

    model: torch.nn.Module = SNAC(
        sampling_rate=24_000,
        encoder_dim=48,
        encoder_rates=[2, 4, 8, 8],
        decoder_dim=1024,
        decoder_rates=[8, 8, 4, 2],
        attn_window_size=None,
        codebook_size=4096,
        codebook_dim=8,
        vq_strides=[4, 2, 1],
    )
    return model


def _mimi() -> torch.nn.Module:
    from transformers import MimiConfig, MimiModel

    return MimiModel(MimiConfig())


def _xcodec() -> torch.nn.Module:
    from transformers import XcodecConfig, XcodecModel

    return XcodecModel(XcodecConfig())


def _bigcodec() -> torch.nn.Module:
    from grid.codecs.adapters.bigcodec import BigCodecSizes, new_model

    model: torch.nn.Module = new_model(BigCodecSizes())
    return model


MODELS: dict[str, Callable[[], torch.nn.Module]] = {
    "encodec": _encodec,
    "dac": _dac,
    "snac": _snac,
    "mimi": _mimi,
    "xcodec": _xcodec,
    "bigcodec": _bigcodec,
}
