"""What WavTokenizer and Language-Codec share: EnCodec's encoder, a Vocos decoder, a yaml file that describes both."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, fill, read_arguments, read_state, require_equal
from grid.core.errors import RequestError
from grid.core.weight_file import WeightFile
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Model, Signal


class EncodecVocosCodec(TorchCodec):
    """Codes a whole utterance; the decoder reads nothing but the codebook vectors of the integer codes.

    Weights: the yaml file of the training and its Lightning checkpoint, of which only encoder, quantiser and decoder
    are read. Both projects number the conditions of their decoder, and publish code for the first one only.
    """

    classes: ClassVar[Mapping[str, str]]
    """The parts of the yaml file and the only class that each may name, as upstream would instantiate any."""

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        read_arguments(entry, Arguments)

    @abstractmethod
    def upstream(self) -> Any:
        """Imports and returns the project's own class."""

    def load(self) -> Model:
        """See `TorchCodec.load`; RequestError also for a yaml file that names other classes."""
        config, path = (self.weights.find(self._file(ending)) for ending in (".yaml", ".ckpt"))
        model = self.new_model(config)
        stored = read_state(path).get("state_dict")
        if not isinstance(stored, Mapping):
            raise RequestError(f"{path} is no checkpoint of Lightning: it holds no state_dict")
        parts = tuple(f"{part}." for part in self.classes)
        fill(model, {name: tensor for name, tensor in stored.items() if name.startswith(parts)}, path)
        return model

    def new_model(self, config: Path) -> Model:
        """The model that `config` describes, with random weights and codebooks of zeros."""
        require_classes(config, self.classes)
        try:
            model: Model = self.upstream().from_hparams0802(str(config))
        except (KeyError, TypeError, ValueError) as error:
            raise RequestError(f"{config} does not describe a {self.entry.family} model: {error}") from error
        return model

    def prepare(self, model: Model) -> None:
        """RequestError when rate, hop, codebooks or their size are not the entry's, or the codebooks are untrained.

        Upstream would initialise untrained codebooks by k-means on the first utterance.
        """
        codec: Any = model
        encodec = codec.feature_extractor.encodec
        layers = encodec.quantizer.vq.layers
        require_equal(self.entry, "native rate", self.entry.native_rate, encodec.sample_rate)
        require_equal(self.entry, "hop", self.entry.hop, int(encodec.encoder.hop_length))
        require_equal(self.entry, "hop", self.entry.hop, codec.head.istft.hop_length)
        require_equal(self.entry, "codebooks", self.entry.codebooks, len(layers))
        require_equal(self.entry, "codebook size", self.entry.codebook_size, layers[0].codebook_size)
        if not all(bool(layer._codebook.inited) for layer in layers):
            raise RequestError(f"codec {self.entry.name}: the codebooks of this model were never trained")

    def encode(self, signal: Signal) -> Signal:
        """`(batch, 1, samples)` to integer codes `(codebooks, batch, frames)`."""
        codec: Any = self.model
        codes: Signal = codec.encode_infer(signal[:, 0], bandwidth_id=_first(signal))[1]
        return codes

    def decode(self, codes: Signal) -> Signal:
        """Integer codes `(codebooks, batch, frames)` to `(batch, 1, frames * hop)`."""
        codec: Any = self.model
        decoded: Signal = codec.decode(codec.codes_to_features(codes), bandwidth_id=_first(codes))
        return decoded[:, None]

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read."""
        return self.decode(self.encode(signal))

    def _file(self, ending: str) -> WeightFile:
        for weight in self.entry.weights:
            if weight.path.endswith(ending):
                return weight
        raise RequestError(f"codec {self.entry.name}: the catalogue names no weights file ending in {ending}")


def require_classes(config: Path, classes: Mapping[str, str]) -> None:
    """RequestError unless the yaml file at `config` names just these classes for these parts of a model."""
    from grid.config.yaml_file import load_yaml

    try:
        parts = load_yaml(config)["model"]["init_args"]
        named = {part: parts[part]["class_path"] for part in classes}
    except (KeyError, TypeError) as error:
        raise RequestError(f"{config} does not describe a model: {error!r}") from error
    if named != classes:
        raise RequestError(f"{config} names classes {sorted(named.values())}; known are {sorted(classes.values())}")


def _first(like: Signal) -> Signal:
    """The number of the decoder's first condition, on the device of `like`."""
    import torch

    return torch.tensor([0], device=like.device)
