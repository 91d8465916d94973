"""EnCodec (Défossez et al. 2022, "High Fidelity Neural Audio Compression"), the 24 kHz model of package encodec."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from grid.codecs.contract import ADAPTERS
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, fill, read_arguments, read_state, require_equal
from grid.core.errors import RequestError
from grid.core.identity import file_digest
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Model, Signal


class EncodecArguments(Arguments):
    """`bandwidth` in kbit/s: each codebook of 1024 entries costs 0.75 at 75 frames per second."""

    bandwidth: float


@ADAPTERS.register("encodec")
class EncodecAdapter(TorchCodec):
    """Codes a whole utterance at the entry's bandwidth. Weights: one plain state dict.

    The delay is 0 by derivation (the real weights were not run): frame k starts at sample 320 k, and the training loss
    compares input and output sample by sample. All layers are causal: after the first six frames, which padding by
    reflection mixes, no output before a frame depends on the input in it.
    """

    revision: ClassVar[int] = 2
    quick_parts: ClassVar[tuple[str, ...]] = ("",)

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        self.arguments = read_arguments(entry, EncodecArguments)

    def load(self) -> Model:
        """See `TorchCodec.load`; the file's SHA-256 must begin with the eight digits in its name."""
        from encodec import EncodecModel

        path = self.weights.find(self.entry.weights[0])
        require_digest_in_name(path)
        model: Model = EncodecModel.encodec_model_24khz(pretrained=False)
        fill(model, read_state(path), path)
        return model

    def prepare(self, model: Model) -> None:
        """Sets the bandwidth; RequestError when the model lacks it or the entry's rate or codebooks differ."""
        codec: Any = model
        if self.arguments.bandwidth not in codec.target_bandwidths:
            raise RequestError(
                f"codec {self.entry.name}: no bandwidth {self.arguments.bandwidth} kbit/s in this model. "
                f"Choices: {', '.join(map(str, codec.target_bandwidths))}"
            )
        codec.set_target_bandwidth(self.arguments.bandwidth)
        codebooks = codec.quantizer.get_num_quantizers_for_bandwidth(codec.frame_rate, codec.bandwidth)
        require_equal(self.entry, "native rate", self.entry.native_rate, codec.sample_rate)
        require_equal(self.entry, "codebooks", self.entry.codebooks, codebooks)

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read."""
        codec: Any = self.model
        decoded: Signal = codec.decode(codec.encode(signal))
        return decoded


def require_digest_in_name(path: Path) -> None:
    """RequestError when the eight hexadecimal digits that end the file's name do not begin its SHA-256.

    That is how torch.hub names files, and the only digest that EnCodec's authors publish.
    """
    stated = re.search(r"-([0-9a-f]{8})\.[a-z]+$", path.name)
    if stated and not (actual := file_digest(path)).startswith(stated.group(1)):
        raise RequestError(f"{path} is damaged: its SHA-256 begins {actual[:8]}, not as its name says. Fetch it again.")
