"""The speech that a small codec is trained on is the speech that was imported."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from grid.codec_training.speech import TrainingSpeech
from grid.corpus.audio import ChangedFileError
from tests.support.speech import voiced
from tests.support.tiny_codecs import corpus


def test_a_recording_that_changed_after_its_import_is_not_trained_on(tmp_path: Path) -> None:
    speech = TrainingSpeech(corpus(tmp_path), "train")
    assert speech.waveform(1).shape == (8_000,)
    soundfile.write(speech.recordings[0].path, voiced(8_000, 200.0), 16_000)
    with pytest.raises(ChangedFileError, match="has changed since it was imported"):
        speech.waveform(0)
