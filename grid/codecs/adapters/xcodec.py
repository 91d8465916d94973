"""X-Codec (Ye et al. 2024, "Codec Does Matter"), semantic features and DAC's layers, transformers' XcodecModel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from grid.codecs.contract import ADAPTERS
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, from_folder, read_arguments, require_equal, whole_hops
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Model, Signal


class XcodecArguments(Arguments):
    """`bandwidth` in kbit/s: each codebook of 1024 entries costs 0.5 at 50 frames per second.

    `scale` multiplies the input and is not undone, as in the authors' inference.py (`audio_norm_scale`, with which
    they also trained). transformers leaves it out.
    """

    bandwidth: float
    scale: float = Field(default=1.0, gt=0, le=1)


@ADAPTERS.register("xcodec")
class XcodecAdapter(TorchCodec):
    """Codes a whole utterance. Weights: a hub folder with config.json and model.safetensors.

    HuBERT's attention sees the whole batch row and takes no mask, so padding would reach every sample: equal lengths
    only, and only as many zeros as fill the last hop, as in the model's own feature extractor.

    The delay is 0 by derivation (the real weights were not run): the acoustic branch is DAC's, the semantic branch is
    padded by half a hop on both sides, and training compares input and output sample by sample.
    """

    revision: ClassVar[int] = 2
    quick_parts: ClassVar[tuple[str, ...]] = ("acoustic_encoder", "acoustic_decoder")

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        self.arguments = read_arguments(entry, XcodecArguments)

    def load(self) -> Model:
        """See `TorchCodec.load`."""
        from transformers import XcodecModel

        return from_folder(XcodecModel, self.weights.folder(self.entry.weights))

    def prepare(self, model: Model) -> None:
        """RequestError when the model lacks the bandwidth or its rate or codebooks are not the entry's."""
        codec: Any = model
        if self.arguments.bandwidth not in codec.config.target_bandwidths:
            raise RequestError(
                f"codec {self.entry.name}: no bandwidth {self.arguments.bandwidth} kbit/s in this model. "
                f"Choices: {', '.join(map(str, codec.config.target_bandwidths))}"
            )
        codebooks = codec.quantizer.get_num_quantizers_for_bandwidth(self.arguments.bandwidth)
        require_equal(self.entry, "native rate", self.entry.native_rate, codec.config.sample_rate)
        require_equal(self.entry, "codebooks", self.entry.codebooks, codebooks)

    def encode(self, signal: Signal) -> Signal:
        """`(batch, 1, samples)` to integer codes `(batch, codebooks, frames)`."""
        codec: Any = self.model
        padded = whole_hops(signal * self.arguments.scale, codec.config.hop_length)
        # left out, the bandwidth is the highest the model knows
        codes: Signal = codec.encode(padded, bandwidth=self.arguments.bandwidth).audio_codes
        return codes

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read."""
        codec: Any = self.model
        decoded: Signal = codec.decode(self.encode(signal)).audio_values
        return decoded
