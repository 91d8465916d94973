"""Lyra v2 against the golden numbers of ../shared/weights/lyra, and its own edges."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from grid.codecs.adapters.lyra import FRAME, LyraAdapter
from grid.codecs.catalogue import build, load_catalogue
from grid.core.errors import RequestError
from grid.core.identity import file_digest
from tests.support.speech import UTTERANCES, real, voiced

NAMES = {16: "lyra-v2-3.2kbps", 30: "lyra-v2-6kbps", 46: "lyra-v2-9.2kbps"}


def adapter(stages: int) -> LyraAdapter:
    return LyraAdapter(load_catalogue().get(NAMES[stages]))


@pytest.mark.parametrize("stages", list(NAMES))
@pytest.mark.parametrize("utterance_id", UTTERANCES)
def test_lyra_real_speech_matches_golden_codes_and_correlation(
    utterance_id: str, stages: int, shared_speech: Path, shared_weights: Path
) -> None:
    with (shared_weights / "lyra" / "golden.csv").open() as stream:
        rows = {(row["utterance_id"], int(row["num_quantizers"])): row for row in csv.DictReader(stream)}
    golden, speech, codec = rows[utterance_id, stages], real(shared_speech, utterance_id), adapter(stages)
    whole = len(speech) // FRAME * FRAME
    codes = codec.encode(speech[:whole])
    assert " ".join(map(str, codes[10, :8])) == golden["codes_frame10"]
    correlation = np.corrcoef(speech[:whole], codec.decode(codes))[0, 1]
    assert correlation == pytest.approx(float(golden["pearson"]), abs=1e-4)  # printed with four digits


def test_lyra_lower_rate_codes_are_the_first_of_the_higher_rate() -> None:
    low, high = adapter(16).encode(voiced(FRAME * 20)), adapter(46).encode(voiced(FRAME * 20))
    np.testing.assert_array_equal(low[:, :16], high[:, :16])
    assert (low[:, 16:] == -1).all()
    assert high.min() >= 0
    assert high.max() <= 15


def test_lyra_partial_last_frame_is_coded_and_cropped() -> None:
    speech = voiced(FRAME * 5 + 200)
    output = build(NAMES[46]).resynthesise(speech[None], ["a"])[0]
    assert output.size == speech.size
    assert np.corrcoef(output[FRAME * 5 :], speech[FRAME * 5 :])[0, 1] > 0.5


def test_lyra_bundled_weights_are_those_of_the_catalogue() -> None:
    codec = adapter(16)
    for weight in codec.entry.weights:
        path = codec.weights.find(weight)
        assert (file_digest(path), path.stat().st_size) == (weight.sha256, weight.bytes)


@pytest.mark.parametrize("arguments", [{}, {"stages": 0}, {"stages": 47}, {"stages": 16, "rate": 3}])
def test_lyra_wrong_arguments_name_the_range(arguments: dict[str, int]) -> None:
    entry = load_catalogue().get(NAMES[16]).model_copy(update={"arguments": arguments})
    with pytest.raises(RequestError, match=r"stages: 1\.\.46"):
        LyraAdapter(entry)
