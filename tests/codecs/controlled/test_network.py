"""Every kind of member: shapes, codes within range, decoding from codes alone, and no shift in time."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from grid.codecs.controlled.blocks import FrequencyHead, TimeHead
from grid.codecs.controlled.network import SmallCodec, whole_frames
from grid.codecs.controlled.spec import Network, Quantisation
from tests.support.tiny_codecs import QUANTISERS, spec
from tests.support.torch_codec_checks import check_alignment, noise

KINDS = list(itertools.product(["residual", "single", "scalar"], ["none", "disentangled"], ["time", "frequency"]))


def trained_once(quantiser: str, auxiliary: str, decoder: str) -> SmallCodec:
    """A member whose codebooks have seen one batch."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    codec = SmallCodec(spec(quantiser, auxiliary, decoder).network)
    codec(torch.from_numpy(noise(4, 3200)))
    return codec.eval()


@pytest.mark.parametrize(("quantiser", "auxiliary", "decoder"), KINDS)
def test_codes_alone_give_what_the_whole_pass_gives(quantiser: str, auxiliary: str, decoder: str) -> None:
    codec = trained_once(quantiser, auxiliary, decoder)
    samples = torch.from_numpy(noise(2, 1600))
    with torch.inference_mode():
        codes, utterance = codec.encode(samples)
        assert codes.shape == (2, 10, 3)
        assert not codes.is_floating_point()
        assert 0 <= int(codes.min()) <= int(codes.max()) < 16
        assert (utterance is None) == (auxiliary == "none")
        decoded = codec.decode(codes, utterance)
        assert decoded.shape == samples.shape
        torch.testing.assert_close(decoded, codec(samples).samples, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("decoder", ["time", "frequency"])
def test_output_sample_is_centred_on_its_input_sample(decoder: str) -> None:
    codec = trained_once("scalar", "none", decoder)
    check_alignment(lambda signal: codec(signal[:, 0]).samples[:, None], 16_000, hop=160)


@pytest.mark.parametrize("head", [TimeHead, FrequencyHead])
def test_head_frame_lies_in_the_middle_of_its_span(head: type[TimeHead] | type[FrequencyHead]) -> None:
    torch.manual_seed(0)
    made = head(4)
    frames = torch.randn(1, 4, 11)
    changed = frames.clone()
    changed[..., 5] += 1.0
    touched = torch.nonzero((made(frames) - made(changed))[0].abs() > 1e-7).flatten()
    assert (int(touched[0]) + int(touched[-1])) / 2 == pytest.approx(5 * 160 + 79.5, abs=1)
    assert made(frames).shape == (1, 11 * 160)


def test_whole_frames_pads_the_end_with_zeros() -> None:
    padded = whole_frames(torch.ones(1, 161))
    assert padded.shape == (1, 320)
    assert float(padded.sum()) == 161


@pytest.mark.parametrize(
    ("options", "bits"),
    [
        ({"kind": "residual", "tokens": 6, "size": 1024}, 60),
        ({"kind": "single", "tokens": 6, "size": 1024}, 60),
        ({"kind": "scalar", "tokens": 5, "levels": [8, 8, 8, 8]}, 60),
        (QUANTISERS["scalar"], 12),
    ],
)
def test_bits_of_a_frame_are_those_of_its_tokens(options: dict[str, object], bits: float) -> None:
    network = Network.model_validate({"quantiser": options, "decoder": {"kind": "time"}})
    assert math.isclose(network.quantiser.bits, bits)
    assert network.bitrate_kbps == bits / 10


@pytest.mark.parametrize("options", [{"kind": "scalar", "tokens": 1}, {"kind": "single", "tokens": 1, "levels": [4]}])
def test_levels_for_the_wrong_quantiser_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="levels"):
        Quantisation.model_validate(options)


def test_gradients_reach_the_encoder_through_every_quantiser() -> None:
    for quantiser in QUANTISERS:
        codec = trained_once(quantiser, "none", "time").train()
        codec(torch.from_numpy(noise(2, 1600))).quantised.first.square().sum().backward()
        gradient = codec.encoder.analysis.weight.grad
        assert gradient is not None
        assert float(gradient.abs().sum()) > 0, quantiser


def test_encoder_hears_the_level_behind_its_normalisation() -> None:
    codec = trained_once("residual", "none", "time")
    samples = torch.from_numpy(noise(1, 1600))
    with torch.inference_mode():
        loud, soft = codec.encoder(samples), codec.encoder(0.1 * samples)
    assert float((loud - soft).abs().mean()) > 0.1 * float(loud.abs().mean())
