"""XCodec2 (Ye et al. 2025, "Llasa: ..."), one scalar-quantised codebook, transformers' Xcodec2Model."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from grid.codecs.contract import ADAPTERS
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, from_folder, read_arguments, require_equal
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Model, Signal


@ADAPTERS.register("xcodec2")
class Xcodec2Adapter(TorchCodec):
    """Codes a whole utterance. Weights: a hub folder with config.json, preprocessor_config.json, model.safetensors.

    The feature extractor always appends a zero before it fills the last hop, so an utterance of whole hops gets one
    frame more; this is kept. It normalises the filter banks of the semantic encoder over the utterance, and
    encoder and decoder attend to all of it: equal lengths only.

    The delay is 0 by derivation (the real weights were not run): encoder blocks mirror DAC's, the filter banks are
    padded by half a hop on both sides, and the inverse transform places window k around the middle of frame k.
    """

    revision: ClassVar[int] = 1

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        read_arguments(entry, Arguments)
        self._features: Any = None

    def load(self) -> Model:
        """See `TorchCodec.load`."""
        from transformers import Xcodec2FeatureExtractor, Xcodec2Model

        folder = self.weights.folder(self.entry.weights)
        self._features = Xcodec2FeatureExtractor.from_pretrained(folder, local_files_only=True)
        return from_folder(Xcodec2Model, folder)

    def prepare(self, model: Model) -> None:
        """RequestError when the rate, hop or codebook size of model or feature extractor are not the entry's."""
        from transformers import Xcodec2FeatureExtractor

        config: Any = model.config
        if self._features is None:  # the class's defaults are those of the published model
            self._features = Xcodec2FeatureExtractor()
        for rate in (config.sampling_rate, self._features.sampling_rate):
            require_equal(self.entry, "native rate", self.entry.native_rate, rate)
        for hop in (config.hop_length, self._features.hop_length):
            require_equal(self.entry, "hop", self.entry.hop, hop)
        require_equal(self.entry, "codebook size", self.entry.codebook_size, prod(config.quantization_levels))

    def encode(self, signal: Signal) -> Signal:
        """`(batch, 1, samples)` to integer codes `(batch, 1, frames)`."""
        codec: Any = self.model
        rows = list(signal[:, 0].cpu().numpy())
        inputs = self._features(audio=rows, sampling_rate=self.entry.native_rate, return_tensors="pt")
        codes: Signal = codec.encode(**inputs.to(signal.device)).audio_codes
        return codes

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read."""
        codec: Any = self.model
        decoded: Signal = codec.decode(audio_codes=self.encode(signal)).audio_values
        return decoded
