"""The contract of codecs: `Adapter`, which each family implements, and `Codec`, which the rest of the library calls.

A `Codec` resynthesises speech `(batch, samples)`, at 16 kHz or from the rate of its recordings, to 16 kHz. Around an
adapter at its native rate it resamples, applies the level, compensates the delay, derives seeds and checks the output.
"""

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

    An adapter does not resample, change the level or compensate its delay: `Codec` does, from `sample_rate`,
    `entry.level` and `delay`. Its module imports heavy packages inside functions only, because the identity of a codec
    reads `revision` from it. Register it with `@ADAPTERS.register("<module name>")`. Weights load on the first
    `code`, not in `__init__`.
    """

    revision: ClassVar[int]
    """Increased by hand whenever the samples change; part of the identity of everything made with the codec."""
    max_batch: ClassVar[int | None] = None
    """The largest batch that `code` accepts; None: any size."""
    cpu_batch: ClassVar[int | None] = None
    """The batch size at which `code` is fastest on a CPU; None: any. On a GPU large batches are faster."""
    cpu_group: ClassVar[int] = 1
    """The number of items of different lengths for which one call of `code_each` is fastest on a CPU."""
    equal_lengths: ClassVar[bool] = True
    """Whether a batch must hold items of one length, as padding changes the output; batches of `Codec` always do."""
    minimum_samples: ClassVar[int] = 1
    """Native samples to which shorter items are padded with zeros before `code`."""

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
        """The largest batch that `Codec` passes to `code`; None: any size."""
        return self.max_batch or (self.cpu_batch if self.device == "cpu" else None)

    @property
    def group(self) -> int:
        """The number of items of different lengths for one call of `code_each`; 1: batch items of equal length."""
        return self.cpu_group if self.device == "cpu" else 1

    @property
    def delay(self) -> int:
        """Native samples by which the output lags behind the input; negative when it leads."""
        return 0

    @abstractmethod
    def code(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
        """Encode and decode: float32 `(batch, samples)` at the native rate to `(batch, about samples)`.

        `seeds` holds one integer per item, from which a stochastic decoder derives all random numbers of the item.
        """

    def code_each(self, waveforms: Sequence[Samples], seeds: Sequence[int]) -> list[Samples]:
        """`code` for items `(samples,)` of different lengths; the result of coding each alone, up to rounding.

        The default codes one item after the other; an adapter may override it with something faster.
        """
        return [self.code(row[None], [seed])[0] for row, seed in zip(waveforms, seeds, strict=True)]


ADAPTERS: Registry[type[Adapter]] = Registry(kind="codec", package="grid.codecs.adapters")


@dataclass(frozen=True)
class Prepared:
    """A batch as it is passed to an adapter.

    `padded` is `(batch, samples)` at the native rate, extended by zeros so that cutting the delay from the front loses
    nothing. `native_samples` and `samples` are the lengths without that padding, at the native rate and at 16 kHz.
    `gains` `(batch,)` are divided out of the decoded audio.
    """

    padded: Samples
    gains: Samples
    native_samples: int
    samples: int


class Codec:
    """A codec as the library calls it: speech in and out, of the same length, aligned and finite.

    The output is at 16 kHz. The input is too, or at another `rate` in Hz; then `samples` says how long each output is.
    """

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.entry = adapter.entry
        self._level = Level.parse(adapter.entry.level)

    @property
    def name(self) -> str:
        """The catalogue name."""
        return self.entry.name

    def resynthesise(
        self,
        waveforms: Samples,
        utterance_ids: Sequence[str],
        seed: int = 0,
        *,
        rate: int = SAMPLE_RATE,
        samples: int | None = None,
    ) -> Samples:
        """Send mono `(batch, samples at rate)` float32 through the codec; `(batch, samples)`, delay compensated.

        The level is applied at `rate`, and one resampling leads from there to the native rate. An item's result
        depends on its samples, its utterance_id (stochastic codecs) and `seed`, not on its batch. Raises RequestError
        on wrong input and CodecOutputError when the codec returns NaN, infinite values or a wrong number of items.
        """
        batch = self._prepared(waveforms, utterance_ids, rate, samples)
        seeds, step = self._seeds(utterance_ids, seed), self.adapter.batch or len(batch.padded)
        starts = range(0, len(batch.padded), step)
        parts = [self._coded(batch.padded[i : i + step], seeds[i : i + step]) for i in starts]
        decoded = np.concatenate([fit_length(part, batch.padded.shape[1]) for part in parts])
        return self._finished(decoded, batch, utterance_ids)

    def resynthesise_each(
        self,
        waveforms: Sequence[Samples],
        utterance_ids: Sequence[str],
        seed: int = 0,
        *,
        rate: int = SAMPLE_RATE,
        samples: Sequence[int] | None = None,
    ) -> list[Samples]:
        """`resynthesise` for items `(samples,)` of different lengths in one call of the adapter, with the same errors.

        `samples` has one length for each item. Pass at most `adapter.group` items.
        """
        if len(waveforms) != len(utterance_ids):
            raise RequestError(f"codec {self.name}: {len(utterance_ids)} utterance_ids for {len(waveforms)} waveforms")
        lengths: Sequence[int | None] = samples or [None] * len(waveforms)
        each = zip(waveforms, utterance_ids, lengths, strict=True)
        items = [self._prepared(row[None], [key], rate, length) for row, key, length in each]
        decoded = self.adapter.code_each([item.padded[0] for item in items], self._seeds(utterance_ids, seed))
        if len(decoded) != len(items) or any(np.ndim(row) != 1 for row in decoded):
            raise CodecOutputError(
                f"codec {self.name}: output {[np.shape(row) for row in decoded]} for {len(items)} items"
            )
        rows = [np.asarray(row, dtype=np.float32)[None] for row in decoded]
        return [self._finished(row, item, [key])[0] for row, item, key in zip(rows, items, utterance_ids, strict=True)]

    def _seeds(self, utterance_ids: Sequence[str], seed: int) -> list[int]:
        return [seed_number("codec", self.name, seed, utterance_id) for utterance_id in utterance_ids]

    def _prepared(self, waveforms: Samples, utterance_ids: Sequence[str], rate: int, samples: int | None) -> Prepared:
        batch = _checked(waveforms, utterance_ids, self.name)
        if samples is None and rate != SAMPLE_RATE:
            raise RequestError(f"codec {self.name}: say how many `samples` at 16 kHz a waveform at {rate} Hz becomes")
        levelled, gains = self._level.apply(batch, rate)
        native = resample(levelled, rate, self.adapter.sample_rate)
        padded = max(native.shape[1] + max(self.adapter.delay, 0), self.adapter.minimum_samples)
        return Prepared(fit_length(native, padded), gains, native.shape[1], samples or batch.shape[1])

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
