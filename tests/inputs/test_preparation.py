"""Preparation of detector input: level before crop, augmentation before or after it, draws fixed by the utterance."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from grid.config.augmentation import RawBoost
from grid.config.recipe import Crop
from grid.core.vocabulary import Split
from grid.detectors.spec import InputSpec
from grid.inputs.augment.chain import Augmenter
from grid.inputs.crop import fixed_length
from grid.inputs.preparation import Preparation, utterance_at_level

AS_IT_IS = InputSpec()
LEVELLED = InputSpec(level="rms", dbfs=-20.0, over="utterance", clip=True)
IMPULSES = Augmenter((RawBoost(algorithm=2),), None, None)


def waveform(samples: int = 6000, scale: float = 0.02) -> NDArray[np.float32]:
    rng = np.random.default_rng(3)
    return (scale * rng.standard_normal(samples) * np.linspace(0, 4, samples)).astype(np.float32)


def prepared(preparation: Preparation, purpose: Split = "train", **draw: object) -> NDArray[np.float32]:
    chosen = {"seed": 1, "epoch": 0, "utterance_id": "a", **draw}
    return preparation(waveform(), purpose, **chosen)  # type: ignore[arg-type]


def test_level_of_the_utterance_is_set_before_the_crop() -> None:
    found = prepared(Preparation(LEVELLED, Crop(samples=2000, train="first")))
    whole = utterance_at_level(waveform(), -20.0)
    assert float(np.sqrt(np.mean(whole**2))) == pytest.approx(0.1)
    assert np.array_equal(found, whole[:2000])
    assert float(np.sqrt(np.mean(found**2))) < 0.06  # the beginning is quieter than the utterance


def test_level_clips_at_full_scale_only_when_asked() -> None:
    loud = np.zeros(4000, np.float32)
    loud[100] = 1.0
    assert np.abs(utterance_at_level(loud, -20.0)).max() > 6
    assert np.abs(utterance_at_level(loud, -20.0, clip=True)).max() == 1
    assert not utterance_at_level(np.zeros(10, np.float32), -20.0).any()


def test_level_of_the_item_is_left_to_the_detector() -> None:
    item = InputSpec(level="rms", dbfs=-20.0)
    assert np.array_equal(prepared(Preparation(item, Crop(samples=2000, train="first"))), waveform()[:2000])


def test_augmentation_before_the_crop_hears_the_whole_utterance() -> None:
    crop = Crop(samples=2000, train="first")
    before = prepared(Preparation(AS_IT_IS, crop, IMPULSES, augment_before_crop=True))
    after = prepared(Preparation(AS_IT_IS, crop, IMPULSES))
    whole = IMPULSES(waveform(), seed=1, epoch=0, utterance_id="a")
    assert np.array_equal(before, whole[:2000])
    assert np.array_equal(after, IMPULSES(waveform()[:2000], seed=1, epoch=0, utterance_id="a"))
    assert not np.array_equal(before, after)


@pytest.mark.parametrize(("purpose", "augment_dev", "augmented"), [("dev", False, False), ("dev", True, True)])
def test_dev_is_augmented_only_when_the_recipe_says_so(purpose: Split, augment_dev: bool, augmented: bool) -> None:
    crop = Crop(samples=2000)
    found = prepared(Preparation(AS_IT_IS, crop, IMPULSES, augment_dev=augment_dev), purpose)
    assert np.array_equal(found, waveform()[:2000]) is not augmented


def test_test_utterances_are_never_augmented() -> None:
    found = prepared(Preparation(AS_IT_IS, Crop(samples=2000), IMPULSES, augment_dev=True), "test")
    assert np.array_equal(found, waveform()[:2000])


def test_a_random_evaluation_crop_depends_on_seed_epoch_and_utterance_alone() -> None:
    random = Preparation(AS_IT_IS, Crop(samples=2000, evaluation="random"))
    first = prepared(random, "test")
    assert np.array_equal(first, prepared(random, "test"))
    others: list[dict[str, object]] = [{"seed": 2}, {"epoch": 1}, {"utterance_id": "b"}]
    assert all(not np.array_equal(first, prepared(random, "test", **other)) for other in others)
    assert any(np.array_equal(first, fixed_length(waveform()[start:], 2000)) for start in range(4001))
