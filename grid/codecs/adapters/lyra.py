"""Lyra v2 (google/lyra): SoundStream encoder, residual quantiser and LyraGAN as three TFLite graphs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from grid.codecs.contract import ADAPTERS, Adapter, Samples
from grid.codecs.entry import CatalogueEntry
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

FRAME = 320
ALL_STAGES = 46
Codes = NDArray[np.int32]


@ADAPTERS.register("lyra")
class LyraAdapter(Adapter):
    """16 kHz in frames of 20 ms; `stages` of 4 bits each set the rate (16, 30, 46 are 3.2, 6.0, 9.2 kbit/s).

    Encoder and decoder keep their state from frame to frame, so every utterance gets new interpreters: resetting the
    variables of used ones does not give the same bits (ai-edge-litert 2.3.0), and making the three takes 9 ms.
    Real-time factor 0.02 on one thread of a 2-core server CPU.
    """

    revision: ClassVar[int] = 1
    max_batch: ClassVar[int | None] = 1

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        stages = entry.arguments.get("stages")
        if set(entry.arguments) != {"stages"} or not isinstance(stages, int) or not 1 <= stages <= ALL_STAGES:
            raise RequestError(f"codec {entry.name}: arguments must be stages: 1..{ALL_STAGES}, not {entry.arguments}")
        self.stages = stages
        self._graphs: dict[str, bytes] = {}

    def code(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
        """Zero-padded to whole frames, coded one by one: `(batch, samples)` to `(batch, whole frames)`."""
        return np.stack([self.decode(self.encode(row)) for row in waveforms])

    def encode(self, waveform: Samples) -> Codes:
        """`(samples,)` at 16 kHz to codes `(frames, 46)`: 0..15, and -1 in the stages that are not used."""
        frames = np.pad(waveform, (0, -waveform.size % FRAME)).reshape(-1, 1, FRAME).astype(np.float32)
        encoder = self._interpreter("soundstream_encoder")
        quantise = self._interpreter("quantizer").get_signature_runner("encode")
        stages = np.int32(self.stages)
        features = _run_frames(encoder, frames)
        codes = [quantise(input_frames=item, num_quantizers=stages)["output_0"].ravel() for item in features]
        return np.stack(codes)

    def decode(self, codes: Codes) -> Samples:
        """Codes `(frames, 46)` to samples `(frames * 320,)`, which may pass 1 slightly."""
        restore = self._interpreter("quantizer").get_signature_runner("decode")
        rows = codes.astype(np.int32).reshape(-1, ALL_STAGES, 1, 1)
        features = np.stack([restore(encoding_indices=row)["output_0"].copy() for row in rows])
        return _run_frames(self._interpreter("lyragan"), features).ravel()

    def _interpreter(self, graph: str) -> Interpreter:
        from ai_edge_litert.interpreter import Interpreter

        if not self._graphs:
            paths = {PurePosixPath(item.path).stem: self.weights.find(item) for item in self.entry.weights}
            self._graphs = {name: path.read_bytes() for name, path in paths.items()}
        interpreter = Interpreter(model_content=self._graphs[graph], num_threads=1)
        interpreter.allocate_tensors()
        return interpreter


def _run_frames(interpreter: Interpreter, frames: Samples) -> Samples:
    """One call per frame of `(frames, ...)`; the graph keeps its state between calls."""
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]
    outputs = []
    for frame in frames:
        interpreter.set_tensor(source, frame)
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(target))
    return np.stack(outputs)
