"""The codec of OpenAudio S1-mini (Fish Audio 2025), DAC's layers made causal with transformers, from fish-speech."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from grid.codecs.contract import ADAPTERS
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, fill, read_arguments, read_state, require_equal
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Model, Signal

PREFIX = "generator."
"""Prefix of the codec's tensors in a file that also holds the discriminators."""


class OpenAudioArguments(Arguments):
    """`codebooks`: the semantic one of 4096 entries, and the residual ones of 1024 after it, from the first."""

    codebooks: int = Field(ge=2)


@dataclass(frozen=True)
class OpenAudioSizes:
    """Sizes of the published model, which its file does not carry: fish_speech/configs/modded_dac_vq.yaml."""

    encoder: int = 64
    decoder: int = 1536
    width: int = 1024
    layers: int = 8
    inner: int = 3072


@ADAPTERS.register("openaudio")
class OpenAudioAdapter(TorchCodec):
    """Codes a whole utterance. Weights: one plain state dict, which must hold every tensor of the model.

    The delay is 0 by derivation (the real weights were not run): all convolutions and attention are causal, and frame k
    starts at sample 2048 k, so that the output before a frame does not depend on the input in it.
    """

    revision: ClassVar[int] = 1
    sizes: ClassVar[OpenAudioSizes] = OpenAudioSizes()

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        self.arguments = read_arguments(entry, OpenAudioArguments)

    def load(self) -> Model:
        """See `TorchCodec.load`."""
        path = self.weights.find(self.entry.weights[0])
        stored = read_state(path)
        state: dict[str, Any] = stored.get("state_dict", stored)
        if any(name.startswith(PREFIX) for name in state):
            state = {name.removeprefix(PREFIX): value for name, value in state.items() if name.startswith(PREFIX)}
        model = new_model(self.sizes)
        own = model.state_dict().keys()
        fill(model, {name: value for name, value in state.items() if name in own}, path)
        return model

    def prepare(self, model: Model) -> None:
        """RequestError when rate or hop, or the codebooks the model has or is set to, are not the entry's."""
        codec: Any = model
        available, count = 1 + codec.quantizer.quantizer.n_codebooks, self.arguments.codebooks
        if count > available:
            raise RequestError(f"codec {self.entry.name}: {count} codebooks requested, the model has {available}")
        require_equal(self.entry, "native rate", self.entry.native_rate, codec.sample_rate)
        require_equal(self.entry, "hop", self.entry.hop, int(codec.frame_length))
        require_equal(self.entry, "codebooks", self.entry.codebooks, count)

    def encode(self, signal: Signal) -> Signal:
        """`(batch, 1, samples)` to integer codes `(batch, codebooks, frames)`."""
        codec: Any = self.model
        codes: Signal = codec.encode(signal, n_quantizers=self.arguments.codebooks - 1)[0]
        return codes

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read."""
        codec: Any = self.model
        decoded: Signal = codec.from_indices(self.encode(signal))
        return decoded


def new_model(sizes: OpenAudioSizes) -> Model:
    """The codec with random weights, as fish-speech's hydra configuration would make it."""
    from fish_speech.models.dac.modded_dac import DAC, ModelArgs, WindowLimitedTransformer
    from fish_speech.models.dac.rvq import DownsampleResidualVectorQuantize

    def arguments(**options: Any) -> Any:
        return ModelArgs(**{"block_size": 8192, "n_local_heads": -1, "head_dim": 64, "norm_eps": 1e-5, **options})

    def transformer() -> Model:
        heads = sizes.width // 64
        config = arguments(n_layer=sizes.layers, n_head=heads, dim=sizes.width, intermediate_size=sizes.inner)
        return without_masks(WindowLimitedTransformer(config, input_dim=sizes.width, window_size=128, causal=True))

    quantizer = DownsampleResidualVectorQuantize(
        input_dim=sizes.width,
        n_codebooks=9,
        codebook_size=1024,
        codebook_dim=8,
        quantizer_dropout=0.5,
        downsample_factor=[2, 2],
        pre_module=transformer(),
        post_module=transformer(),
        semantic_codebook_size=4096,
    )
    codec = DAC(
        sample_rate=44_100,
        encoder_dim=sizes.encoder,
        encoder_rates=[2, 4, 8, 8],
        decoder_dim=sizes.decoder,
        decoder_rates=[8, 8, 4, 2],
        encoder_transformer_layers=[0, 0, 0, 4],
        decoder_transformer_layers=[4, 0, 0, 0],
        transformer_general_config=arguments,
        quantizer=quantizer,
    )
    return without_masks(codec)


def without_masks(model: Model) -> Model:
    """`model` without the table of 32768 x 32768 (1 GiB) in each transformer, which only streaming inference reads."""
    for module in model.modules():
        if "causal_mask" in dict(module.named_buffers(recurse=False)):
            module.register_buffer("causal_mask", None, persistent=False)
    return model
