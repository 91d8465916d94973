"""The attack `world` on real speech (on the sample corpus if there is none): what it preserves and what it shifts."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.signal import correlate

from grid.attacks import build_attack
from grid.attacks.world import F0_RATIO, FORMANT_RATIO, Shift, draw_shift, vocode, warp_envelope
from grid.core.identity import digest
from grid.core.vocabulary import SAMPLE_RATE
from grid.corpus.imported import sample_root
from tests.support.places import REPOSITORY, SHARED

pytestmark = pytest.mark.filterwarnings("ignore:pkg_resources")  # pyworld still reads its version through it

IDS = ("u0", "u1", "u2", "u3")


@pytest.fixture(scope="module")
def speech() -> NDArray[np.float32]:
    """1.6 s of each of four dev utterances of four speakers, `(4, 25600)`; shorter ones are repeated."""
    folder = SHARED / "speech" if (SHARED / "speech").is_dir() else sample_root()
    with (folder / "protocol.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == "dev"]
    picked = [rows[i * len(rows) // 4] for i in range(4)]
    return np.stack([np.resize(_second_half(folder / row["path"]), 25_600) for row in picked])


@pytest.fixture(scope="module")
def converted(speech: NDArray[np.float32]) -> NDArray[np.float32]:
    return build_attack("world").convert(speech, IDS, seed=0)


@pytest.mark.slow
def test_world_keeps_shape_level_and_range(speech: NDArray[np.float32], converted: NDArray[np.float32]) -> None:
    assert converted.shape == speech.shape
    assert converted.dtype == np.float32
    assert np.isfinite(converted).all()
    assert np.abs(converted).max() <= 1.0
    np.testing.assert_allclose(_level_db(converted), _level_db(speech), atol=0.1)


def test_world_changes_the_waveform(speech: NDArray[np.float32], converted: NDArray[np.float32]) -> None:
    for before, after in zip(speech, converted, strict=True):
        assert np.corrcoef(before, after)[0, 1] < 0.9


def test_world_stays_aligned_within_one_frame(speech: NDArray[np.float32], converted: NDArray[np.float32]) -> None:
    for before, after in zip(speech, converted, strict=True):
        first, second = _envelope(before), _envelope(after)
        correlation = correlate(second, first, method="fft")
        assert abs(int(correlation.argmax()) - (len(before) - 1)) < 80
        assert correlation.max() > 0.9 * np.linalg.norm(first) * np.linalg.norm(second)


@pytest.mark.slow
def test_world_moves_f0_by_the_drawn_ratio(speech: NDArray[np.float32], converted: NDArray[np.float32]) -> None:
    for before, after, utterance_id in zip(speech, converted, IDS, strict=True):
        first, second = _f0(before), _f0(after)
        voiced = (first > 0) & (second > 0)
        assert voiced.sum() > 50
        moved = np.median(second[voiced] / first[voiced])
        assert moved == pytest.approx(draw_shift(0, utterance_id).f0_ratio, rel=0.03)


@pytest.mark.slow
def test_world_is_the_same_in_any_batch_and_thread(speech: NDArray[np.float32], converted: NDArray[np.float32]) -> None:
    attack = build_attack("world")
    with ThreadPoolExecutor(4) as pool:
        alone = list(pool.map(lambda i: attack.convert(speech[i : i + 1], IDS[i : i + 1], seed=0), range(4)))
    np.testing.assert_array_equal(np.concatenate(alone), converted)
    np.testing.assert_array_equal(attack.convert(speech[::-1], IDS[::-1], seed=0), converted[::-1])


@pytest.mark.slow
def test_world_draws_by_seed_and_utterance(speech: NDArray[np.float32], converted: NDArray[np.float32]) -> None:
    attack = build_attack("world")
    for ids, seed in ((["other"], 0), (["u0"], 1)):
        assert not np.array_equal(attack.convert(speech[:1], ids, seed=seed), converted[:1])


def test_world_keeps_the_rumble_below_speech(speech: NDArray[np.float32], converted: NDArray[np.float32]) -> None:
    seconds = np.arange(speech.shape[1]) / SAMPLE_RATE
    hum = (0.05 * np.sin(2 * np.pi * 25 * seconds)).astype(np.float32)
    with_hum = build_attack("world").convert(speech[:1] + hum, IDS[:1], seed=0)[0]
    bin_of_hum = 25 * speech.shape[1] // SAMPLE_RATE
    found = np.abs(np.fft.rfft(with_hum)[bin_of_hum]) / (0.05 * len(hum) / 2)
    assert found == pytest.approx(1.0, abs=0.15)


def test_draw_shift_covers_both_directions_and_avoids_one() -> None:
    shifts = [draw_shift(0, f"u{i}") for i in range(400)]
    size = np.exp(np.abs(np.log([shift.f0_ratio for shift in shifts])))
    assert F0_RATIO[0] <= size.min() < 1.12
    assert 1.30 < size.max() <= F0_RATIO[1]
    assert 0.4 < np.mean([shift.f0_ratio > 1 for shift in shifts]) < 0.6
    formants = np.array([shift.formant_ratio for shift in shifts])
    assert FORMANT_RATIO[0] <= formants.min() < 0.90
    assert 1.12 < formants.max() <= FORMANT_RATIO[1]


@pytest.mark.parametrize("ratio", [0.88, 1.14])
def test_warp_envelope_moves_a_peak_and_keeps_the_band(ratio: float) -> None:
    bins = np.arange(513)
    envelope = np.exp(-0.5 * ((bins - 100) / 10) ** 2)[None] + 1e-3
    envelope[:, -1] = 7.0
    warped = warp_envelope(envelope, ratio)
    assert int(warped[0, :400].argmax()) == round(100 * ratio)
    assert warped[0, 0] == pytest.approx(envelope[0, 0])
    assert warped[0, -1] == pytest.approx(7.0)


def test_warp_envelope_by_one_changes_nothing() -> None:
    envelope = np.random.default_rng(0).uniform(0.1, 1.0, (3, 513))
    np.testing.assert_allclose(warp_envelope(envelope, 1.0), envelope, rtol=1e-12)


def test_world_of_silence_is_silence() -> None:
    silence = np.zeros((2, 1600), dtype=np.float32)
    np.testing.assert_array_equal(build_attack("world").convert(silence, ("a", "b"), seed=0), silence)


@pytest.mark.parametrize("samples", [0, 1, 10, 79, 80, 81, 400])
def test_world_of_unvoiced_and_of_very_short_input_is_finite_and_level(samples: int) -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.1, (1, samples)).astype(np.float32)
    converted = build_attack("world").convert(noise, ("short",), seed=0)
    assert converted.shape == noise.shape
    assert np.isfinite(converted).all()
    if samples:
        np.testing.assert_allclose(_level_db(converted), _level_db(noise), atol=0.1)


def test_world_of_a_recording_that_fills_the_scale_is_limited_without_losing_level(speech: NDArray[np.float32]) -> None:
    full = speech[0] / np.abs(speech[0]).max()
    loud = np.clip(3.0 * full, -1.0, 1.0)
    converted = vocode(loud, Shift(1.2, 1.0))
    assert 0.9 < np.abs(converted).max() <= 1.0
    np.testing.assert_allclose(_level_db(converted[None]), _level_db(loud[None]), atol=0.1)


def test_world_identity_is_the_same_in_every_process() -> None:
    command = "from grid.attacks import build_attack as b; from grid.core.identity import digest as d; "
    command += "print(d(b('world').identity()))"
    ended = subprocess.run(
        [sys.executable, "-c", command],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    assert ended.stdout.strip() == digest(build_attack("world").identity())


def _second_half(path: Path) -> NDArray[np.float32]:
    waveform, rate = soundfile.read(path, dtype="float32")
    assert rate == SAMPLE_RATE
    return waveform[len(waveform) // 2 :] if len(waveform) > 4 * SAMPLE_RATE else waveform


def _level_db(batch: NDArray[np.float32]) -> NDArray[np.float64]:
    return 10 * np.log10(np.mean(np.square(batch.astype(np.float64)), axis=1))


def _envelope(waveform: NDArray[np.float32]) -> NDArray[np.float64]:
    smooth = np.convolve(np.abs(waveform), np.hanning(320), "same")
    return smooth - smooth.mean()


def _f0(waveform: NDArray[np.float32]) -> NDArray[np.float64]:
    import pyworld

    return pyworld.harvest(waveform.astype(np.float64), SAMPLE_RATE)[0]
