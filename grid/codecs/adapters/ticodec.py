"""TiCodec (Ren et al. 2024, "Fewer-token Neural Speech Codec with Time-invariant Codes"), the TiCodec checkout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from grid.codecs.contract import ADAPTERS
from grid.codecs.shared.academicodec import AcademiArguments, AcademiCodec, by_frame, hop_length
from grid.codecs.torch_codec import require_equal, whole_hops

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Model, Signal


class TicodecArguments(AcademiArguments):
    """`global_codes`: codes of the whole utterance, besides those of each frame; it must agree with the weights."""

    global_codes: int = Field(gt=0)


@ADAPTERS.register("ticodec")
class TicodecAdapter(AcademiCodec):
    """Codes a whole utterance, padded with zeros to whole hops: codes of each frame, and codes of the utterance.

    The codes of the utterance come from a mean over the whole item, and the encoder's group normalisation takes its
    statistics over it too, so padding would reach every sample: equal lengths only.

    The delay is 0 by derivation (the real weights were not run): each strided convolution and its transposed
    counterpart have one kernel and one padding.
    """

    revision: ClassVar[int] = 1
    package: ClassVar[str] = "academicodec.models.ticodec"
    arguments_type: ClassVar[type[AcademiArguments]] = TicodecArguments

    def prepare(self, model: Model) -> None:
        """See `AcademiCodec.prepare`; RequestError also when the model has another number of codes of the utterance."""
        super().prepare(model)
        global_codes = self.settings(model).global_code_num
        require_equal(self.entry, "argument global_codes", self.entry.arguments["global_codes"], global_codes)

    def encode(self, signal: Signal) -> tuple[Signal, Signal]:
        """`(batch, 1, samples)` to integer codes: `(batch, codebooks, frames)` and `(batch, global_codes)`."""
        import torch

        codec: Any = self.model
        latents, summary = codec["encoder"](whole_hops(signal, hop_length(self.settings(codec))))
        _, _, local, _, whole = codec["quantizer"](latents, summary)
        return by_frame(local, len(signal)), torch.stack(whole, dim=-1)

    def decode(self, local: Signal, whole: Signal) -> Signal:
        """Integer codes `(batch, codebooks, frames)` and `(batch, global_codes)` to `(batch, 1, frames * hop)`."""
        codec: Any = self.model
        vectors = codec["quantizer"].embed(local.transpose(1, 2))
        summary = codec["quantizer"].embed_gst(whole[:, None]).squeeze(-1)
        decoded: Signal = codec["generator"](vectors, summary)
        return decoded

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read."""
        return self.decode(*self.encode(signal))
