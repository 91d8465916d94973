"""Vocos (Siuzdak 2024, "Vocos: Closing the gap ...") as the decoder of EnCodec's codes, package vocos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from grid.codecs.adapters.encodec import require_digest_in_name
from grid.codecs.contract import ADAPTERS
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, fill, read_arguments, read_state, require_equal
from grid.core.errors import RequestError
from grid.core.weight_file import WeightFile
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Model, Signal

ENCODEC = "feature_extractor.encodec."
"""Prefix of EnCodec's tensors inside a Vocos model; the published file does not contain them."""
CLASSES = {
    "feature_extractor": "vocos.feature_extractors.EncodecFeatures",
    "backbone": "vocos.models.VocosBackbone",
    "head": "vocos.heads.ISTFTHead",
}
"""The only classes that config.yaml may name, as the package would instantiate any."""


class VocosArguments(Arguments):
    """`bandwidth` of EnCodec in kbit/s: 1.5, 3, 6 or 12; the backbone is conditioned on it.

    `decoded_as` conditions the backbone on another one; MARS5 uses a lower one, for a smoother sound.
    """

    bandwidth: float
    decoded_as: float | None = None

    @property
    def condition(self) -> float:
        """The bandwidth on which the backbone is conditioned, in kbit/s."""
        return self.bandwidth if self.decoded_as is None else self.decoded_as


@ADAPTERS.register("vocos")
class VocosAdapter(TorchCodec):
    """Codes a whole utterance: EnCodec's encoder and quantiser, then Vocos on the sum of the codebook vectors.

    Weights: config.yaml and a plain state dict of Vocos, and EnCodec's own file, which the package would download.

    The delay is 0 by derivation (the real weights were not run): frame k of EnCodec starts at sample 320 k, and the
    inverse transform places window k around the middle of that frame.
    """

    revision: ClassVar[int] = 1

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        self.arguments = read_arguments(entry, VocosArguments)

    def load(self) -> Model:
        """See `TorchCodec.load`; the SHA-256 of EnCodec's file must begin with the eight digits in its name."""
        config, path, encodec = (self.weights.find(self._file(ending)) for ending in (".yaml", ".bin", ".th"))
        require_digest_in_name(encodec)
        model = new_model(config)
        inherited = {f"{ENCODEC}{name}": tensor for name, tensor in read_state(encodec).items()}
        fill(model, {**read_state(path), **inherited}, path)
        return model

    def prepare(self, model: Model) -> None:
        """RequestError when the model lacks the bandwidth or the entry's rate, hop or codebooks differ."""
        codec: Any = model
        features = codec.feature_extractor
        for bandwidth in (self.arguments.bandwidth, self.arguments.condition):
            if bandwidth not in features.bandwidths:
                raise RequestError(
                    f"codec {self.entry.name}: no bandwidth {bandwidth} kbit/s in this model. "
                    f"Choices: {', '.join(map(str, features.bandwidths))}"
                )
        encodec = features.encodec
        codebooks = encodec.quantizer.get_num_quantizers_for_bandwidth(encodec.frame_rate, self.arguments.bandwidth)
        require_equal(self.entry, "native rate", self.entry.native_rate, encodec.sample_rate)
        require_equal(self.entry, "hop", self.entry.hop, codec.head.istft.hop_length)
        require_equal(self.entry, "codebooks", self.entry.codebooks, codebooks)

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read."""
        import torch

        codec: Any = self.model
        index_of = codec.feature_extractor.bandwidths.index
        coded, condition = (
            torch.tensor([index_of(bandwidth)], device=signal.device)
            for bandwidth in (self.arguments.bandwidth, self.arguments.condition)
        )
        features = codec.feature_extractor(signal[:, 0], bandwidth_id=coded)
        decoded: Signal = codec.decode(features, bandwidth_id=condition)
        return decoded[:, None]

    def _file(self, ending: str) -> WeightFile:
        for weight in self.entry.weights:
            if weight.path.endswith(ending):
                return weight
        raise RequestError(f"codec {self.entry.name}: the catalogue names no weights file ending in {ending}")


def new_model(config: Path) -> Model:
    """Vocos as `config` describes it, with random weights; RequestError when it names other classes than `CLASSES`."""
    from vocos import Vocos

    from grid.config.yaml_file import load_yaml

    try:
        parts = load_yaml(config)
        named = {part: parts[part]["class_path"] for part in CLASSES}
    except (KeyError, TypeError) as error:
        raise RequestError(f"{config} does not describe a Vocos model: {error!r}") from error
    if named != CLASSES:
        raise RequestError(f"{config} names classes {sorted(named.values())}; known are {sorted(CLASSES.values())}")
    try:
        with encodec_untrained():
            model: Model = Vocos.from_hparams(str(config))
    except (TypeError, ValueError) as error:
        raise RequestError(f"{config} does not describe a Vocos model: {error}") from error
    return model


@contextmanager
def encodec_untrained() -> Iterator[None]:
    """Within it, EnCodec's 24 kHz model has random weights, where Vocos would download the trained ones."""
    from encodec import EncodecModel

    trained = EncodecModel.__dict__["encodec_model_24khz"]
    make = EncodecModel.encodec_model_24khz

    def untrained(*, pretrained: bool = False) -> Model:
        model: Model = make(pretrained=False)
        return model

    EncodecModel.encodec_model_24khz = staticmethod(untrained)
    try:
        yield
    finally:
        EncodecModel.encodec_model_24khz = trained
