"""BigCodec (Xin et al. 2024, "BigCodec: Pushing the Limits of Low-Bitrate Neural Speech Codec"), package bigcodec."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from grid.codecs.contract import ADAPTERS, Samples
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, fill, read_arguments, read_state, require_equal, whole_hops
from grid.core.errors import RequestError
from grid.core.weight_file import WeightFile
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    import torch

    from grid.codecs.torch_codec import Model, Signal


ENCODER, DECODER = "CodecEnc", "generator"
"""The two state dicts in the authors' bigcodec.pt."""


@dataclass(frozen=True)
class BigCodecSizes:
    """The sizes of the published model, which its file does not carry; the defaults of the package's classes."""

    filters: int = 48
    latent: int = 1024
    decoder_channels: int = 1536
    codebook_size: int = 8192
    codebook_dimension: int = 8


@ADAPTERS.register("bigcodec")
class BigCodecAdapter(TorchCodec):
    """Codes a whole utterance through the package's encoder, quantiser and decoder.

    Weights: the authors' bigcodec.pt, or config.json and model.safetensors as the package's author publishes them.
    The package's `BigCodec.forward` leaves the quantiser out and its `decode` is wrong for more than one item, so
    neither is called: here the decoder reads nothing but the codebook vectors of the integer codes.

    On a CPU items of different lengths pass the LSTMs together, which are limited by reading their weights from memory,
    and all other layers one by one.

    The delay is 0 by derivation (the real weights were not run): kernels and paddings of encoder and decoder mirror
    each other, the activations resample with symmetric filters, and the LSTMs keep the frame grid.
    """

    revision: ClassVar[int] = 3
    cpu_group: ClassVar[int] = 8
    quick_parts: ClassVar[tuple[str, ...]] = ("",)
    sizes: ClassVar[BigCodecSizes] = BigCodecSizes()

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        read_arguments(entry, Arguments)

    def load(self) -> Model:
        """See `TorchCodec.load`."""
        files = {weight.path.rsplit(".", 1)[-1]: weight for weight in self.entry.weights}
        if "pt" in files:
            return self._from_authors(files["pt"])
        if {"json", "safetensors"} <= files.keys():
            return self._from_package(files)
        raise RequestError(
            f"codec {self.entry.name}: weights must be bigcodec.pt, or config.json with model.safetensors, "
            f"not {', '.join(weight.path for weight in self.entry.weights) or '(none)'}"
        )

    def prepare(self, model: Model) -> None:
        """RequestError when the model's hop, codebooks or codebook size are not the entry's."""
        codec: Any = model
        quantiser = codec.decoder.quantizer
        require_equal(self.entry, "hop", self.entry.hop, int(codec.encoder.hop_length))
        require_equal(self.entry, "codebooks", self.entry.codebooks, quantiser.num_quantizers)
        require_equal(self.entry, "codebook size", self.entry.codebook_size, quantiser.layers[0].codebook_size)

    def code_each(self, waveforms: Sequence[Samples], seeds: Sequence[int]) -> list[Samples]:
        """See `Adapter.code_each`; deterministic, `seeds` is not read."""
        import torch

        _ = self.model
        with torch.inference_mode():
            signals = [torch.from_numpy(np.array(row, dtype=np.float32)).to(self.device) for row in waveforms]
            decoded = self.decode_each(self.encode_each([signal[None, None] for signal in signals]))
            return [signal[0, 0].float().cpu().numpy() for signal in decoded]

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read."""
        return self.decode_each(self.encode_each([signal]))[0]

    def encode_each(self, signals: Sequence[Signal]) -> list[Signal]:
        """Signals `(batch, 1, samples)` of any lengths to integer codes `(batch, codebooks, frames)`."""
        codec: Any = self.model
        padded = [whole_hops(signal, int(codec.encoder.hop_length)) for signal in signals]
        latents = pass_in_step(codec.encoder.block, padded, _is_causal_lstm)
        return [codec.decoder.quantizer(latent)[1].transpose(0, 1) for latent in latents]

    def decode_each(self, codes: Sequence[Signal]) -> list[Signal]:
        """Integer codes `(batch, codebooks, frames)` of any lengths to signals `(batch, 1, frames * hop)`."""
        codec: Any = self.model
        vectors = [codec.decoder.quantizer.vq2emb(indices.transpose(1, 2)).transpose(1, 2) for indices in codes]
        return pass_in_step(codec.decoder.model, vectors, _is_causal_lstm)

    def _from_authors(self, weight: WeightFile) -> Model:
        path = self.weights.find(weight)
        stored = read_state(path)
        if not {ENCODER, DECODER} <= stored.keys():
            raise RequestError(f"{path} is not the authors' bigcodec.pt: it must hold {ENCODER} and {DECODER}")
        model = new_model(self.sizes)
        fill(model.encoder, stored[ENCODER], path)
        fill(model.decoder, stored[DECODER], path)
        return model

    def _from_package(self, files: Mapping[str, WeightFile]) -> Model:
        from bigcodec import BigCodec

        config, path = self.weights.find(files["json"]), self.weights.find(files["safetensors"])
        try:
            model: Model = BigCodec(**json.loads(config.read_text(encoding="utf-8")))
        except (TypeError, json.JSONDecodeError) as error:
            raise RequestError(f"{config} does not describe a BigCodec model: {error}") from error
        fill(model, read_state(path), path)
        return model


def _is_causal_lstm(layer: Model) -> bool:
    """Whether `layer` is the package's residual LSTM, as it is published: in one direction."""
    from bigcodec.modules import ResLSTM

    return isinstance(layer, ResLSTM) and not layer.lstm.bidirectional


