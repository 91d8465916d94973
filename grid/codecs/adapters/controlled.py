"""The controlled family: codecs trained by this project that differ in one attribute of the taxonomy at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from grid.codecs.contract import ADAPTERS
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, read_arguments, require_equal
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from grid.codecs.controlled.spec import Network
    from grid.codecs.torch_codec import Model, Signal


@ADAPTERS.register("controlled")
class ControlledAdapter(TorchCodec):
    """16 kHz in frames of 10 ms; the entry has no arguments, because the weights file describes its network.

    Analysis, blocks and synthesis are symmetric around the frame, so the delay is 0; a test measures it. The decoder
    receives integer codes. An item does not depend on its batch beyond rounding.
    """

    revision: ClassVar[int] = 1

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        read_arguments(entry, Arguments)

    def load(self) -> Model:
        """See `TorchCodec.load`."""
        from grid.codecs.controlled.network import load_codec

        if len(self.entry.weights) != 1:
            raise RequestError(f"codec {self.entry.name}: expected one file of weights, not {len(self.entry.weights)}")
        codec, network = load_codec(self.weights.find(self.entry.weights[0]))
        self._check(network)
        return codec

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read. Zeros fill the last frame."""
        from grid.codecs.controlled.network import whole_frames

        codec: Any = self.model
        return codec.decode(*codec.encode(whole_frames(signal[:, 0])))[:, None]

    def _check(self, network: Network) -> None:
        """RequestError where the entry's taxonomy or bit rate is not that of the weights."""
        require_equal(self.entry, "QUA", self.entry.qua, network.qua)
        require_equal(self.entry, "AUX", self.entry.aux, network.aux)
        require_equal(self.entry, "DEC", self.entry.dec, network.dec)
        require_equal(self.entry, "kbit/s", self.entry.bitrate_kbps, network.bitrate_kbps)
