"""DAC's adapter on the real class with random weights: contract, codebooks, alignment, and its real file format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from dac.model import DAC

from grid.codecs.adapters.dac import DacAdapter
from grid.codecs.contract import Codec
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, around

HOP = 320
WEIGHT = {"path": "dac/weights_24khz.pth", "source": "https://example.org/weights_24khz.pth"}


def small_model() -> DAC:
    """The strides of the 24 kHz model, few channels, 6 codebooks of 16."""
    torch.manual_seed(0)
    model = DAC(
        encoder_dim=2,
        encoder_rates=[2, 4, 5, 8],
        decoder_dim=32,
        decoder_rates=[8, 5, 4, 2],
        n_codebooks=6,
        codebook_size=16,
        codebook_dim=4,
        sample_rate=24_000,
    )
    checks.without_biases(model)
    return model


def small_entry(codebooks: int = 6, **facts: Any) -> Any:
    return checks.make_entry("dac", 24_000, arguments={"codebooks": codebooks}, **facts)


CONTRACT = [
    AdapterCase(
        small_entry(weights=[WEIGHT]).model_copy(update={"codebooks": 6}),
        around(DacAdapter, small_model),
        facts=("native_rate", "codebooks"),
        misfits=[({"arguments": {"codebooks": 7}}, "7 codebooks requested, the model has 6")],
        wrong_arguments=[({"codebooks": 0}, "'codebooks'")],
    )
]


def test_dac_loudness_level_makes_a_quiet_item_the_scaled_loud_one() -> None:
    codec = Codec(DacAdapter.from_model(small_model(), small_entry(level="loudness -16 dB")))
    loud = checks.noise(1, 16_000)
    coded_loud = codec.resynthesise(loud, ["a"])
    coded_quiet = codec.resynthesise(loud / np.float32(8), ["a"])
    assert checks.difference(coded_loud, coded_quiet * 8) < 1e-3


@pytest.mark.parametrize("codebooks", [1, 4, 6])
def test_dac_codebooks_are_as_many_as_requested(codebooks: int) -> None:
    adapter = DacAdapter.from_model(small_model(), small_entry(codebooks))
    with torch.inference_mode():
        codes = adapter.encode(torch.from_numpy(checks.noise(2, 10 * HOP))[:, None])
    assert codes.shape == (2, codebooks, 10)


def test_dac_fewer_codebooks_change_the_output() -> None:
    waveforms = checks.noise(1, 24_000)
    one, six = (DacAdapter.from_model(small_model(), small_entry(n)).code(waveforms, [0]) for n in (1, 6))
    assert checks.difference(one, six) > 0.01


def test_dac_output_is_the_package_forward() -> None:
    model, waveforms = small_model().eval(), checks.noise(2, 5_000)
    with torch.inference_mode():
        expected = model(torch.from_numpy(waveforms)[:, None])["audio"][:, 0].numpy()
    coded = DacAdapter.from_model(model, small_entry()).code(waveforms, [0, 0])
    np.testing.assert_allclose(coded[:, : expected.shape[1]], expected, atol=1e-5)


def test_dac_output_sample_is_centred_on_its_input_sample() -> None:
    model = small_model().eval()
    checks.check_alignment(lambda signal: model(signal)["audio"], 80 * HOP, HOP)


def test_dac_file_saved_by_the_package_loads_with_its_own_sizes(tmp_path: Path) -> None:
    original = small_model().eval()
    original.save(tmp_path / "weights.pth", package=False)
    entry = small_entry(weights=[{"path": "weights.pth"}])
    adapter = DacAdapter(entry, weights=WeightFinder([tmp_path], offline=True))
    waveforms = checks.noise(1, 5_000)
    expected = DacAdapter.from_model(original, entry).code(waveforms, [0])
    np.testing.assert_array_equal(adapter.code(waveforms, [0]), expected)


def test_dac_file_without_its_metadata_is_an_error(tmp_path: Path) -> None:
    torch.save(small_model().state_dict(), tmp_path / "weights.pth")
    adapter = DacAdapter(small_entry(weights=[{"path": "weights.pth"}]), weights=WeightFinder([tmp_path], offline=True))
    with pytest.raises(RequestError, match="not a file of DAC weights"):
        adapter.load()


def test_dac_pickled_code_is_refused(tmp_path: Path) -> None:
    entry = small_entry(weights=[{"path": "weights.pth"}])
    checks.check_pickled_code_is_refused(entry, tmp_path / "weights.pth", tmp_path)
