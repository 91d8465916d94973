"""The one contract of every codec: what an adapter implements, and the resynthesis that the rest of the grid calls."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import soxr
from numpy.typing import NDArray

from grid.codecs.entry import CatalogueEntry
from grid.codecs.level import Level
from grid.core.errors import RequestError
from grid.core.plugins import Registry
from grid.core.randomness import seed_number
from grid.core.vocabulary import SAMPLE_RATE
from grid.core.weights import WeightFinder

Samples = NDArray[np.float32]
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
    cpu_group: ClassVar[int] = 1
    """How many items of any lengths `code_each` takes at once on a CPU, where that is faster than one by one."""
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
    def group(self) -> int:
        """How many items of any lengths are best given to one call of `code_each`; 1: their lengths matter."""
        return self.cpu_group if self.device == "cpu" else 1

    @property
    def delay(self) -> int:
        """Native samples by which the output lags behind the input; negative when it leads."""
        return 0

    @abstractmethod
    def code(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
        """Encode and decode: float32 `(batch, samples)` at the native rate to `(batch, about samples)`.

        `seeds` holds one integer per item, of which a stochastic decoder must draw everything random of that item.
        """

    def code_each(self, waveforms: Sequence[Samples], seeds: Sequence[int]) -> list[Samples]:
        """`code` for items `(samples,)` of any lengths: as one by one, but for rounding. An adapter may do better."""
        return [self.code(row[None], [seed])[0] for row, seed in zip(waveforms, seeds, strict=True)]


ADAPTERS: Registry[type[Adapter]] = Registry(kind="codec", package="grid.codecs.adapters")


@dataclass(frozen=True)
class Prepared:
    """A batch as an adapter hears it.

    `padded` holds `(batch, native samples)` with zeros behind the end, so that nothing is lost when the delay is cut
    from the front. `native_samples` and `samples` count without them, at the native rate and at 16 kHz.
    """

    padded: Samples
    gains: Samples
    native_samples: int
    samples: int


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
        batch = self._prepared(waveforms, utterance_ids)
        seeds, step = self._seeds(utterance_ids, seed), self.adapter.batch or len(batch.padded)
        starts = range(0, len(batch.padded), step)
        parts = [self._coded(batch.padded[i : i + step], seeds[i : i + step]) for i in starts]
        decoded = np.concatenate([fit_length(part, batch.padded.shape[1]) for part in parts])
        return self._finished(decoded, batch, utterance_ids)

    def resynthesise_each(
        self, waveforms: Sequence[Samples], utterance_ids: Sequence[str], seed: int = 0
    ) -> list[Samples]:
        """`resynthesise` for items `(samples,)` of any lengths in one call of the adapter, with the same errors.

        All are coded at once: give it no more than `adapter.group`.
        """
        if len(waveforms) != len(utterance_ids):
            raise RequestError(f"codec {self.name}: {len(utterance_ids)} utterance_ids for {len(waveforms)} waveforms")
        items = [self._prepared(row[None], [key]) for row, key in zip(waveforms, utterance_ids, strict=True)]
        decoded = self.adapter.code_each([item.padded[0] for item in items], self._seeds(utterance_ids, seed))
        if len(decoded) != len(items) or any(np.ndim(row) != 1 for row in decoded):
            raise CodecOutputError(
                f"codec {self.name}: output {[np.shape(row) for row in decoded]} for {len(items)} items"
            )
        rows = [np.asarray(row, dtype=np.float32)[None] for row in decoded]
        return [self._finished(row, item, [key])[0] for row, item, key in zip(rows, items, utterance_ids, strict=True)]

    def _seeds(self, utterance_ids: Sequence[str], seed: int) -> list[int]:
        return [seed_number("codec", self.name, seed, utterance_id) for utterance_id in utterance_ids]

    def _prepared(self, waveforms: Samples, utterance_ids: Sequence[str]) -> Prepared:
        batch = _checked(waveforms, utterance_ids, self.name)
        levelled, gains = self._level.apply(batch, SAMPLE_RATE)
        native = resample(levelled, SAMPLE_RATE, self.adapter.sample_rate)
        least = max(native.shape[1] + max(self.adapter.delay, 0), self.adapter.minimum_samples)
        return Prepared(fit_length(native, least), gains, native.shape[1], batch.shape[1])

    def _finished(self, decoded: Samples, batch: Prepared, utterance_ids: Sequence[str]) -> Samples:
        delay, native = self.adapter.delay, fit_length(decoded, batch.padded.shape[1])
        shifted = native[:, delay:] if delay >= 0 else np.pad(native, ((0, 0), (-delay, 0)))
        aligned = fit_length(shifted, batch.native_samples)
        output = fit_length(resample(aligned, self.adapter.sample_rate, SAMPLE_RATE), batch.samples)
        output = output / batch.gains[:, None]
        self._require_finite(output, utterance_ids)
        return output.astype(np.float32, copy=False)

    def _coded(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
        decoded = np.asarray(self.adapter.code(waveforms, seeds), dtype=np.float32)
        if decoded.ndim != 2 or len(decoded) != len(waveforms):
            raise CodecOutputError(f"codec {self.name}: output {decoded.shape} for input {waveforms.shape}")
        return decoded

    def _require_finite(self, output: Samples, utterance_ids: Sequence[str]) -> None:
        broken = [name for name, row in zip(utterance_ids, output, strict=True) if not np.isfinite(row).all()]
        if broken:
            raise CodecOutputError(f"codec {self.name}: NaN or infinite samples in {', '.join(broken)}")


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
