"""SoCodec (Guo et al. 2024, "SoCodec: A Semantic-Ordered Multi-Stream Speech Codec ..."), of hhguo/SoCodec."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from grid.codecs.contract import ADAPTERS
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, fill, read_arguments, read_state, require_equal
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Model, Signal

HUBERT_MODULE = "socodec.utils.hubert"
HUBERT_HOP = 320
HUBERT_PADDING = 3_200
"""Zeros that upstream appends to an utterance, so that HuBERT's receptive field is filled at its end."""


class SoCodecArguments(Arguments):
    """`leading_silence`: samples of silence before the utterance, cut off after the decoder (upstream: 8000).

    The convolutions are causal, and without it the first tokens of an utterance are coded badly.
    """

    leading_silence: int = Field(ge=0)


@ADAPTERS.register("socodec")
class SoCodecAdapter(TorchCodec):
    """Codes a whole utterance: one token of each stream every 120 ms, and one ECAPA speaker vector, unquantised.

    Weights: two safetensors of the authors, the two configs of their repository, and Chinese HuBERT as transformers
    reads it (config.json, pytorch_model.bin). Upstream reads HuBERT with fairseq, from a pickle that runs code and
    through a package that Python 3.11 cannot import; transformers' class has the same layers. Upstream runs it in half
    precision, this adapter in single.

    The speaker vector and HuBERT's attention see the whole utterance: equal lengths only.

    The delay is 0 by derivation (the real weights were not run): token k begins with sample 1920 k, the decoder makes
    12 mel frames of each token at their own place, and the vocoder's kernels are symmetric.
    """

    revision: ClassVar[int] = 1

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        self.arguments = read_arguments(entry, SoCodecArguments)

    def load(self) -> Model:
        """See `TorchCodec.load`."""
        files = {Path(weight.path).name: self.weights.find(weight) for weight in self.entry.weights}
        tokenizer, vocoder = self._pair(files, "socodec_"), self._pair(files, "mel_vocoder_")
        model = new_model(tokenizer[0], vocoder[0], _read_hubert(files["config.json"], files["pytorch_model.bin"]))
        _fill_all_but_hubert(model["analyzer"], tokenizer[1])
        fill(model["vocoder"], read_state(vocoder[1]), vocoder[1])
        loaded: Model = model
        return loaded

    def prepare(self, model: Model) -> None:
        """RequestError when the model's rate, samples per token, streams or codebook size are not the entry's."""
        codec: Any = model
        analyser = codec["analyzer"]
        groups = analyser.tree_config[0]["n_groups"]
        size = math.prod(analyser.vq_config["codebook_size"])
        require_equal(self.entry, "native rate", self.entry.native_rate, analyser.mel_spectrogram.sampling_rate)
        require_equal(self.entry, "hop", self.entry.hop, analyser.n_samples_per_token)
        require_equal(self.entry, "codebooks", self.entry.codebooks, groups)
        require_equal(self.entry, "codebook size", self.entry.codebook_size, size)

    def encode(self, signal: Signal) -> tuple[Signal, Signal]:
        """`(batch, 1, samples)` to integer tokens and speaker vectors, `(batch, ...)` each."""
        import torch

        codec: Any = self.model
        lengths = torch.full((len(signal),), signal.shape[-1], device=signal.device)
        features = codec["analyzer"].extract_speech_tokens(signal[:, 0], lengths)
        return features["token"], features["spk"]

    def decode(self, tokens: Signal, speaker: Signal) -> Signal:
        """What `encode` returns to `(batch, 1, tokens * 1920)`."""
        codec: Any = self.model
        decoded: Signal = codec["vocoder"](codec["analyzer"].reconstruct_mel(tokens, spk=speaker)["mel_pred"])
        return decoded

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read."""
        import torch

        silence = self.arguments.leading_silence
        decoded = self.decode(*self.encode(torch.nn.functional.pad(signal, (silence, 0))))
        return decoded[..., silence:]

    def _pair(self, files: dict[str, Path], start: str) -> tuple[Path, Path]:
        """The config and the weights whose names begin with `start`."""
        pair = {name.rsplit(".", 1)[-1]: path for name, path in files.items() if name.startswith(start)}
        if pair.keys() != {"yaml", "safetensors"}:
            raise RequestError(f"codec {self.entry.name}: weights must hold {start}*.yaml and {start}*.safetensors")
        return pair["yaml"], pair["safetensors"]


def new_model(tokenizer: Path, vocoder: Path, hubert: Model) -> Any:
    """Upstream's tokenizer around `hubert`, and its vocoder, as two config files of upstream say; random weights.

    The result is one module with the parts `analyzer` and `vocoder`.
    """
    import torch

    with _in_place_of_fairseq(_content_features(hubert)):
        networks: Any = import_module("socodec.networks")
        parts = networks.build_network({"analyzer": {"_conf": str(tokenizer)}, "vocoder": {"_conf": str(vocoder)}})
    return torch.nn.ModuleDict(dict(parts))


def _content_features(hubert: Model) -> Model:
    """The replacement of upstream's `HuBERT`: the last layer of a transformers HubertModel, 50 frames per second.

    Called with `(batch, samples)` and lengths in samples, both whole multiples of 320; returns `(batch, frames, width)`
    and the lengths in frames. As in upstream, 0.2 s of zeros are appended, each item with them is normalised to zero
    mean and unit variance, and attention is masked in the frames of those zeros.
    """
    import torch

    class ContentFeatures(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = hubert

        def forward(self, waveforms: Signal, lengths: Signal) -> tuple[Signal, Signal]:
            frames = waveforms.shape[-1] // HUBERT_HOP
            padded = torch.nn.functional.pad(waveforms, (0, HUBERT_PADDING))
            mask = torch.zeros(padded.shape, dtype=torch.long, device=padded.device)
            # a frame needs 400 samples, so this many make `frames` of them
            mask[:, : (frames - 1) * HUBERT_HOP + 400] = 1
            normalised = torch.nn.functional.layer_norm(padded, padded.shape[-1:])
            features = self.model(normalised, attention_mask=mask).last_hidden_state[:, :frames]
            return features, torch.ceil(lengths / HUBERT_HOP).int()

    return ContentFeatures()


@contextmanager
def _in_place_of_fairseq(features: Model) -> Iterator[None]:
    """Within it, upstream's module `socodec.utils.hubert`, which imports fairseq, is one whose HuBERT is `features`."""
    before = sys.modules.get(HUBERT_MODULE)
    replacement: Any = ModuleType(HUBERT_MODULE)
    replacement.HuBERT = lambda: features
    sys.modules[HUBERT_MODULE] = replacement
    try:
        yield
    finally:
        sys.modules.pop(HUBERT_MODULE)
        if before is not None:
            sys.modules[HUBERT_MODULE] = before


def _read_hubert(config: Path, path: Path) -> Model:
    from transformers import HubertConfig, HubertModel

    model: Model = HubertModel(HubertConfig.from_json_file(config))
    fill(model, read_state(path), path)
    return model


def _fill_all_but_hubert(analyser: Any, path: Path) -> None:
    """Loads all tensors but HuBERT's from `path`; as upstream reads this file without `strict`, others are ignored."""
    state, own = read_state(path), analyser.state_dict()
    stored = {name: state[name] for name in own.keys() & state.keys() if not name.startswith("ssl_extractor.")}
    hubert = {name: tensor for name, tensor in own.items() if name.startswith("ssl_extractor.")}
    fill(analyser, {**hubert, **stored}, path)
