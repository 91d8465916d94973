"""The chain: probability, order, banks, and draws that depend on (seed, epoch, utterance, step) alone."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from grid.config.augmentation import AugmentationStep, Noise, RawBoost, Reverberation
from grid.core.errors import RequestError
from grid.inputs.augment.chain import Augmenter
from tests.support.augmentation_bank import Bank, speech

ROOMS = [np.eye(1, 400, delay, dtype=np.float32)[0] + np.float32(0.01) for delay in (0, 40, 90)]
NOISES = [speech(2_000, name=f"noise {i}") for i in range(4)]
STEPS = (
    Reverberation(probability=0.7),
    RawBoost(algorithm=5, probability=0.5),
    Noise(probability=0.6, snr_minimum=5, snr_maximum=20),
)


def chain(*steps: AugmentationStep) -> Augmenter:
    return Augmenter(steps, Bank(ROOMS), Bank(NOISES))


def augmented(augmenter: Augmenter, name: str = "a", *, seed: int = 0, epoch: int = 0) -> bytes:
    return augmenter(speech(3_000), seed=seed, epoch=epoch, utterance_id=name).tobytes()


def test_result_depends_on_nothing_that_was_augmented_before() -> None:
    one, other = chain(*STEPS), chain(*STEPS)
    names = [f"u{i}" for i in range(12)]
    forwards = {name: augmented(one, name) for name in names}
    backwards = {name: augmented(other, name) for name in reversed(names)}
    assert forwards == backwards
    assert len(set(forwards.values())) > 8


@pytest.mark.slow
def test_result_is_the_same_in_another_process() -> None:
    code = "import tests.inputs.augment.test_chain as t; print(t.augmented(t.chain(*t.STEPS)).hex())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert other == augmented(chain(*STEPS)).hex()


def test_seed_epoch_and_utterance_each_change_the_result() -> None:
    always = chain(RawBoost(algorithm=2))
    results = [
        augmented(always),
        augmented(always, seed=1),
        augmented(always, epoch=1),
        augmented(always, "b"),
    ]
    assert len(set(results)) == 4


def test_draws_of_a_step_do_not_depend_on_the_probability_of_another() -> None:
    room_bank, noise = Bank(ROOMS), Noise(probability=1, snr_minimum=0, snr_maximum=30)
    noises = [Bank(NOISES), Bank(NOISES)]
    for bank, probability in zip(noises, (0.0, 1.0), strict=True):
        augmenter = Augmenter([Reverberation(probability=probability), noise], room_bank, bank)
        for i in range(20):
            augmenter(speech(500), seed=0, epoch=0, utterance_id=f"u{i}")
    assert noises[0].given == noises[1].given
    assert set(noises[0].given) == {0, 1, 2, 3}
    assert set(room_bank.given) == {0, 1, 2}


def test_two_equal_steps_draw_apart() -> None:
    bank = Bank(NOISES)
    step = Noise(probability=1, snr_minimum=10, snr_maximum=10)
    augmenter = Augmenter([step, step], noises=bank)
    for i in range(20):
        augmenter(speech(500), seed=0, epoch=0, utterance_id=f"u{i}")
    assert bank.given[::2] != bank.given[1::2]


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_step_is_applied_with_its_probability(probability: float) -> None:
    augmenter, waveform = chain(Noise(probability=probability, snr_minimum=0, snr_maximum=0)), speech(200)
    changed = [
        not np.array_equal(augmenter(waveform, seed=0, epoch=epoch, utterance_id="a"), waveform) for epoch in range(400)
    ]
    assert np.mean(changed) == pytest.approx(probability, abs=0.07 if 0 < probability < 1 else 0)


def test_steps_are_applied_in_their_order() -> None:
    """Noise after the room keeps its sharp start; a delaying room after the noise takes it away."""
    rooms, noises = Bank([ROOMS[2]]), Bank([np.ones(400, np.float32)])
    room, noise = Reverberation(probability=1), Noise(probability=1, snr_minimum=0, snr_maximum=0)
    waveform = np.zeros(400, np.float32)
    waveform[0] = 1
    outer, inner = (
        Augmenter(steps, rooms, noises)(waveform, seed=0, epoch=0, utterance_id="a")
        for steps in ((room, noise), (noise, room))
    )
    assert outer[1] > 3 * abs(inner[1])


def test_augmentation_keeps_input_shape_and_type() -> None:
    waveform = speech(3_000)
    before = waveform.copy()
    waveform.flags.writeable = False
    for i in range(20):
        result = chain(*STEPS)(waveform, seed=0, epoch=0, utterance_id=f"u{i}")
        assert (result.shape, result.dtype) == (waveform.shape, np.float32)
    assert np.array_equal(waveform, before)


@pytest.mark.parametrize("bank", [None, Bank([])])
@pytest.mark.parametrize(
    "step", [Reverberation(probability=0.1), Noise(probability=0.1, snr_minimum=0, snr_maximum=1)], ids=["rir", "noise"]
)
def test_step_without_a_bank_is_refused(step: AugmentationStep, bank: Bank | None) -> None:
    with pytest.raises(RequestError, match=f"{step.kind!r} needs .* codecgrid import rirs"):
        Augmenter([step], bank, bank)


def test_waveform_without_samples_is_refused() -> None:
    with pytest.raises(RequestError, match="u7: augmentation needs samples"):
        chain()(np.zeros(0, np.float32), seed=0, epoch=0, utterance_id="u7")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"kind": "rawboost", "algorithm": 9}, "less than or equal to 8"),
        ({"kind": "rawboost", "algorithm": 1, "notch": {"taps_minimum": 200}}, "taps_minimum 200 is above"),
        ({"kind": "noise", "probability": 1, "snr_minimum": 9, "snr_maximum": 3}, "snr_minimum 9.0 is above"),
        ({"kind": "rir", "probability": 1.5}, "less than or equal to 1"),
        ({"kind": "musan"}, "'rawboost', 'rir', 'noise'"),
        ({"kind": "rir", "probability": 1, "p": 2}, "Extra inputs"),
    ],
)
def test_step_that_is_wrong_is_refused(words: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(AugmentationStep).validate_python(words)


def test_what_could_not_be_changed_is_named_once() -> None:
    silent = [np.zeros(500, np.float32)]
    augmenter = Augmenter([Noise(probability=1, snr_minimum=5, snr_maximum=20)], None, Bank(silent))
    for name in ("b", "a"):
        augmented(augmenter, name)
    assert augmenter.take_unchanged() == [("noise", "a"), ("noise", "b")]
    assert augmenter.take_unchanged() == []


def test_what_was_changed_is_not_named() -> None:
    augmenter = chain(*STEPS)
    assert len({augmented(augmenter, str(number)) for number in range(8)}) > 4
    assert augmenter.take_unchanged() == []
