"""SQ-Codec (Yang et al. 2024, "SimpleSpeech"): scalar quantisation, the checkout of SimpleSpeech."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar
from zipfile import BadZipFile, ZipFile

from pydantic import Field

from grid.codecs.contract import ADAPTERS
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, fill, read_arguments, read_state, require_equal, whole_hops
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    import torch

    from grid.codecs.torch_codec import Model, Signal

UPSTREAM = "ldm.models.scalar16k"
STATE = "codec_model"
"""The key of the codec's state dict in the authors' file; others are of its training."""
STEPS = 9
"""Each latent, the output of a tanh, is rounded to a multiple of 1/9, as in upstream's class: 19 levels."""


class SqCodecArguments(Arguments):
    """`dimensions` of the latent, each quantised by itself to one of `levels` values."""

    dimensions: int = Field(gt=0)
    levels: int


@ADAPTERS.register("sqcodec")
class SqCodecAdapter(TorchCodec):
    """Codes a whole utterance, padded with zeros to whole frames. Weights: the authors' zip, with its config.yaml.

    Upstream's `encode` returns the latents before quantisation; here the decoder reads nothing but integer codes.

    The delay is 0 because training compares input and output sample by sample; the strides of the published model are
    in its file only, which was not available.
    """

    revision: ClassVar[int] = 1

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        self.arguments = read_arguments(entry, SqCodecArguments)
        self._hop = 1

    def load(self) -> Model:
        """See `TorchCodec.load`."""
        if len(self.entry.weights) != 1:
            raise RequestError(f"codec {self.entry.name}: weights must be one zip, not {len(self.entry.weights)} files")
        path = self.weights.find(self.entry.weights[0])
        with TemporaryDirectory() as folder:
            config, state = _unpacked(path, Path(folder))
            stored = read_state(state)
            if STATE not in stored:
                raise RequestError(f"{path}: {state.name} is not the authors' file: it lacks {STATE}")
            model = _described(config, path)
        fill(model, stored[STATE], path)
        return model

    def prepare(self, model: Model) -> None:
        """RequestError when the model's dimensions or levels are not those of the entry."""
        codec: Any = model
        dimensions = codec.encoder[-1].out_channels
        require_equal(self.entry, "codebooks", self.entry.codebooks, dimensions)
        require_equal(self.entry, "argument dimensions", self.arguments.dimensions, dimensions)
        require_equal(self.entry, "argument levels", self.arguments.levels, 2 * STEPS + 1)
        self._hop = hop_length(codec.encoder)

    def encode(self, signal: Signal) -> Signal:
        """`(batch, 1, samples)` to integer codes `(batch, dimensions, frames)` from -9 to 9."""
        codec: Any = self.model
        return (STEPS * codec.encode(whole_hops(signal, self._hop))).round().long()

    def decode(self, codes: Signal) -> Signal:
        """Integer codes `(batch, dimensions, frames)` to `(batch, 1, about frames * hop)`."""
        codec: Any = self.model
        decoded: Signal = codec.decode(codes.float() / STEPS)
        return decoded

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read."""
        return self.decode(self.encode(signal))


def hop_length(encoder: torch.nn.ModuleList) -> int:
    """Native samples of one frame: the product of pooling sizes and strides in upstream's encoder."""
    layers: Any = encoder
    pooled = [layer.pooling.kernel_size[0] for layer in layers if hasattr(layer, "pooling")]
    strided = [layer.down_conv.stride for layer in layers if hasattr(layer, "down_conv")]
    return math.prod([*pooled, *strided])


def _unpacked(path: Path, folder: Path) -> tuple[Path, Path]:
    """The configuration and the torch file of the zip at `path`, extracted into `folder`."""
    try:
        with ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
            configs = [name for name in names if name.endswith((".yaml", ".yml"))]
            states = [name for name in names if name.endswith((".pth", ".pt"))]
            if len(configs) != 1 or len(states) != 1:
                raise RequestError(f"{path} must hold one .yaml and one .pth file, it holds: {', '.join(names)}")
            config, state = (Path(archive.extract(name, folder)) for name in (configs[0], states[0]))
            return config, state
    except BadZipFile as error:
        raise RequestError(f"{path} is no zip archive: {error}") from error


def _described(config: Path, path: Path) -> Model:
    from grid.config.yaml_file import load_yaml

    described = load_yaml(config)
    try:
        settings = described["generator"]["config"]
        model: Model = import_module(UPSTREAM).ScalarModel(**settings)
    except (KeyError, TypeError, ValueError) as error:
        raise RequestError(f"{path}: {config.name} does not describe a ScalarModel: {error!r}") from error
    return model
