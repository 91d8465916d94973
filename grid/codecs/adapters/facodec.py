"""FACodec V2 (Ju et al. 2024, "NaturalSpeech 3: Zero-Shot Speech Synthesis with Factorized Codec ..."), of Amphion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from grid.codecs.contract import ADAPTERS
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, fill, read_arguments, read_state, require_equal, whole_hops
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Model, Signal


@dataclass(frozen=True)
class FacodecSizes:
    """The sizes of the published model, which its files do not carry; from upstream's README.

    `latent` cannot differ from 256, the width of its transformers. `predictors`: the published decoder also holds the
    heads that were for training only.
    """

    filters: int = 32
    latent: int = 256
    decoder_channels: int = 1024
    codebook_dimension: int = 8
    codebook_bits: int = 10
    predictors: bool = True


PROSODY, CONTENT, DETAIL = 1, 2, 3
"""Codebooks of each factor, in the order of the codes (section 3.2 of the paper)."""
STRIDES = (2, 4, 5, 5)


@ADAPTERS.register("facodec")
class FACodecAdapter(TorchCodec):
    """Codes a whole utterance: six codes per frame, and the speaker vector, which is passed on unquantised.

    Upstream's README shows reconstruction (decoding with the speaker vector of the same utterance) for its first model
    and voice conversion for the second; here the second model reconstructs in the way of the first. The prosody
    quantiser of the second reads 20 mel bands, which have as many frames as the latents for whole hops only.

    One item at a time: upstream's positional encoding uses an item's index in the batch as its position in time, so
    that the output of an item would depend on its index.

    The delay is 0 by derivation (the real weights were not run): strided and transposed convolutions have the same
    kernels and paddings, the activations resample with symmetric filters, and the mel windows are centred.
    """

    revision: ClassVar[int] = 1
    max_batch: ClassVar[int | None] = 1
    minimum_samples: ClassVar[int] = 600  # the mel spectrum reflects 412 samples at each end
    sizes: ClassVar[FacodecSizes] = FacodecSizes()

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        read_arguments(entry, Arguments)

    def load(self) -> Model:
        """See `TorchCodec.load`."""
        paths = {}
        for part in ("encoder", "decoder"):
            files = [weight for weight in self.entry.weights if part in weight.path.rsplit("/", 1)[-1]]
            if len(files) != 1:
                raise RequestError(
                    f"codec {self.entry.name}: weights must be a file of the encoder and one of the decoder"
                )
            paths[part] = self.weights.find(files[0])
        model = new_model(self.sizes)
        for part, path in paths.items():
            fill(model[part], read_state(path), path)
        loaded: Model = model
        return loaded

    def prepare(self, model: Model) -> None:
        """RequestError when the model's hop, codebooks or codebook size are not the entry's."""
        codec: Any = model
        quantisers = codec["decoder"].quantizer
        layers = [layer for quantiser in quantisers for layer in quantiser.layers]
        require_equal(self.entry, "hop", self.entry.hop, int(codec["encoder"].hop_length))
        require_equal(self.entry, "codebooks", self.entry.codebooks, len(layers))
        require_equal(self.entry, "codebook size", self.entry.codebook_size, layers[0].codebook_size)

    def encode(self, signal: Signal) -> tuple[Signal, Signal]:
        """`(1, 1, samples)` to integer codes `(1, codebooks, frames)` and the speaker vector `(1, latent)`."""
        codec: Any = self.model
        encoder, decoder = codec["encoder"], codec["decoder"]
        whole = whole_hops(signal, int(encoder.hop_length))
        _, codes, _, _, speaker = decoder(encoder(whole), encoder.get_prosody_feature(whole), eval_vq=False, vq=True)
        return codes.transpose(0, 1), speaker

    def decode(self, codes: Signal, speaker: Signal) -> Signal:
        """What `encode` returns to `(1, 1, frames * hop)`."""
        codec: Any = self.model
        decoder = codec["decoder"]
        decoded: Signal = decoder.inference(decoder.vq2emb(codes.transpose(0, 1)), speaker)
        return decoded

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; deterministic, `seeds` is not read."""
        return self.decode(*self.encode(signal))


def new_model(sizes: FacodecSizes) -> Any:
    """Upstream's encoder and decoder with random weights, as the `encoder` and `decoder` of one module."""
    import torch

    upstream: Any = import_module("ns3_codec")
    encoder = upstream.FACodecEncoderV2(ngf=sizes.filters, up_ratios=list(STRIDES), out_channels=sizes.latent)
    decoder = upstream.FACodecDecoderV2(
        in_channels=sizes.latent,
        upsample_initial_channel=sizes.decoder_channels,
        ngf=sizes.filters,
        up_ratios=list(reversed(STRIDES)),
        vq_num_q_c=CONTENT,
        vq_num_q_p=PROSODY,
        vq_num_q_r=DETAIL,
        vq_dim=sizes.latent,
        codebook_dim=sizes.codebook_dimension,
        codebook_size_prosody=sizes.codebook_bits,
        codebook_size_content=sizes.codebook_bits,
        codebook_size_residual=sizes.codebook_bits,
        use_gr_x_timbre=sizes.predictors,
        use_gr_residual_f0=sizes.predictors,
        use_gr_residual_phone=sizes.predictors,
    )
    return torch.nn.ModuleDict({"encoder": encoder, "decoder": decoder})
