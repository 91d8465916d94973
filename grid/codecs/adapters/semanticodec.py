"""SemantiCodec (Liu et al. 2024, "SemantiCodec: An Ultra Low Bitrate Semantic Audio Codec for General Sound")."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from grid.codecs.contract import ADAPTERS
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, fill, read_arguments, read_state, require_equal
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from pathlib import Path

    from grid.codecs.torch_codec import Model, Signal

RATE = 16_000
WINDOW_SAMPLES = 163_840
"""10.24 s, the input of AudioMAE; silence fills the last window, and a full last window is followed by an empty one."""
WINDOW_FRAMES = 1_024
PATCH_SECONDS = 0.16
TOKENS_PER_PATCH = 8
"""Of each of the two streams at the highest rate: 100 tokens per second in upstream's count of both streams."""


class SemantiCodecArguments(Arguments):
    """`token_rate` counts both streams; `semantic_vocabulary` is upstream's name for the rows of its first codebook.

    `diffusion_steps` (DDIM) and `guidance` are upstream's defaults, 50 and 2.0: no paper states others.
    """

    token_rate: Literal[25, 50, 100]
    semantic_vocabulary: Literal[4096, 8192, 16384, 32768]
    diffusion_steps: int = Field(gt=0)
    guidance: float = Field(ge=1.0)


@ADAPTERS.register("semanticodec")
class SemantiCodecAdapter(TorchCodec):
    """Codes one utterance in windows of 10.24 s and decodes it by diffusion, its noise drawn from the item's seed.

    Upstream reads a file and its constructor downloads and picks a device. Here the samples go straight to upstream's
    own filter bank, encoder and decoder, which are built from the entry's files. The noise is drawn on the device, so
    a GPU and a CPU give different samples for one seed.

    The delay is 0 by derivation (the real weights were not run): tokens keep the grid of patches that starts at the
    first sample, and the decoder was trained to reproduce the waveform that the encoder reads.
    """

    revision: ClassVar[int] = 1
    max_batch: ClassVar[int | None] = 1

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        self.arguments = read_arguments(entry, SemantiCodecArguments)

    def load(self) -> Model:
        """See `TorchCodec.load`; upstream's two checkpoints are plain state dicts, its semantic codebook an array."""
        encoder_file, decoder_file = self._file("encoder.ckpt"), self._file("decoder.ckpt")
        centroids = self._file(".npy")

        from semanticodec.config import get_config
        from semanticodec.modules.decoder.latent_diffusion.util import instantiate_from_config
        from semanticodec.modules.encoder.encoder import AudioMAEConditionQuantResEncoder

        arguments = self.arguments
        config, _, features, layers, _ = get_config(arguments.token_rate, arguments.semantic_vocabulary)
        encoder = AudioMAEConditionQuantResEncoder(
            feature_dimension=features, lstm_layer=layers, centroid_npy_path=str(centroids)
        )
        fill(encoder, read_state(encoder_file), encoder_file)
        decoder = instantiate_from_config(config["model"])
        fill(decoder, read_state(decoder_file), decoder_file)
        return assembled(encoder, decoder, arguments)

    def prepare(self, model: Model) -> None:
        """RequestError when the model is not the entry's; its diffusion runs on `device`, without a progress bar."""
        import torch
        from semanticodec.modules.decoder.latent_diffusion.models import ddim
        from tqdm import tqdm

        codec: Any = model
        require_equal(self.entry, "native rate", self.entry.native_rate, RATE)
        require_equal(self.entry, "token rate", self.arguments.token_rate, codec.token_rate)
        require_equal(
            self.entry, "semantic features", codec.encoder.feature_dimension, codec.encoder.centroid_npy.shape[1]
        )
        ddim.tqdm = partial(tqdm, disable=True)
        codec.device = codec.decoder.device = torch.device(self.device)

    def encode(self, signal: Signal) -> Signal:
        """`(1, 1, samples)` to integer tokens `(1, tokens, 2)`, semantic and acoustic."""
        codec: Any = self.model
        tokens: Signal = codec.encoder(filter_bank(signal[0]).to(self.device))
        return tokens[:, : token_count(signal.shape[-1], self.arguments.token_rate)]

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; all noise of the diffusion is a function of `seeds[0]`."""
        import torch

        codec: Any = self.model
        tokens = self.encode(signal)
        on_gpu = [signal.device] if signal.device.type == "cuda" else []
        with torch.random.fork_rng(devices=on_gpu):
            torch.manual_seed(seeds[0])
            return torch.from_numpy(codec.decode(tokens))

    def _file(self, ending: str) -> Path:
        for weight in self.entry.weights:
            if weight.path.endswith(ending):
                return self.weights.find(weight)
        raise RequestError(f"codec {self.entry.name}: the catalogue names no weights file ending in {ending}")


def token_count(samples: int, token_rate: int) -> int:
    """How many tokens upstream keeps for `samples`: those of all started patches, and of one more after whole patches.

    Computed in floating point as upstream does, so that an utterance of whole patches is cut at the same token.
    """
    seconds = samples / RATE
    padded = seconds + (PATCH_SECONDS - seconds % PATCH_SECONDS)
    return math.ceil(TOKENS_PER_PATCH * padded / PATCH_SECONDS / (100 / token_rate))


def filter_bank(waveform: Signal) -> Signal:
    """Upstream's log mel frames `(1, frames, 128)` of `(1, samples)`, padded with silence to whole windows."""
    import torch
    from semanticodec.utils import extract_kaldi_fbank_feature

    windows = waveform.shape[-1] // WINDOW_SAMPLES + 1
    padded = torch.nn.functional.pad(waveform.cpu(), (0, windows * WINDOW_SAMPLES - waveform.shape[-1]))
    frames: Signal = extract_kaldi_fbank_feature(padded, RATE, target_length=windows * WINDOW_FRAMES)["ta_kaldi_fbank"]
    return frames[None]


def assembled(encoder: Model, decoder: Model, arguments: SemantiCodecArguments) -> Model:
    """Upstream's model around existing parts, without its constructor, which downloads files."""
    import torch
    from semanticodec.main import SemantiCodec

    codec: Any = SemantiCodec.__new__(SemantiCodec)
    torch.nn.Module.__init__(codec)
    codec.encoder, codec.decoder = encoder, decoder
    codec.token_rate, codec.stack_factor_K = arguments.token_rate, 100 / arguments.token_rate
    codec.ddim_sample_step, codec.cfg_scale = arguments.diffusion_steps, arguments.guidance
    model: Model = codec
    return model
