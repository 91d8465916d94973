"""DAC (Kumar et al. 2023, "High-Fidelity Audio Compression with Improved RVQGAN"), package descript-audio-codec."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from grid.codecs.contract import ADAPTERS
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, fill, read_arguments, read_state, require_equal, whole_hops
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Model, Signal


class DacArguments(Arguments):
    """`codebooks`: how many of the residual codebooks are kept, from the first."""

    codebooks: int = Field(gt=0)


@ADAPTERS.register("dac")
class DacAdapter(TorchCodec):
    """Codes a whole utterance, as the package's `forward` does.

    The package's `compress` also sets the loudness to -16 dB, which `entry.level` does here, and cuts the signal into
    windows of one second, which is not done: at 16 and 24 kHz it fails on items of up to a second whose length is a
    whole number of hops or up to 7 samples less, because the decoder returns 8 samples less than whole hops.

    The delay is 0: a strided convolution and the transposed one that undoes it have the same kernel and padding, so
    the receptive field of an output sample is centred on the input sample of the same index, within a hop.
    """

    revision: ClassVar[int] = 2
    quick_parts: ClassVar[tuple[str, ...]] = ("",)

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        self.arguments = read_arguments(entry, DacArguments)

    def load(self) -> Model:
        """See `TorchCodec.load`; the official file holds `state_dict` and, in `metadata`, the class's arguments."""
        from dac.model import DAC

        path = self.weights.find(self.entry.weights[0])
        stored = read_state(path)
        try:
            state, arguments = stored["state_dict"], stored["metadata"]["kwargs"]
        except (KeyError, TypeError) as error:
            raise RequestError(f"{path} is not a file of DAC weights: no state_dict with metadata.kwargs") from error
        parameters = inspect.signature(DAC).parameters
        model: Model = DAC(**{name: value for name, value in arguments.items() if name in parameters})
        fill(model, state, path)
        return model

    def prepare(self, model: Model) -> None:
        """RequestError when the model's rate, or the codebooks it has or is set to, are not the entry's."""
        codec: Any = model
        count = self.arguments.codebooks
        if count > codec.n_codebooks:
            raise RequestError(
                f"codec {self.entry.name}: {count} codebooks requested, the model has {codec.n_codebooks}"
            )
        require_equal(self.entry, "native rate", self.entry.native_rate, codec.sample_rate)
        require_equal(self.entry, "codebooks", self.entry.codebooks, count)

    def encode(self, signal: Signal) -> Signal:
        """`(batch, 1, samples)` to integer codes `(batch, codebooks, frames)`."""
        codec: Any = self.model
        codes: Signal = codec.encode(whole_hops(signal, int(codec.hop_length)), self.arguments.codebooks)[1]
        return codes

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read."""
        codec: Any = self.model
        decoded: Signal = codec.decode(codec.quantizer.from_codes(self.encode(signal))[0])
        return decoded
