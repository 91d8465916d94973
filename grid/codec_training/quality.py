"""Measures a codec on speech: log-spectral distance, intelligibility (STOI), lag and real-time factor."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from grid.codec_training.speech import TrainingSpeech
from grid.codecs.contract import Codec
from grid.codecs.fidelity import lag, log_spectral_distance
from grid.core.vocabulary import SAMPLE_RATE


@dataclass(frozen=True)
class Quality:
    """Means over utterances; `lag` is the median, in samples at 16 kHz, `real_time_factor` CPU seconds per second."""

    codec: str
    utterances: int
    speakers: int
    log_spectral_distance: float
    stoi: float
    lag: float
    real_time_factor: float


def measure(codec: Codec, speech: TrainingSpeech, most: int | None = None) -> Quality:
    """The quality of `codec` on the recordings of `speech`, or on `most` of them, evenly spread.

    STOI is the short-time objective intelligibility of Taal and others 2011, by the package pystoi. The real-time
    factor is the processor time of all threads over the length of the speech, so a busy machine changes it little.
    """
    from pystoi import stoi

    count = len(speech) if most is None else min(most, len(speech))
    chosen = np.linspace(0, len(speech) - 1, count).astype(int).tolist()
    distances, intelligibilities, lags = [], [], []
    spent = length = 0.0
    codec.resynthesise(speech.waveform(chosen[0])[None, :SAMPLE_RATE], ["first use"])  # loading is not counted
    for number in chosen:
        recorded = speech.waveform(number)
        start = time.process_time()
        decoded = codec.resynthesise(recorded[None], [speech.recordings[number].utterance_id])[0]
        spent += time.process_time() - start
        length += len(recorded) / SAMPLE_RATE
        distances.append(log_spectral_distance(recorded, decoded))
        intelligibilities.append(float(stoi(recorded, decoded, SAMPLE_RATE)))
        lags.append(lag(recorded, decoded))
    return Quality(
        codec=codec.name,
        utterances=count,
        speakers=len({speech.recordings[number].speaker for number in chosen}),
        log_spectral_distance=float(np.mean(distances)),
        stoi=float(np.mean(intelligibilities)),
        lag=float(np.median(lags)),
        real_time_factor=spent / length,
    )
