"""The one contract of every codec: what an adapter implements, and the resynthesis that the rest of the grid calls."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
import soxr
from numpy.typing import NDArray

from grid.codecs.entry import CatalogueEntry
from grid.codecs.environments.declaration import find_declaration
from grid.codecs.level import Level
from grid.codecs.weights import WeightFinder
from grid.errors import RequestError
from grid.identity import Json, plain
from grid.plugins import Registry
from grid.randomness import seed_number

Samples = NDArray[np.float32]

SAMPLE_RATE = 16_000
RESAMPLER = "soxr HQ"
CONTRACT_REVISION = 1


class CodecOutputError(RuntimeError):
    """A codec returned something that is not audio of the promised shape (NaN, infinite, or a wrong batch)."""


class Adapter(ABC):
    """One upstream family, driven by a catalogue entry.

    An adapter neither resamples, nor changes the level, nor shifts: `Codec` does, from `sample_rate`, `entry.level`
    and `delay`. Its module imports heavy packages only inside methods, because the identity of a codec reads `revision`
    from it. Register it with `@ADAPTERS.register("<module name>")`. Weights load on the first
    `code`, not in `__init__`.
    """

    revision: ClassVar[int]
    """Raised by hand whenever the samples it makes change; part of the identity of all that was made with it."""
    max_batch: ClassVar[int | None] = None
    """The most items one call of `code` may hold; None is any number."""
    cpu_batch: ClassVar[int | None] = None
    """The most items of one call on a CPU, where that is faster; None is any number. On a GPU many at once are."""
    equal_lengths: ClassVar[bool] = True
    """Padding changes the output, so a batch must hold items of one length. `Codec` batches always do."""
    minimum_samples: ClassVar[int] = 1
    """Shorter items reach `code` padded with zeros to this many native samples."""

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        self.entry = entry
        self.device = device
        self.weights = weights or WeightFinder()

    @property
    def sample_rate(self) -> int:
        """The native rate in Hz of what `code` takes and returns."""
        return self.entry.native_rate

    @property
    def batch(self) -> int | None:
        """The most items `Codec` gives to one call of `code`; None is any number."""
        return self.max_batch or (self.cpu_batch if self.device == "cpu" else None)

    @property
    def delay(self) -> int:
        """Native samples by which the output lags behind the input; negative when it leads."""
        return 0

    @abstractmethod
    def code(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
        """Encode and decode: float32 `(batch, samples)` at the native rate to `(batch, about samples)`.

        `seeds` holds one integer per item, of which a stochastic decoder must draw everything random of that item.
        """


ADAPTERS: Registry[type[Adapter]] = Registry(
    kind="codec",
    package="grid.codecs",
    exclude=frozenset(
        {
            *("catalogue", "contract", "entry", "environments", "inspection", "isolated", "level", "licences"),
            *("pair_groups", "weights"),
        }
    ),
)


class Codec:
    """What the grid calls: 16 kHz in, 16 kHz out, same length, aligned, finite."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.entry = adapter.entry
        self._level = Level.parse(adapter.entry.level)

    @property
    def name(self) -> str:
        """The catalogue name."""
        return self.entry.name

    def resynthesise(self, waveforms: Samples, utterance_ids: Sequence[str], seed: int = 0) -> Samples:
        """Send mono 16 kHz `(batch, samples)` float32 through the codec; same shape, delay compensated.

        An item's result depends on its samples, its utterance_id (stochastic codecs) and `seed`, not on its batch.
        Raises RequestError on wrong input and CodecOutputError when the codec returns NaN, infinite values or a wrong
        number of items.
        """
        batch = _checked(waveforms, utterance_ids, self.name)
        levelled, gains = self._level.apply(batch, SAMPLE_RATE)
        native = resample(levelled, SAMPLE_RATE, self.adapter.sample_rate)
        seeds = [seed_number("codec", self.name, seed, utterance_id) for utterance_id in utterance_ids]
        decoded = resample(self._aligned(native, seeds), self.adapter.sample_rate, SAMPLE_RATE)
        output = fit_length(decoded, batch.shape[1]) / gains[:, None]
        self._require_finite(output, utterance_ids)
        return output.astype(np.float32, copy=False)

    def _aligned(self, native: Samples, seeds: Sequence[int]) -> Samples:
        """Code with enough zeros behind the end that nothing is lost when the delay is cut from the front."""
        samples, delay = native.shape[1], self.adapter.delay
        padded = fit_length(native, max(samples + max(delay, 0), self.adapter.minimum_samples))
        step = self.adapter.batch or len(padded)
        parts = [self._coded(padded[i : i + step], seeds[i : i + step]) for i in range(0, len(padded), step)]
        decoded = np.concatenate([fit_length(part, padded.shape[1]) for part in parts])
        shifted = decoded[:, delay:] if delay >= 0 else np.pad(decoded, ((0, 0), (-delay, 0)))
        return fit_length(shifted, samples)

    def _coded(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
        decoded = np.asarray(self.adapter.code(waveforms, seeds), dtype=np.float32)
        if decoded.ndim != 2 or len(decoded) != len(waveforms):
            raise CodecOutputError(f"codec {self.name}: output {decoded.shape} for input {waveforms.shape}")
        return decoded

    def _require_finite(self, output: Samples, utterance_ids: Sequence[str]) -> None:
        broken = [name for name, row in zip(utterance_ids, output, strict=True) if not np.isfinite(row).all()]
        if broken:
            raise CodecOutputError(f"codec {self.name}: NaN or infinite samples in {', '.join(broken)}")


def identity(entry: CatalogueEntry) -> dict[str, Json]:
    """Everything that can change the samples of a codec, as JSON; loads neither weights nor heavy packages.

    A codec in an environment of its own carries the digest of that environment's declaration, null while nobody has
    declared it; a codec of the core has no such field.
    """
    revision = ADAPTERS.get(entry.adapter).revision if entry.adapter else None
    weights = [{"path": item.path, "source": item.source, "sha256": item.sha256} for item in entry.weights]
    fields = {
        "name": entry.name,
        "adapter": entry.adapter,
        "revision": revision,
        "contract": CONTRACT_REVISION,
        "native_rate": entry.native_rate,
        "level": entry.level,
        "arguments": entry.arguments,
        "weights": weights,
        "resampler": RESAMPLER if entry.native_rate != SAMPLE_RATE else None,
    }
    if entry.isolated is not None:
        declared = find_declaration(entry.isolated)
        fields["environment"] = declared.digest if declared else None
    return {key: plain(value) for key, value in fields.items()}


def resample(waveforms: Samples, rate: int, target: int) -> Samples:
    """`(batch, samples)` at `rate` Hz to `(batch, about samples * target / rate)`, row by row so batches cannot mix."""
    if rate == target:
        return waveforms
    convert: Callable[..., Samples] = soxr.resample
    return np.stack([convert(row, rate, target, quality="HQ") for row in waveforms])


def fit_length(waveforms: Samples, samples: int) -> Samples:
    """Cut or zero-pad the end so that `(batch, any)` becomes `(batch, samples)`."""
    missing = samples - waveforms.shape[1]
    return np.pad(waveforms, ((0, 0), (0, missing))) if missing > 0 else waveforms[:, :samples]


def _checked(waveforms: Samples, utterance_ids: Sequence[str], name: str) -> Samples:
    batch = np.asarray(waveforms, dtype=np.float32)
    if batch.ndim != 2 or batch.shape[1] == 0:
        raise RequestError(f"codec {name}: waveforms must be (batch, samples) with samples > 0, not {batch.shape}")
    if len(batch) != len(utterance_ids) or len(batch) == 0:
        raise RequestError(f"codec {name}: {len(utterance_ids)} utterance_ids for {len(batch)} waveforms")
    if not np.isfinite(batch).all():
        broken = [key for key, row in zip(utterance_ids, batch, strict=True) if not np.isfinite(row).all()]
        raise RequestError(f"codec {name}: NaN or infinite samples in the input of {', '.join(broken)}")
    return batch
