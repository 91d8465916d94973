"""Prepares an utterance as detector input: level, crop and augmentation, in the recipe's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grid.cells.job import CellJob
from grid.config.recipe import Crop
from grid.core.store import Store
from grid.core.vocabulary import Split
from grid.detectors.spec import InputSpec
from grid.inputs.crop import crop_generator, evaluation_crop_generator, fixed_length
from grid.resynthesis.rendition_audio import RenditionAudio

if TYPE_CHECKING:
    from grid.inputs.augment.chain import Augmenter


def preparation_of(store: Store, job: CellJob) -> Preparation:
    """The preparation that a cell's recipe sets, with the impulse responses and noises that it draws from."""
    recipe = job.recipe
    augmenter = None
    if recipe.augmentation:
        from grid.inputs.augment.chain import Augmenter

        responses, noises = (
            RenditionAudio(store, folder, "train") if folder else None for folder in (job.impulse_responses, job.noises)
        )
        augmenter = Augmenter(recipe.augmentation, responses, noises)
    return Preparation(
        level=job.detector_spec.input,
        crop=recipe.crop,
        augmenter=augmenter,
        augment_before_crop=recipe.augment_before_crop,
        augment_dev=recipe.augment_dev,
    )


@dataclass(frozen=True)
class Preparation:
    """Level, crop and augmentation of utterances; `level` is the detector's input specification.

    All random draws depend on (seed, epoch, utterance id) alone. Test utterances are never augmented.
    """

    level: InputSpec
    crop: Crop
    augmenter: Augmenter | None = None
    augment_before_crop: bool = False
    augment_dev: bool = False

    def __call__(
        self, waveform: NDArray[np.float32], purpose: Split, *, seed: int, epoch: int, utterance_id: str
    ) -> NDArray[np.float32]:
        """The prepared samples `(crop.samples,)` of an utterance `(length,)`, float32 at 16 kHz."""
        if self.level.dbfs is not None and self.level.over == "utterance":
            waveform = utterance_at_level(waveform, self.level.dbfs, clip=self.level.clip)
        augments = purpose == "train" or (purpose == "dev" and self.augment_dev)
        if self.augmenter is None or not augments:
            return self._cropped(waveform, purpose, seed, epoch, utterance_id)
        if self.augment_before_crop:
            waveform = self.augmenter(waveform, seed=seed, epoch=epoch, utterance_id=utterance_id)
            return self._cropped(waveform, purpose, seed, epoch, utterance_id)
        waveform = self._cropped(waveform, purpose, seed, epoch, utterance_id)
        return self.augmenter(waveform, seed=seed, epoch=epoch, utterance_id=utterance_id)

    def _cropped(
        self, waveform: NDArray[np.float32], purpose: Split, seed: int, epoch: int, utterance_id: str
    ) -> NDArray[np.float32]:
        mode = self.crop.train if purpose == "train" else self.crop.evaluation
        draw = crop_generator if purpose == "train" else evaluation_crop_generator
        rng = draw(seed, epoch, utterance_id) if mode == "random" else None
        return fixed_length(waveform, self.crop.samples, mode, rng)


def utterance_at_level(waveform: NDArray[np.float32], dbfs: float, *, clip: bool = False) -> NDArray[np.float32]:
    """The utterance `(length,)` scaled to a root mean square of `dbfs` dB re full scale; silence stays silence."""
    rms = float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))
    scaled = waveform * np.float32(10 ** (dbfs / 20) / max(rms, 1e-8))
    return np.clip(scaled, -1, 1) if clip else scaled
