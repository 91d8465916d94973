"""HILCodec (Ahn et al. 2024, "HILCodec: High Fidelity and Lightweight ..."), the authors' ONNX graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from grid.codecs.contract import ADAPTERS, Adapter, Samples
from grid.codecs.entry import CatalogueEntry
from grid.codecs.torch_codec import Arguments, read_arguments
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

HOP = 320
Codes = NDArray[np.int64]
Vectors = NDArray[np.float32]


class HilcodecArguments(Arguments):
    """`codebooks`: residual codebooks of 1024 vectors, 0.75 kbit/s each; the model was trained to use 2, 4 or 8.

    `frames`: hops of 320 samples in one call of a graph, 1 as the authors'. It changes speed and rounding, no more.
    """

    codebooks: int = Field(ge=1, le=8)
    frames: int = Field(default=1, ge=1)


@ADAPTERS.register("hilcodec")
class HilcodecAdapter(Adapter):
    """Encoder, eight quantisers, eight codebooks and decoder, all causal, on one CPU thread for every `device`.

    The graphs keep no state: it is an output of each call and an input of the next, so one session serves all
    utterances, each starting with the zeros of the two `cache` files.

    The delay is 0: by derivation (frame k is made of samples up to the end of its hop, and decoded into that hop), and
    in what the authors publish: their graphs' input and output (30.6 s) correlate best at lag 0, coefficient 0.87.
    """

    revision: ClassVar[int] = 1
    max_batch: ClassVar[int | None] = 1

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        self.arguments = read_arguments(entry, HilcodecArguments)
        self._sessions: dict[str, InferenceSession] = {}

    def code(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
        """Zero-padded to whole hops, coded call by call: `(batch, samples)` to `(batch, whole hops)`."""
        return np.stack([self.decode(self.encode(row)) for row in waveforms])

    def encode(self, waveform: Samples) -> Codes:
        """`(samples,)` at 24 kHz to codes `(codebooks, frames)`, 0..1023."""
        padded = np.pad(waveform, (0, -waveform.size % HOP)).astype(np.float32)[None, None]
        latents = self._stream("enc", "wav_in", np.split(padded, self._bounds(padded.shape[2] // HOP, HOP), axis=2))
        return self.quantise(np.concatenate(latents, axis=1))

    def quantise(self, latents: Vectors) -> Codes:
        """`(1, frames, 128)` to codes `(codebooks, frames)`; each codebook quantises what is left of the previous."""
        codes = []
        for index in range(self.arguments.codebooks):
            vectors, code = self._session(f"vq{index}").run(None, {"x": latents})
            latents = latents - vectors
            codes.append(code[0])
        return np.stack(codes)

    def restore(self, codes: Codes) -> Vectors:
        """The sum `(1, frames, 128)` of the codebook vectors of codes `(codebooks, frames)`."""
        rows = [self._session(f"deq{index}").run(None, {"idx": row[None]})[0] for index, row in enumerate(codes)]
        total: Vectors = np.sum(rows, axis=0, dtype=np.float32)
        return total

    def decode(self, codes: Codes) -> Samples:
        """Codes `(codebooks, frames)` to samples `(frames * 320,)` within -1 and 1."""
        vectors = self.restore(codes)
        decoded = self._stream("dec", "q", np.split(vectors, self._bounds(vectors.shape[1], 1), axis=1))
        return np.concatenate(decoded, axis=2)[0, 0]

    def _bounds(self, frames: int, size: int) -> list[int]:
        return [frame * size for frame in range(self.arguments.frames, frames, self.arguments.frames)]

    def _stream(self, graph: str, name: str, parts: Sequence[Vectors]) -> list[Vectors]:
        """The first output for each of `parts`; the others are the state for the next call, in the inputs' order."""
        session, state = self._session(graph), self._initial_state(graph)
        outputs = []
        for part in parts:
            output, *values = session.run(None, {name: part, **state})
            state = dict(zip(state, values, strict=True))
            outputs.append(output)
        return outputs

    def _initial_state(self, graph: str) -> Mapping[str, Any]:
        with np.load(self._find(f"cache_{graph}")) as stored:
            return {name: stored[name] for name in stored.files}

    def _session(self, graph: str) -> InferenceSession:
        if graph not in self._sessions:
            path = self._find(graph)
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            self._sessions[graph] = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return self._sessions[graph]

    def _find(self, part: str) -> Path:
        for weight in self.entry.weights:
            if PurePosixPath(weight.path).stem.endswith(f"_{part}"):
                return self.weights.find(weight)
        raise RequestError(f"codec {self.entry.name}: the catalogue names no weights file for {part}")
