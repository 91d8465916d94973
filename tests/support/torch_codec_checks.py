"""What the tests of torch codecs share: small entries, speech-like input, alignment, and files with code in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from grid.codecs.contract import ADAPTERS, Codec
from grid.codecs.entry import CatalogueEntry
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder


def make_entry(adapter: str, native_rate: int, **facts: Any) -> CatalogueEntry:
    """A catalogue entry with just the fields that an adapter reads."""
    row = {"name": f"{adapter}-test", "family": adapter, "design": "compression", "source": "pip"}
    return CatalogueEntry.model_validate({**row, "adapter": adapter, "native_rate": native_rate, **facts})


def noise(items: int, samples: int, seed: int = 0) -> NDArray[np.float32]:
    """`(items, samples)` of low-passed noise at about -20 dB, different in every item."""
    white = np.random.default_rng(seed).standard_normal((items, samples + 3))
    smooth = sum(white[:, i : i + samples] for i in range(4))
    return (0.05 * np.asarray(smooth)).astype(np.float32)


def randomise(codebooks: Sequence[torch.Tensor], like: torch.Tensor) -> None:
    """Fills codebooks, which some classes initialise with zeros, with vectors of the strength of the latents `like`."""
    for codebook in codebooks:
        torch.nn.init.normal_(codebook, std=float(like.std()))


def without_biases(model: torch.nn.Module) -> None:
    """Sets all biases to 0: in a small random model they would outweigh the input, and all items would get one code."""
    for name, parameter in model.named_parameters():
        if "bias" in name:
            torch.nn.init.zeros_(parameter)


def difference(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """The largest difference as a share of the largest sample of `first`."""
    return float(np.abs(first - second).max() / np.abs(first).max())


def check_pickled_code_is_refused(entry: CatalogueEntry, path: Path, folder: Path) -> None:
    """`path` becomes a pickle that would run code; loading it must raise, and the code must not run."""
    assert entry.adapter is not None
    trace = folder / "code-was-run"
    torch.save({"state_dict": _Malicious(trace)}, path)
    adapter = ADAPTERS.get(entry.adapter)(entry, weights=WeightFinder([folder], offline=True))
    with pytest.raises(RequestError, match="code in a file is never run"):
        adapter.code(noise(1, 4_000), [0])
    assert not trace.exists()
    with path.open("rb"):  # the file is what it claims to be: read without care, it does run
        torch.load(path, weights_only=False)
    assert trace.exists()


class _Malicious:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.trace,))


def check_alignment(output_of: Any, samples: int, hop: int) -> None:
    """What the middle output sample depends on is centred on the input sample of the same index, within a hop.

    `output_of` maps `(1, 1, samples)` to `(1, 1, about samples)` with gradients passed straight through the quantiser.
    """
    signal = torch.from_numpy(noise(1, samples))[:, None].requires_grad_()
    middle = samples // 2
    output_of(signal)[0, 0, middle].backward()
    assert signal.grad is not None
    touched = torch.nonzero(signal.grad[0, 0]).flatten()
    centre = (int(touched[0]) + int(touched[-1])) / 2
    assert int(touched[0]) > 0, "the item is shorter than the receptive field, so its centre says nothing"
    assert int(touched[-1]) < samples - 1, "the item is shorter than the receptive field, so its centre says nothing"
    assert abs(centre - middle) <= hop


def check_causal_frames(codec: Codec, hop: int, frame: int = 12) -> None:
    """A change from the start of `frame` on changes no sample before it, and changes that frame: no lead, no lag.

    The frame lies behind the first few, of which some layers of EnCodec make their padding by reflection.
    """
    waveforms = noise(2, (frame + 3) * hop, seed=5)
    waveforms[1, : frame * hop] = waveforms[0, : frame * hop]
    first, second = codec.adapter.code(waveforms, [0, 0])
    changed = np.flatnonzero(np.abs(first - second) > 1e-6 * np.abs(first).max())
    assert frame * hop <= changed[0] < (frame + 1) * hop