def new_model(sizes: BigCodecSizes) -> Any:
    """The package's encoder and decoder with random weights, as the `encoder` and `decoder` of one module."""
    import torch
    from bigcodec import CodecDecoder, CodecEncoder

    encoder = CodecEncoder(ngf=sizes.filters, out_channels=sizes.latent)
    decoder = CodecDecoder(
        in_channels=sizes.latent,
        upsample_initial_channel=sizes.decoder_channels,
        ngf=sizes.filters,
        vq_dim=sizes.latent,
        codebook_size=sizes.codebook_size,
        codebook_dim=sizes.codebook_dimension,
    )
    return torch.nn.ModuleDict({"encoder": encoder, "decoder": decoder})


def pass_in_step(
    layers: Iterable[torch.nn.Module], items: Sequence[torch.Tensor], is_joint: Callable[[torch.nn.Module], bool]
) -> list[torch.Tensor]:
    """Each of `items` `(batch, channels, time)` through all `layers` in turn; a joint layer takes all items at once.

    `is_joint` says which layers are joint. Such a layer keeps the shape, and its output at a time depends on nothing
    after that time, so the shorter items are padded with zeros at their end. Between two joint layers the items go
    through one by one, so that no more than one tensor for each item is held.
    """
    import torch

    outputs = list(items)
    for joint, run in groupby(layers, is_joint):
        for layer in run if joint else [torch.nn.Sequential(*run)]:
            outputs = _together(layer, outputs) if joint else [layer(item) for item in outputs]
    return outputs


def _together(layer: torch.nn.Module, items: list[torch.Tensor]) -> list[torch.Tensor]:
    """Items `(batch, channels, time)` through a joint `layer` as one batch, padded to the longest and cut again."""
    import torch

    if len(items) == 1:
        return [layer(items[0])]
    longest = max(item.shape[-1] for item in items)
    rows = [torch.nn.functional.pad(item.transpose(1, 2), (0, 0, 0, longest - item.shape[-1])) for item in items]
    outputs = layer(torch.cat(rows).transpose(1, 2)).split([len(item) for item in items])
    return [output[..., : item.shape[-1]] for output, item in zip(outputs, items, strict=True)]
