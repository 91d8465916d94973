"""The release of a finished training: weights, card and catalogue entry, and the figures of the card."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from grid.codec_training.quality import measure
from grid.codec_training.release import comparison_qualities, release
from grid.codec_training.speech import TrainingSpeech
from grid.codec_training.training import train_codec
from grid.codecs.adapters.controlled import ControlledAdapter
from grid.codecs.catalogue import build
from grid.codecs.contract import Codec
from grid.core.errors import RequestError
from grid.core.store import Store
from grid.core.weights import WeightFinder
from tests.support.tiny_codecs import TRAINING, corpus, spec
from tests.support.torch_codec_checks import noise


@pytest.mark.slow
def test_released_weights_are_found_by_the_entry_and_the_card_says_what_they_are(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    speech, store, weights = corpus(tmp_path), Store.open(tmp_path / "store"), tmp_path / "weights"
    member = spec("single", steps=4, polish=TRAINING | {"steps": 3, "moments": 1.0})
    with pytest.raises(RequestError, match="is not finished"):
        release(member, speech, store, weights)
    train_codec(member, speech, store)
    made = release(member, speech, store, weights, comparison_qualities(speech, ["mu-law"]))
    codec = Codec(ControlledAdapter(made.entry, weights=WeightFinder([weights], offline=True)))
    assert codec.resynthesise(noise(1, 1_000), ["a"]).shape == (1, 1_000)
    text = made.card.read_text()
    stages = "4 steps of 3 crops of 0.2 s, then 3 of 3 of 0.2 s for the decoder alone"
    named = ("seed: 0", "manifest digest ", "CC BY 4.0", "V. Panayotov")
    for part in ("QUA Svq", stages, *named, "| tiny |", "| mu-law |"):
        assert part in text
    assert made.entry.weights[0].sha256 in text  # type: ignore[operator]  # an entry of a release has digests
    assert "sha256" in made.entry_text


def test_quality_of_mu_law_is_near_that_of_the_recordings(tmp_path: Path) -> None:
    speech = TrainingSpeech(corpus(tmp_path), "test")
    quality = measure(build("mu-law"), speech)
    assert quality.stoi > 0.9
    assert quality.lag == 0
    assert (quality.utterances, quality.speakers) == (2, 2)
