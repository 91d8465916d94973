"""SpeechTokenizer (Zhang et al. 2024, "SpeechTokenizer: Unified Speech Tokenizer ..."), package speechtokenizer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from grid.codecs.contract import ADAPTERS
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, fill, read_arguments, read_state, require_equal
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Model, Signal


class SpeechTokenizerArguments(Arguments):
    """`codebooks`: how many are kept, from the first, which holds the semantic content; each costs 0.5 kbit/s."""

    codebooks: int = Field(gt=0)


@ADAPTERS.register("speechtokenizer")
class SpeechTokenizerAdapter(TorchCodec):
    """Codes a whole utterance. Weights: the authors' config.json, with the sizes, and a plain state dict.

    The encoder's LSTM runs in both directions, so padding would reach every code: equal lengths only.

    The delay is 0 by derivation (the real weights were not run): convolutions are padded alike on both sides, and the
    transposed ones give back the frame grid, as in EnCodec's non-causal model.
    """

    revision: ClassVar[int] = 1

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        self.arguments = read_arguments(entry, SpeechTokenizerArguments)

    def load(self) -> Model:
        """See `TorchCodec.load`."""
        files = {weight.path.rsplit(".", 1)[-1]: weight for weight in self.entry.weights}
        if not {"json", "pt"} <= files.keys():
            raise RequestError(f"codec {self.entry.name}: weights must be config.json and SpeechTokenizer.pt")
        config, path = self.weights.find(files["json"]), self.weights.find(files["pt"])

        from speechtokenizer import SpeechTokenizer

        try:
            model: Model = SpeechTokenizer(json.loads(config.read_text(encoding="utf-8")))
        except (TypeError, AttributeError, json.JSONDecodeError) as error:
            raise RequestError(f"{config} does not describe a SpeechTokenizer model: {error}") from error
        fill(model, read_state(path), path)
        return model

    def prepare(self, model: Model) -> None:
        """RequestError when the model's rate or hop, or the codebooks it has or is set to, are not the entry's."""
        codec: Any = model
        count = self.arguments.codebooks
        if count > codec.n_q:
            raise RequestError(f"codec {self.entry.name}: {count} codebooks requested, the model has {codec.n_q}")
        require_equal(self.entry, "native rate", self.entry.native_rate, codec.sample_rate)
        require_equal(self.entry, "hop", self.entry.hop, int(codec.downsample_rate))
        require_equal(self.entry, "codebooks", self.entry.codebooks, count)
        require_equal(self.entry, "codebook size", self.entry.codebook_size, codec.quantizer.bins)

    def encode(self, signal: Signal) -> Signal:
        """`(batch, 1, samples)` to integer codes `(batch, codebooks, frames)`."""
        codec: Any = self.model
        codes: Signal = codec.encode(signal, n_q=self.arguments.codebooks)
        return codes.transpose(0, 1)

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read."""
        codec: Any = self.model
        decoded: Signal = codec.decode(self.encode(signal).transpose(0, 1))
        return decoded
