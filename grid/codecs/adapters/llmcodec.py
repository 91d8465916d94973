"""LLM-Codec (Yang et al. 2024, "UniAudio 1.5"), whose codes are words of LLaMA 2; noise seeded per utterance."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from grid.codecs.contract import ADAPTERS
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, TorchCodec, fill, read_arguments, read_state, require_equal
from grid.core.errors import RequestError, one_line
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    import torch

    from grid.codecs.torch_codec import Model, Signal

UPSTREAM = "codec.MSCodec"
STATE = "codec_model"
"""The key of the codec's state dict in semantic_acoustic.pth; others are of its training."""
CONFIG, TRAINED, WORDS, TOP_WORDS = "config.yaml", "semantic_acoustic.pth", "embed_llama2.pt", "layer1.pth"


class LlmCodecArguments(Arguments):
    """`codebooks`: one of 8.3, one of 16.7 and one of 33.3 frames per second; it must agree with the weights."""

    codebooks: int = Field(gt=0)


@ADAPTERS.register("llmcodec")
class LlmCodecAdapter(TorchCodec):
    """Codes a whole utterance; upstream pads it with zeros to a multiple of 0.24 s, the window of its attention.

    The constructor requires the embeddings of the words (LLaMA 2's, and those of the 3248 words of the first codebook),
    which the trained file then overwrites. Each forward projects all words of all codebooks, 67 billion multiplications
    for each of two, independently of the input: here this is done once, at loading. 1.5 s of noise took
    0.9 s of CPU time instead of upstream's 10.4 s, with equal samples (full size, random weights, one thread of an AMD
    EPYC, 3 runs of each in turn after one to warm up).

    The decoder's noise blocks draw from torch's generator of the device, which is seeded with each item's seed and
    restored afterwards: one seed gives different noise on a GPU and on a CPU.

    The delay is 0 by derivation (the real weights were not run): the layers are SNAC's, whose kernels and paddings
    mirror each other, and the coarser codebooks average whole groups of frames that start on the frame grid.
    """

    revision: ClassVar[int] = 1

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        self.arguments = read_arguments(entry, LlmCodecArguments)

    def load(self) -> Model:
        """See `TorchCodec.load`."""
        from grid.config.yaml_file import load_yaml

        files = {weight.path.rsplit("/", 1)[-1]: weight for weight in self.entry.weights}
        lacking = [name for name in (CONFIG, TRAINED, WORDS, TOP_WORDS) if name not in files]
        if lacking:
            raise RequestError(f"codec {self.entry.name}: the catalogue names no weights {', '.join(lacking)}")
        paths = {name: self.weights.find(weight) for name, weight in files.items()}
        stored = read_state(paths[TRAINED])
        if STATE not in stored:
            raise RequestError(f"{paths[TRAINED]} is not the authors' file: it lacks {STATE}")
        embeddings = {"local_embedding_path": str(paths[WORDS]), "global_embedding_path": str(paths[TOP_WORDS])}
        try:
            config = load_yaml(paths[CONFIG])["generator"]["config"]
            # the constructor reads both files with torch.load, which runs no code in them (weights_only, torch >= 2.6)
            model: Model = import_module(UPSTREAM).MSCodecLM(**{**config, **embeddings})
        except (AttributeError, KeyError, TypeError, pickle.UnpicklingError) as error:
            listed = ", ".join(str(paths[name]) for name in (CONFIG, WORDS, TOP_WORDS))
            reason = one_line(error, kind=False, first=True)
            raise RequestError(f"{listed} do not describe an MSCodecLM: {reason}") from error
        fill(model, stored[STATE], paths[TRAINED])
        return model

    def prepare(self, model: Model) -> None:
        """Projects the words once; RequestError when the model's rate, hop or codebooks are not the entry's."""
        codec: Any = model
        require_equal(self.entry, "native rate", self.entry.native_rate, codec.sampling_rate)
        require_equal(self.entry, "hop", self.entry.hop, int(codec.hop_length))
        require_equal(self.entry, "codebooks", self.entry.codebooks, codec.n_codebooks)
        require_equal(self.entry, "argument codebooks", self.arguments.codebooks, codec.n_codebooks)
        for quantiser in codec.quantizer.quantizers:
            if not quantiser.use_cblinear:
                raise RequestError(f"codec {self.entry.name}: upstream decodes no model without use_cblinear")
            project_words(quantiser)

    def encode(self, signal: Signal) -> list[Signal]:
        """`(batch, 1, samples)` to integer codes, of each codebook `(batch, frames / stride)`."""
        codec: Any = self.model
        codes: list[Signal] = codec.encode(signal)
        return codes

    def decode(self, codes: Sequence[Signal], seeds: Sequence[int]) -> Signal:
        """Integer codes to `(batch, 1, frames * hop)`; item i's noise is a function of `seeds[i]`."""
        import torch

        codec: Any = self.model
        vectors = codec.quantizer.from_codes(codes)
        decoded = []
        for item, seed in zip(vectors.split(1), seeds, strict=True):
            with seeded(seed, item.device):
                decoded.append(codec.decoder(item))
        return torch.cat(decoded)

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; item i's noise is a function of `seeds[i]`."""
        return self.decode(self.encode(signal), seeds)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Within it, torch's random numbers are a function of `seed`; its generators are restored afterwards."""
    import torch

    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def project_words(quantiser: Any) -> None:
    """Replaces a quantiser's embeddings by their projection to latents, and its projection by the identity."""
    import torch

    with torch.no_grad():
        words = quantiser.cb_proj(quantiser.codebook.weight)
    quantiser.codebook = torch.nn.Embedding.from_pretrained(words)
    quantiser.cb_proj = torch.nn.Identity()
