"""SNAC (Siuzdak et al. 2024, "SNAC: Multi-Scale Neural Audio Codec"), package snac, with noise seeded per utterance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from grid.codecs.contract import ADAPTERS
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, fill, read_arguments, read_state, require_equal
from grid.core.errors import RequestError
from grid.core.weight_file import WeightFile
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Model, Signal


class ItemNoise:
    """Normal noise with a generator per item, so that an item's noise depends on its seed only."""

    def __init__(self, seeds: Sequence[int] = ()) -> None:
        self._streams = [np.random.default_rng(seed) for seed in seeds]

    def draw(self, like: Signal) -> Signal:
        """The next noise `(batch, 1, time)` for `like` `(batch, channels, time)`, drawn on the CPU for every device."""
        import torch

        rows = [stream.standard_normal(like.shape[-1], dtype=np.float32) for stream in self._streams]
        return torch.from_numpy(np.stack(rows)).to(like)[:, None]


@ADAPTERS.register("snac")
class SnacAdapter(TorchCodec):
    """Codes a whole utterance; the noise of the decoder's noise blocks is drawn from each item's seed.

    The delay is 0 by derivation (the real weights were not run): kernels and paddings of encoder and decoder mirror
    each other as in DAC, and the coarser codebooks average whole groups of frames that start on the frame grid.
    """

    revision: ClassVar[int] = 2
    quick_parts: ClassVar[tuple[str, ...]] = ("",)

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        read_arguments(entry, Arguments)
        self._noise = ItemNoise()

    def load(self) -> Model:
        """See `TorchCodec.load`; config.json holds the class's arguments, pytorch_model.bin a plain state dict."""
        from snac import SNAC

        config = self.weights.find(self._file(".json"))
        path = self.weights.find(self._file(".bin"))
        try:
            model: Model = SNAC(**json.loads(config.read_text(encoding="utf-8")))
        except (TypeError, json.JSONDecodeError) as error:
            raise RequestError(f"{config} does not describe a SNAC model: {error}") from error
        fill(model, read_state(path), path)
        return model

    def prepare(self, model: Model) -> None:
        """Seeds the noise blocks by item; RequestError when the model's rate or codebooks are not the entry's."""
        codec: Any = model
        require_equal(self.entry, "native rate", self.entry.native_rate, codec.sampling_rate)
        require_equal(self.entry, "codebooks", self.entry.codebooks, codec.n_codebooks)
        self._seed_noise_blocks(model)

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; item i's noise is a function of `seeds[i]`."""
        codec: Any = self.model
        self._noise = ItemNoise(seeds)
        decoded: Signal = codec.decode(codec.encode(signal))
        return decoded

    def _seed_noise_blocks(self, model: Model) -> None:
        """Replaces the `forward` of the noise blocks, which in upstream draws from torch's global generator."""
        from snac.layers import NoiseBlock

        for block in model.modules():
            if isinstance(block, NoiseBlock):
                block.forward = self._noisy(block.linear)

    def _noisy(self, linear: Model) -> Any:
        def forward(features: Signal) -> Signal:
            gain: Signal = linear(features)
            return features + self._noise.draw(features) * gain

        return forward

    def _file(self, ending: str) -> WeightFile:
        for weight in self.entry.weights:
            if weight.path.endswith(ending):
                return weight
        raise RequestError(f"codec {self.entry.name}: the catalogue names no weights file ending in {ending}")
