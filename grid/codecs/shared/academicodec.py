"""What HiFi-Codec and TiCodec share: encoder, quantiser and generator of AcademiCodec's layout, from one JSON file.

Both projects call their package `academicodec` and differ inside, so a process can import only one of them.
"""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, fill, read_arguments, read_state, require_equal
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from grid.codecs.torch_codec import Model

PARTS = ("encoder", "quantizer", "generator")
"""The modules of the codec, and the state dicts in the authors' file."""


class AcademiArguments(Arguments):
    """`codebooks`: codes of each frame, groups times residual layers; it must agree with the weights."""

    codebooks: int = Field(gt=0)


class AcademiCodec(TorchCodec):
    """A codec of three modules. Weights: one torch file without a suffix, and the config of the git repository.

    Upstream's class `VQVAE` is not used, because it loads the file on the device it was saved on. Its few lines between
    the three modules are repeated in `encode` and `decode`; tests compare the two on the real class.
    """

    package: ClassVar[str]
    """Upstream's package, with the modules `models` and `env`."""
    arguments_type: ClassVar[type[AcademiArguments]] = AcademiArguments

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        self.arguments = read_arguments(entry, self.arguments_type)

    def load(self) -> Model:
        """See `TorchCodec.load`."""
        configs = [weight for weight in self.entry.weights if weight.path.endswith(".json")]
        states = [weight for weight in self.entry.weights if not weight.path.endswith(".json")]
        if len(configs) != 1 or len(states) != 1:
            listed = ", ".join(weight.path for weight in self.entry.weights) or "(none)"
            raise RequestError(f"codec {self.entry.name}: weights must be a .json and one other file, not {listed}")
        path, config = self.weights.find(states[0]), self.weights.find(configs[0])
        stored = read_state(path)
        lacking = [part for part in PARTS if part not in stored]
        if lacking:
            raise RequestError(f"{path} is not the authors' file: it lacks {', '.join(lacking)}")
        model = self._described(config)
        for part in PARTS:
            fill(model[part], stored[part], path)
        return model

    def prepare(self, model: Model) -> None:
        """RequestError when the model's rate, hop, codebooks or codebook size are not the entry's."""
        settings, quantiser = self.settings(model), model["quantizer"]  # type: ignore[index]
        codebooks = quantiser.n_code_groups * quantiser.residul_layer
        require_equal(self.entry, "native rate", self.entry.native_rate, settings.sampling_rate)
        require_equal(self.entry, "hop", self.entry.hop, hop_length(settings))
        require_equal(self.entry, "codebooks", self.entry.codebooks, codebooks)
        require_equal(self.entry, "argument codebooks", self.arguments.codebooks, codebooks)
        require_equal(self.entry, "codebook size", self.entry.codebook_size, settings.n_codes)

    def settings(self, model: Any) -> Any:
        """Upstream's settings, the values of the JSON file as attributes."""
        return model["encoder"].h

    def _described(self, config: Path) -> Any:
        try:
            return new_model(self.package, json.loads(config.read_text(encoding="utf-8")))
        except (AttributeError, TypeError, json.JSONDecodeError) as error:
            raise RequestError(f"{config} does not describe a model of {self.package}: {error}") from error


def new_model(package: str, config: Mapping[str, Any]) -> Any:
    """The three modules of upstream's `package` with random weights, by their names in `PARTS`, as one module."""
    import torch

    models = importlib.import_module(f"{package}.models")
    settings = importlib.import_module(f"{package}.env").AttrDict(config)
    classes = (models.Encoder, models.Quantizer, models.Generator)
    return torch.nn.ModuleDict({part: new(settings) for part, new in zip(PARTS, classes, strict=True)})


def hop_length(settings: Any) -> int:
    """Native samples of one frame. The file's own `hop_size` is that of the mel spectrogram of its loss."""
    return math.prod(settings.upsample_rates)


def by_frame(indices: Sequence[torch.Tensor], items: int) -> torch.Tensor:
    """Upstream's codes, for each codebook `(items * frames,)`, as `(items, codebooks, frames)`."""
    import torch

    return torch.stack([codes.reshape(items, -1) for codes in indices], dim=1)
