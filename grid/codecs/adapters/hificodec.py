"""HiFi-Codec (Yang et al. 2023, "HiFi-Codec: Group-residual Vector quantization ..."), the AcademiCodec checkout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from grid.codecs.contract import ADAPTERS
from grid.codecs.shared.academicodec import AcademiCodec, by_frame, hop_length
from grid.codecs.torch_codec import whole_hops

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Signal


@ADAPTERS.register("hificodec")
class HificodecAdapter(AcademiCodec):
    """Codes a whole utterance, padded with zeros to whole hops, because upstream drops the samples after the last one.

    The encoder's group normalisation takes its statistics over all the time of an item, so padding would reach every
    sample: equal lengths only.

    The delay is 0 by derivation (the real weights were not run): each strided convolution and its transposed
    counterpart have one kernel and one padding.
    """

    revision: ClassVar[int] = 1
    package: ClassVar[str] = "academicodec.models.hificodec"

    def encode(self, signal: Signal) -> Signal:
        """`(batch, 1, samples)` to integer codes `(batch, codebooks, frames)`: all groups of a layer, then the next."""
        codec: Any = self.model
        latents = codec["encoder"](whole_hops(signal, hop_length(self.settings(codec))))
        return by_frame(codec["quantizer"](latents)[2], len(signal))

    def decode(self, codes: Signal) -> Signal:
        """Integer codes `(batch, codebooks, frames)` to `(batch, 1, frames * hop)`."""
        codec: Any = self.model
        vectors = codec["quantizer"].embed(codes.transpose(1, 2))
        decoded: Signal = codec["generator"](vectors)
        return decoded

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read."""
        return self.decode(self.encode(signal))
