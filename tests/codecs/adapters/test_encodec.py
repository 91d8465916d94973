"""EnCodec's adapter on the real class with random weights: contract, bandwidths, and its real file format."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from encodec import EncodecModel
from encodec.modules import SEANetDecoder, SEANetEncoder
from encodec.quantization import ResidualVectorQuantizer

from grid.codecs.adapters.encodec import EncodecAdapter
from grid.codecs.contract import Codec
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, around

HOP = 320
WEIGHT = {"path": "encodec/encodec_24khz-d7cc33bc.th", "source": "https://example.org/encodec_24khz-d7cc33bc.th"}


def small_model() -> EncodecModel:
    """The 24 kHz model's structure, 2 filters instead of 32."""
    torch.manual_seed(0)
    encoder = SEANetEncoder(dimension=8, n_filters=2, norm="weight_norm", causal=True)
    decoder = SEANetDecoder(dimension=8, n_filters=2, norm="weight_norm", causal=True)
    quantiser = ResidualVectorQuantizer(dimension=8, n_q=32, bins=1024)
    model = EncodecModel(encoder, decoder, quantiser, [1.5, 3.0, 6.0, 12.0, 24.0], 24_000, 1)
    checks.without_biases(model)
    latents = encoder(torch.from_numpy(checks.noise(1, 8_000))[:, None])
    checks.randomise([layer._codebook.embed for layer in quantiser.vq.layers], like=latents)
    return model


def adapter(bandwidth: float = 6.0, **facts: Any) -> EncodecAdapter:
    entry = checks.make_entry("encodec", 24_000, arguments={"bandwidth": bandwidth}, **facts)
    return EncodecAdapter.from_model(small_model(), entry)


CONTRACT = [
    AdapterCase(
        checks.make_entry("encodec", 24_000, arguments={"bandwidth": 6.0}, codebooks=8, weights=[WEIGHT]),
        around(EncodecAdapter, small_model),
        facts=("native_rate", "codebooks"),
        misfits=[({"arguments": {"bandwidth": 5.0}}, "no bandwidth 5.0")],
        wrong_arguments=[({}, "'bandwidth'"), ({"bandwidth": 6.0, "codebooks": 8}, "'codebooks'")],
    )
]


@pytest.mark.parametrize(("bandwidth", "codebooks"), [(1.5, 2), (6.0, 8), (24.0, 32)])
def test_encodec_bandwidth_sets_the_codebooks_of_the_papers(bandwidth: float, codebooks: int) -> None:
    model: Any = adapter(bandwidth, codebooks=codebooks).model
    codes, _ = model.encode(torch.zeros(1, 1, 10 * HOP))[0]
    assert codes.shape == (1, codebooks, 10)


def test_encodec_more_bandwidth_changes_the_output() -> None:
    waveforms = checks.noise(1, 24_000)
    assert checks.difference(adapter(1.5).code(waveforms, [0]), adapter(24.0).code(waveforms, [0])) > 0.01


def test_encodec_change_in_a_frame_moves_nothing_before_it() -> None:
    checks.check_causal_frames(Codec(adapter()), HOP)


@pytest.mark.slow
def test_encodec_full_size_state_dict_loads_and_its_digest_is_checked(tmp_path: Path) -> None:
    torch.manual_seed(1)
    original = EncodecModel.encodec_model_24khz(pretrained=False)
    unnamed = tmp_path / "weights.th"
    torch.save(original.state_dict(), unnamed)
    digits = hashlib.sha256(unnamed.read_bytes()).hexdigest()[:8]
    named = unnamed.rename(tmp_path / f"encodec_24khz-{digits}.th")
    arguments = {"bandwidth": 6.0}
    entry = checks.make_entry("encodec", 24_000, arguments=arguments, weights=[{"path": named.name}])
    loaded = EncodecAdapter(entry, weights=WeightFinder([tmp_path], offline=True)).load()
    for name, tensor in original.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name

    wrong = named.rename(tmp_path / "encodec_24khz-d7cc33bc.th")
    entry = checks.make_entry("encodec", 24_000, arguments=arguments, weights=[{"path": wrong.name}])
    with pytest.raises(RequestError, match=f"begins {digits}"):
        EncodecAdapter(entry, weights=WeightFinder([tmp_path], offline=True)).load()


def test_encodec_file_of_another_model_is_an_error(tmp_path: Path) -> None:
    torch.save(small_model().state_dict(), tmp_path / "small.th")
    entry = checks.make_entry("encodec", 24_000, arguments={"bandwidth": 6.0}, weights=[{"path": "small.th"}])
    with pytest.raises(RequestError, match="does not hold the weights of EncodecModel"):
        EncodecAdapter(entry, weights=WeightFinder([tmp_path], offline=True)).load()


def test_encodec_pickled_code_is_refused(tmp_path: Path) -> None:
    entry = checks.make_entry("encodec", 24_000, arguments={"bandwidth": 6.0}, weights=[{"path": "weights.th"}])
    checks.check_pickled_code_is_refused(entry, tmp_path / "weights.th", tmp_path)
