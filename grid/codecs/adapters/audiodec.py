"""AudioDec (Wu et al. 2023, "AudioDec: An Open-source Streaming ... Codec"), its git checkout."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from grid.codecs.contract import ADAPTERS
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, fill, read_arguments, read_state, require_equal, whole_hops
from grid.core.errors import RequestError
from grid.core.weight_file import WeightFile
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Model, Signal

CODER, VOCODER = "autoencoder/", "vocoder/"
"""Parts of the paths of weights files that tell to which half of the model a file belongs."""
SILENCE = 8192
"""Zeros coded before an utterance, as many as in the authors' demo."""
BUFFER = "pad_buffer"


class AudioDecArguments(Arguments):
    """`delay`: native samples by which the trained model lags; it was measured, see the adapter."""

    delay: int = Field(ge=0)


@ADAPTERS.register("audiodec")
class AudioDecAdapter(TorchCodec):
    """The streaming encoder and quantiser, then the streaming HiFi-GAN that was trained on their vectors.

    Both keep the end of their input in buffers for one item, so items are coded one by one, and each starts with the
    buffers that silence leaves. Weights: checkpoint and config.yml of both halves, and the statistics by which the
    vocoder normalises; the path of these in config.yml is ignored.

    The delay is an argument because it is measured: encoder frame k ends with sample 300 k, the decoder makes samples
    300 k to 300 k + 299 from it, and the training losses do not depend on a lag of the waveform.
    """

    revision: ClassVar[int] = 1
    max_batch: ClassVar[int | None] = 1

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        self.arguments = read_arguments(entry, AudioDecArguments)
        self._silent: dict[str, Signal] = {}

    @property
    def delay(self) -> int:
        """See `Adapter.delay`."""
        return self.arguments.delay

    def load(self) -> Model:
        """See `TorchCodec.load`."""
        coder, vocoder = self._config(CODER), self._config(VOCODER)
        vocoder["stats"] = str(self.weights.find(self._file("", ".npy")))
        model = new_model(coder, vocoder)
        parts: Any = model
        for part, place in ((parts.coder, CODER), (parts.vocoder, VOCODER)):
            path = self.weights.find(self._file(place, ".pkl"))
            stored = read_state(path).get("model")
            if not isinstance(stored, Mapping) or "generator" not in stored:
                raise RequestError(f"{path} is no checkpoint of AudioDec: it holds no generator")
            fill(part, stored["generator"], path)
        return model

    def prepare(self, model: Model) -> None:
        """RequestError when hop, codebooks or their size are not the entry's, or the halves have different hops."""
        codec: Any = model
        layers = codec.coder.quantizer.codebook.layers
        require_equal(self.entry, "hop", self.entry.hop, _hop(codec.coder.encoder.conv_blocks, "conv"))
        require_equal(self.entry, "hop", self.entry.hop, _hop(codec.vocoder.upsamples))
        require_equal(self.entry, "codebooks", self.entry.codebooks, len(layers))
        require_equal(self.entry, "codebook size", self.entry.codebook_size, layers[0].n_embed)

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read."""
        import torch

        codec: Any = self.model
        padded = whole_hops(signal, _hop(codec.vocoder.upsamples))
        return torch.cat([self.decode(self.encode(item[None])) for item in padded])

    def encode(self, signal: Signal) -> Signal:
        """`(1, 1, samples)` in whole hops to integer codes `(codebooks, frames)`, numbered through all codebooks."""
        codec: Any = self.model
        self._begin()
        codes: Signal = codec.coder.quantize(codec.coder.encode(signal))
        return codes

    def decode(self, codes: Signal) -> Signal:
        """Integer codes `(codebooks, frames)` to `(1, 1, frames * hop)`."""
        codec: Any = self.model
        self._begin()
        decoded: Signal = codec.vocoder.decode(codec.coder.lookup(codes))
        return decoded

    def _begin(self) -> None:
        """Sets every buffer to its content after silence, which the first call computes."""
        codec: Any = self.model
        if not self._silent:
            codec.coder.reset_buffer()
            codec.vocoder.reset_buffer()
            vectors = codec.coder.initial_encoder(SILENCE, self.device)
            codec.vocoder.initial_decoder(vectors)
            self._silent = {name: buffer for name, buffer in codec.named_buffers() if name.endswith(BUFFER)}
        for name, buffer in self._silent.items():  # upstream puts new tensors in their place and never writes into them
            setattr(codec.get_submodule(name.removesuffix(f".{BUFFER}")), BUFFER, buffer)

    def _config(self, place: str) -> dict[str, Any]:
        from grid.config.yaml_file import load_yaml

        path = self.weights.find(self._file(place, ".yml"))
        try:
            return dict(load_yaml(path)["generator_params"])
        except (KeyError, TypeError) as error:
            raise RequestError(f"{path} does not describe a model of AudioDec: {error!r}") from error

    def _file(self, place: str, ending: str) -> WeightFile:
        for weight in self.entry.weights:
            if place in weight.path and weight.path.endswith(ending):
                return weight
        raise RequestError(f"codec {self.entry.name}: the catalogue names no weights file {place}...{ending}")


def new_model(coder: Mapping[str, Any], vocoder: Mapping[str, Any]) -> Model:
    """Both halves with random weights, as the `coder` and `vocoder` of one module, from their `generator_params`."""
    import torch
    from models.autoencoder.AudioDec import StreamGenerator as Coder
    from models.vocoder.HiFiGAN import StreamGenerator as Vocoder

    try:
        return torch.nn.ModuleDict({"coder": Coder(**coder), "vocoder": Vocoder(**vocoder)})
    except (TypeError, NotImplementedError) as error:
        raise RequestError(f"the config.yml files of AudioDec do not describe its models: {error}") from error


def _hop(layers: Any, inner: str = "") -> int:
    """The product of the strides of some layers, or of the part of each that is called `inner`."""
    return math.prod(int(getattr(layer, inner).stride if inner else layer.stride) for layer in layers)
