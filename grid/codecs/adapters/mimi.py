"""Mimi (Défossez et al. 2024, "Moshi: a speech-text foundation model ..."), the MimiModel of transformers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from grid.codecs.contract import ADAPTERS
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, from_folder, read_arguments, require_equal
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Model, Signal


class MimiArguments(Arguments):
    """`codebooks`: one semantic codebook and the acoustic ones after it; 8 are 1.1 kbit/s, 32 are 4.4."""

    codebooks: int = Field(gt=0)


@ADAPTERS.register("mimi")
class MimiAdapter(TorchCodec):
    """Codes a whole utterance. Weights: a hub folder with config.json and model.safetensors.

    The delay is 0 by derivation (the real weights were not run): frame k starts at sample 1920 k, convolutions and
    attention are causal, and training compares input and output sample by sample. That a stream must wait 80 ms for
    its first frame is latency, not a shift of the samples.
    """

    revision: ClassVar[int] = 2
    quick_parts: ClassVar[tuple[str, ...]] = ("",)

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        self.arguments = read_arguments(entry, MimiArguments)

    def load(self) -> Model:
        """See `TorchCodec.load`."""
        from transformers import MimiModel

        return from_folder(MimiModel, self.weights.folder(self.entry.weights))

    def prepare(self, model: Model) -> None:
        """RequestError when the model's rate, or the codebooks it has or is set to, are not the entry's."""
        config: Any = model.config
        choices = range(config.num_semantic_quantizers, config.num_quantizers + 1)
        if self.arguments.codebooks not in choices:
            raise RequestError(
                f"codec {self.entry.name}: {self.arguments.codebooks} codebooks requested, "
                f"the model takes {choices.start} to {choices.stop - 1}"
            )
        require_equal(self.entry, "native rate", self.entry.native_rate, config.sampling_rate)
        require_equal(self.entry, "codebooks", self.entry.codebooks, self.arguments.codebooks)

    def encode(self, signal: Signal) -> Signal:
        """`(batch, 1, samples)` to integer codes `(batch, codebooks, frames)`."""
        codec: Any = self.model
        # left out, num_quantizers is all 32 codebooks
        codes: Signal = codec.encode(signal, num_quantizers=self.arguments.codebooks).audio_codes
        return codes

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read."""
        codec: Any = self.model
        decoded: Signal = codec.decode(self.encode(signal)).audio_values
        return decoded
