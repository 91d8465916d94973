"""Spectral Codecs (Langman et al. 2024, "Spectral Codecs: Spectrogram-Based Audio Codecs for ... Speech Synthesis")."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from grid.codecs.contract import ADAPTERS
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, fill, read_arguments, read_state, require_equal, whole_hops
from grid.config.yaml_file import load_yaml
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Model, Signal

CONFIG, WEIGHTS = "model_config.yaml", "model_weights.ckpt"
"""The two files in a .nemo archive."""
MODULES = "nemo.collections.tts.modules.audio_codec_modules"
ENCODER, QUANTISER, DECODER = "audio_encoder", "vector_quantizer", "audio_decoder"
CLASSES = frozenset(
    {
        "MultiBandMelEncoder",
        "FullBandMelEncoder",
        "MelSpectrogramProcessor",
        "GroupFiniteScalarQuantizer",
        "FiniteScalarQuantizer",
        "HiFiGANDecoder",
    }
)
"""The classes that a configuration may name. It comes with the weights: if it could name any, it could run any code."""


@ADAPTERS.register("spectralcodec")
class SpectralCodecAdapter(TorchCodec):
    """Codes a whole utterance through the encoder, quantiser and decoder of a .nemo archive, without a discriminator.

    The delay is 0 by derivation (the real weights were not run): mel frame k is centred on the middle of samples
    256 k to 256 k + 255, and all convolutions are symmetric. NeMo 3.0.0 counts one mel frame too few and silences the
    last, so a hop of zeros is appended to every item. Reflection needs four frames, including this one.
    """

    revision: ClassVar[int] = 1
    minimum_samples: ClassVar[int] = 3 * 256

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        read_arguments(entry, Arguments)

    def load(self) -> Model:
        """See `TorchCodec.load`."""
        archives = [weight for weight in self.entry.weights if weight.path.endswith(".nemo")]
        if len(archives) != 1:
            raise RequestError(f"codec {self.entry.name}: the catalogue must name one .nemo file, not {len(archives)}")
        path = self.weights.find(archives[0])
        with tempfile.TemporaryDirectory() as folder:
            config, weights = unpacked(path, Path(folder))
            return from_files(config, weights)

    def prepare(self, model: Model) -> None:
        """RequestError when the model's rate, hop, codebooks or codebook size are not the entry's."""
        codec: Any = model
        require_equal(self.entry, "native rate", self.entry.native_rate, codec.sample_rate)
        require_equal(self.entry, "hop", self.entry.hop, codec.samples_per_frame)
        require_equal(self.entry, "codebooks", self.entry.codebooks, codec.vector_quantizer.num_groups)
        size = codec.vector_quantizer.fsqs[0].codebook_size
        require_equal(self.entry, "codebook size", self.entry.codebook_size, size)

    def encode(self, signal: Signal) -> tuple[Signal, Signal]:
        """`(batch, 1, samples)` to integer codes `(codebooks, batch, frames)` and how many frames of each are coded."""
        import torch

        codec: Any = self.model
        hop = int(codec.samples_per_frame)
        audio = torch.nn.functional.pad(whole_hops(signal, hop), (0, hop))[:, 0]
        lengths = torch.full((len(audio),), audio.shape[-1], dtype=torch.long, device=audio.device)
        latents, frames = codec.audio_encoder(audio=audio, audio_len=lengths)
        return codec.vector_quantizer.encode(inputs=latents, input_len=frames), frames

    def decode(self, codes: Signal, frames: Signal) -> Signal:
        """Integer codes `(codebooks, batch, frames)` to `(batch, 1, frames * hop)`, silence after the coded frames."""
        codec: Any = self.model
        vectors = codec.vector_quantizer.decode(indices=codes, input_len=frames)
        audio: Signal = codec.audio_decoder(inputs=vectors, input_len=frames)[0]
        return audio[:, None]

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read."""
        return self.decode(*self.encode(signal))


def unpacked(archive: Path, folder: Path) -> tuple[Path, Path]:
    """The configuration and the weights of a .nemo archive, as files in `folder`; nothing else is extracted."""
    try:
        with tarfile.open(archive) as members:
            names = {Path(name).name: name for name in members.getnames()}
            missing = {CONFIG, WEIGHTS} - names.keys()
            if missing:
                raise RequestError(f"{archive} is no .nemo archive of a codec: it lacks {', '.join(sorted(missing))}")
            for name in (CONFIG, WEIGHTS):
                member = members.getmember(names[name])
                member.name = name
                members.extract(member, folder, filter="data")
    except tarfile.TarError as error:
        raise RequestError(f"{archive} cannot be read as a .nemo archive: {error}") from error
    return folder / CONFIG, folder / WEIGHTS


def from_files(config: Path, weights: Path) -> Model:
    """The codec that `config` describes, with `weights`; RequestError when the two do not fit each other."""
    state = read_state(weights)
    model = new_model(load_yaml(config), config)
    for part in (ENCODER, QUANTISER, DECODER):
        prefix = f"{part}."
        fill(
            getattr(model, part), {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}, weights
        )
    return model


def new_model(config: Mapping[str, Any], place: Path) -> Model:
    """Encoder, quantiser and decoder as `config` describes them, with random weights, as the parts of one module."""
    import torch

    model: Any = torch.nn.Module()
    for part in (ENCODER, QUANTISER, DECODER):
        setattr(model, part, instantiate(config.get(part), f"{place}: {part}"))
    model.sample_rate, model.samples_per_frame = config["sample_rate"], config["samples_per_frame"]
    codec: Model = model
    return codec


def instantiate(config: Any, place: str) -> Any:
    """The object that a `_target_` of NeMo's configuration names, with nested ones; RequestError but for `CLASSES`."""
    if isinstance(config, str) and "${" in config:
        raise RequestError(f"{place}: {config} refers to another value; save the model again, its values written out")
    if not isinstance(config, Mapping):
        return config
    target = str(config.get("_target_", "(none)"))
    module, _, name = target.rpartition(".")
    if module != MODULES or name not in CLASSES:
        raise RequestError(f"{place}: {target} is not built from a file. Choices: {', '.join(sorted(CLASSES))}")
    options = {key: instantiate(value, f"{place}.{key}") for key, value in config.items() if key != "_target_"}
    from nemo.collections.tts.modules import audio_codec_modules

    return getattr(audio_codec_modules, name)(**options)
