"""FunCodec (Du et al. 2024, "FunCodec: A Fundamental, Reproducible and Integrable ... Toolkit"), package funcodec."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from grid.codecs.contract import ADAPTERS
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, fill, read_arguments, read_state, require_equal, whole_hops
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Model, Signal

PARTS = ("encoder", "quantizer", "decoder")
"""The parts needed for coding; the others in a published file (discriminators) were for training."""


class FunCodecArguments(Arguments):
    """Options of upstream's inference.

    `codebooks`: how many are kept, from the first. `use_scale`: whether the decoder restores the RMS level that was
    normalised before encoding; this is one float32 per utterance, which the bit rate does not count.
    """

    codebooks: int = Field(gt=0)
    use_scale: bool


@ADAPTERS.register("funcodec")
class FunCodecAdapter(TorchCodec):
    """Codes a whole utterance with the `inference` of the package's models: Encodec (time) and FreqCodec (spectrum).

    Weights: config.yaml and model.pth of the hub. Only equal lengths may share a batch: the norms average over time.
    A FreqCodec gets zeros up to a whole hop of its STFT, without which it would lose the last few milliseconds.

    The delay is 0: the receptive field of an output sample, norms and LSTM aside, is centred on the input sample of the
    same index within a hop; tested for both models.
    """

    revision: ClassVar[int] = 1
    minimum_samples: ClassVar[int] = 320  # the STFT reflects 256 samples at each end

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        self.arguments = read_arguments(entry, FunCodecArguments)

    def load(self) -> Model:
        """See `TorchCodec.load`."""
        files = {weight.path.rsplit(".", 1)[-1]: weight for weight in self.entry.weights}
        if not {"yaml", "pth"} <= files.keys():
            raise RequestError(f"codec {self.entry.name}: weights must be config.yaml and model.pth")
        config, path = self.weights.find(files["yaml"]), self.weights.find(files["pth"])
        model = new_model(_read_config(config), config)
        state = read_state(path)
        for part in PARTS:
            fill(getattr(model, part), _below(state, part), path)
        return model

    def prepare(self, model: Model) -> None:
        """RequestError when the model's rate or hop, or the codebooks it has or is set to, are not the entry's."""
        codec: Any = model
        quantiser, count = codec.quantizer, self.arguments.codebooks
        if count > quantiser.rq.n_q:
            raise RequestError(
                f"codec {self.entry.name}: {count} codebooks requested, the model has {quantiser.rq.n_q}"
            )
        require_equal(self.entry, "native rate", self.entry.native_rate, codec.sample_rate)
        require_equal(self.entry, "hop", self.entry.hop, quantiser.encoder_hop_length)
        require_equal(self.entry, "codebooks", self.entry.codebooks, count)
        require_equal(self.entry, "codebook size", self.entry.codebook_size, quantiser.codebook_size)
        if self.arguments.use_scale and not codec.audio_normalize:
            raise RequestError(f"codec {self.entry.name}: use_scale is set, but the model does not normalise its input")

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read."""
        decoded: Signal = self.inference(signal)["recon_speech"]
        return decoded

    def inference(self, signal: Signal) -> dict[str, Any]:
        """Upstream's result for `(batch, 1, samples)`: `recon_speech`, and `code_indices`, which the decoder reads."""
        codec: Any = self.model
        quantiser = codec.quantizer
        rate = self.arguments.codebooks * quantiser.rq.get_bandwidth_per_quantizer(quantiser.sampling_rate)
        hop = int(codec.dec_trans_func.hop_length) if hasattr(codec, "dec_trans_func") else 1
        result: dict[str, Any] = codec.inference(
            whole_hops(signal, hop), bit_width=rate, use_scale=self.arguments.use_scale
        )
        return result


def new_model(config: Mapping[str, Any], source: Path) -> Any:
    """The package's model that a config.yaml (read from `source`) describes, with random weights, on the CPU.

    Without the discriminators and the mel spectra of the loss, which would require CUDA on any machine.
    """
    upstream: Any = import_module("funcodec.tasks.gan_speech_codec")
    try:
        settings = dict(config)
        settings["model_conf"] = {**config["model_conf"], "multi_spectral_window_powers_of_two": []}
        settings["discriminator_conf"] = {"disc_conf_list": []}
        return upstream.GANSpeechCodecTask.build_model(Namespace(**settings))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RequestError(f"{source} does not describe a FunCodec model: {type(error).__name__}: {error}") from error


def _read_config(path: Path) -> Mapping[str, Any]:
    from grid.config.yaml_file import load_yaml

    config = load_yaml(path)
    if not isinstance(config, Mapping):
        raise RequestError(f"{path} does not describe a FunCodec model: it holds no settings")
    return config


def _below(state: Mapping[str, Any], part: str) -> dict[str, Any]:
    return {name.removeprefix(f"{part}."): value for name, value in state.items() if name.startswith(f"{part}.")}
