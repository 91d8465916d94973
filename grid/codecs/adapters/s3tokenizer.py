"""S3Tokenizer v2 (Du et al. 2024, "CosyVoice 2: ...") with CosyVoice 2's flow and vocoder as its decoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from grid.codecs.contract import ADAPTERS, Samples, resample
from grid.codecs.entry import CatalogueEntry
from grid.codecs.shared.cosyvoice import (
    FRAMES_PER_TOKEN,
    RATE,
    CosyVoiceSizes,
    SpeakerEncoder,
    mel_frames,
    new_flow,
    new_vocoder,
)
from grid.codecs.torch_codec import Arguments, TorchCodec, fill, read_arguments, read_state, require_equal, whole_hops
from grid.core.errors import RequestError
from grid.core.weight_file import WeightFile
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Model, Signal

TOKENIZER_RATE = 16_000
HOP = 640


class S3TokenizerArguments(Arguments):
    """`prompt`: what the flow continues. The speaker vector, which the decoder requires, is always the utterance's.

    `utterance`: tokens and mel frames of the utterance itself, so that the flow sees its target. `none`: neither; voice
    and channel come from the speaker vector alone.
    """

    prompt: Literal["utterance", "none"]


@ADAPTERS.register("s3tokenizer")
class S3TokenizerAdapter(TorchCodec):
    """Tokenises at 16 kHz and decodes at 24 kHz, without a language model: upstream's voice conversion to itself.

    The samples are brought to 24 kHz and back here, because both rates are needed within one call. Prompt tokens and
    prompt frames are cut to two frames per token, as upstream does for zero-shot synthesis but not for conversion:
    otherwise the output would be up to two frames late.

    The package tokenises more than 30 s in windows of 30 s that overlap by 4 s. The flow attends to the whole
    utterance and accepts one at a time. It starts from a fixed noise; noise and phases of the vocoder's source are
    drawn from the item's seed.

    The delay is 0 by derivation (the real weights were not run): token k begins at sample 640 k, its two mel frames
    lie centred on its two halves, and the vocoder makes 480 samples of each frame.
    """

    revision: ClassVar[int] = 1
    max_batch: ClassVar[int | None] = 1
    minimum_samples: ClassVar[int] = TOKENIZER_RATE // 2  # a speaker vector of a shorter item is meaningless
    sizes: ClassVar[CosyVoiceSizes] = CosyVoiceSizes()

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        self.arguments = read_arguments(entry, S3TokenizerArguments)
        self.speaker: Callable[[Samples], Samples] | None = None

    def load(self) -> Model:
        """See `TorchCodec.load`; the tokenizer and the speaker encoder are ONNX files, which hold no code."""
        import torch

        names = ("speech_tokenizer_v2.onnx", "campplus.onnx", "flow.pt", "hift.pt")
        tokens, speaker, flow, vocoder = (self.weights.find(self._file(name)) for name in names)
        parts: Any = {"flow": new_flow(self.sizes), "vocoder": new_vocoder(self.sizes)}
        fill(parts["flow"], read_state(flow), flow)
        state = {name.removeprefix("generator."): tensor for name, tensor in read_state(vocoder).items()}
        fill(parts["vocoder"], state, vocoder)
        self.speaker = SpeakerEncoder(speaker)
        return torch.nn.ModuleDict({"tokenizer": self.load_tokenizer(tokens), **parts})

    def load_tokenizer(self, path: Path) -> Model:
        """The tokenizer with the weights of the ONNX graph at `path`; RequestError when they are not its own."""
        from s3tokenizer import S3TokenizerV2

        tokenizer: Any = S3TokenizerV2("speech_tokenizer_v2_25hz")
        try:
            tokenizer.init_from_onnx(str(path))
        except Exception as error:  # onnx, protobuf and torch raise their own
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise RequestError(f"{path} does not hold the weights of S3TokenizerV2: {reason}") from error
        loaded: Model = tokenizer
        return loaded

    def prepare(self, model: Model) -> None:
        """RequestError when rate, hop or codebook size of tokenizer and flow are not the entry's."""
        parts: Any = model
        require_equal(self.entry, "native rate", self.entry.native_rate, TOKENIZER_RATE)
        require_equal(self.entry, "hop", self.entry.hop, HOP)
        for size in (parts["tokenizer"].quantizer.codebook_size, parts["flow"].vocab_size):
            require_equal(self.entry, "codebook size", self.entry.codebook_size, size)

    def encode(self, signal: Signal) -> Signal:
        """`(1, 1, samples)` to integer codes `(1, 1, tokens)`."""
        parts: Any = self.model  # before the import, so that missing weights are reported first
        tokenizer = parts["tokenizer"]
        import s3tokenizer

        mel = s3tokenizer.log_mel_spectrogram(whole_hops(signal, HOP)[0, 0], n_mels=tokenizer.config.n_mels)
        mels, lengths = s3tokenizer.padding([mel])
        tokens, counts = tokenizer.quantize(mels.to(signal.device), lengths.to(signal.device))
        codes: Signal = tokens[:, None, : int(counts[0])]
        return codes

    def decode(self, codes: Signal, waveform: Samples, seed: int) -> Signal:
        """Codes `(1, 1, tokens)` and the utterance `(1, samples)` at 16 kHz, the prompt, to `(1, 960 * tokens)`."""
        import torch

        parts: Any = self.model
        tokens = codes[:, 0].to(torch.int32)
        prompt_tokens, prompt_mel = self._prompt(tokens, waveform)
        self._require_noise(tokens.shape[1] + prompt_tokens.shape[1])
        devices = [tokens.device] if tokens.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            mel = parts["flow"].inference(
                token=tokens,
                token_len=_length(tokens),
                prompt_token=prompt_tokens,
                prompt_token_len=_length(prompt_tokens),
                prompt_feat=prompt_mel,
                prompt_feat_len=_length(prompt_mel),
                embedding=torch.from_numpy(self._speaker()(waveform)).to(tokens.device),
                streaming=False,
                finalize=True,
            )[0]
            decoded: Signal = parts["vocoder"].inference(speech_feat=mel)[0]
        return decoded

    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """See `TorchCodec.pass_through`; the vocoder's noise is a function of `seeds[0]`."""
        import torch

        waveform: Samples = whole_hops(signal, HOP)[:, 0].cpu().numpy()
        decoded = self.decode(self.encode(signal), waveform, seeds[0])
        back = resample(decoded.float().cpu().numpy(), RATE, TOKENIZER_RATE)
        return torch.from_numpy(back)[:, None]

    def _prompt(self, tokens: Signal, waveform: Samples) -> tuple[Signal, Signal]:
        """Prompt tokens `(1, n)` and mel frames `(1, 2 n, 80)`; n is 0 without a prompt."""
        import torch

        mel = mel_frames(torch.from_numpy(resample(waveform, TOKENIZER_RATE, RATE)).to(tokens.device))
        kept = min(tokens.shape[1], mel.shape[1] // FRAMES_PER_TOKEN) if self.arguments.prompt == "utterance" else 0
        return tokens[:, :kept], mel[:, : kept * FRAMES_PER_TOKEN]

    def _require_noise(self, tokens: int) -> None:
        parts: Any = self.model
        frames = parts["flow"].decoder.rand_noise.shape[2]
        if tokens * FRAMES_PER_TOKEN > frames:
            seconds = frames * HOP / FRAMES_PER_TOKEN / TOKENIZER_RATE
            raise RequestError(
                f"codec {self.entry.name}: the flow makes up to {seconds:.0f} s, prompt included, "
                f"but {tokens * HOP / TOKENIZER_RATE:.0f} s are requested: split the utterance"
            )

    def _speaker(self) -> Callable[[Samples], Samples]:
        if self.speaker is None:
            raise RequestError(f"codec {self.entry.name}: a model handed in needs its `speaker` set too")
        return self.speaker

    def _file(self, name: str) -> WeightFile:
        for weight in self.entry.weights:
            if weight.path.endswith(f"/{name}"):
                return weight
        raise RequestError(f"codec {self.entry.name}: the catalogue names no weights file {name}")


def _length(sequence: Signal) -> Signal:
    """The length of the second axis, `(1,)` int32, on the device of `sequence`."""
    import torch

    return torch.tensor([sequence.shape[1]], dtype=torch.int32, device=sequence.device)
