"""SNAC's adapter on the real class with random weights: contract, seeded noise, alignment, and its real file format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from snac import SNAC

from grid.codecs.adapters.snac import SnacAdapter
from grid.codecs.contract import Codec
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, around

HOP = 512
SMALL: dict[str, Any] = {
    "sampling_rate": 24_000,
    "encoder_dim": 4,
    "encoder_rates": [2, 4, 8, 8],
    "decoder_dim": 32,
    "decoder_rates": [8, 8, 4, 2],
    "attn_window_size": None,
    "codebook_size": 16,
    "codebook_dim": 4,
    "vq_strides": [4, 2, 1],
}
WEIGHTS = [
    {"path": f"hubertsiuzdak/snac_24khz/{name}", "source": "hub:hubertsiuzdak/snac_24khz"}
    for name in ("config.json", "pytorch_model.bin")
]


def small_model(**changes: Any) -> SNAC:
    """The strides of the 24 kHz model, few channels, codebooks of 16."""
    torch.manual_seed(0)
    model = SNAC(**{**SMALL, **changes})
    checks.without_biases(model)
    return model


def adapter(**changes: Any) -> SnacAdapter:
    return SnacAdapter.from_model(small_model(**changes), checks.make_entry("snac", 24_000, codebooks=3))


CONTRACT = [
    AdapterCase(
        checks.make_entry("snac", 24_000, codebooks=3, weights=WEIGHTS),
        around(SnacAdapter, small_model),
        facts=("native_rate", "codebooks"),
    )
]


def test_snac_44khz_structure_with_local_attention_keeps_the_contract() -> None:
    changes = {"sampling_rate": 44_100, "encoder_dim": 16, "decoder_dim": 128, "vq_strides": [8, 4, 2, 1]}
    model = small_model(attn_window_size=32, encoder_rates=[2, 3, 8, 8], decoder_rates=[8, 8, 3, 2], **changes)
    codec = Codec(SnacAdapter.from_model(model, checks.make_entry("snac", 44_100, codebooks=4)))
    waveforms = checks.noise(2, 4_001)
    output = codec.resynthesise(waveforms, ["a", "b"])
    assert output.shape == waveforms.shape
    assert checks.difference(codec.resynthesise(waveforms[1:], ["b"])[0], output[1]) < 1e-5


def test_snac_noise_follows_seed_and_utterance_not_the_global_generator() -> None:
    codec, waveforms = Codec(adapter()), checks.noise(1, 8_000)
    first = codec.resynthesise(waveforms, ["a"], seed=1)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    np.testing.assert_array_equal(codec.resynthesise(waveforms, ["a"], seed=1), first)
    assert torch.equal(torch.get_rng_state(), before)
    assert checks.difference(first, codec.resynthesise(waveforms, ["a"], seed=2)) > 0.01
    assert checks.difference(first, codec.resynthesise(waveforms, ["b"], seed=1)) > 0.01


def test_snac_without_noise_blocks_does_not_depend_on_the_seed() -> None:
    codec, waveforms = Codec(adapter(noise=False)), checks.noise(1, 8_000)
    np.testing.assert_array_equal(
        codec.resynthesise(waveforms, ["a"], seed=1), codec.resynthesise(waveforms, ["a"], seed=2)
    )


def test_snac_seeded_noise_has_the_strength_of_upstream_noise() -> None:
    """Noise blocks compute x + n * Wx with n standard normal: over many draws both deviate alike from the mean."""
    waveforms = np.repeat(checks.noise(1, 4_096), 48, axis=0)
    with torch.inference_mode():
        upstream = small_model().eval()(torch.from_numpy(waveforms)[:, None])[0][:, 0].numpy()
    ours = adapter().code(waveforms, range(48))
    assert ours.std(axis=0).mean() == pytest.approx(upstream.std(axis=0).mean(), rel=0.05)


def test_snac_output_sample_is_centred_on_its_input_sample() -> None:
    model = small_model(noise=False).eval()
    checks.check_alignment(lambda signal: model(signal)[0], 96 * HOP, 4 * HOP)


def test_snac_hub_files_load_through_the_real_code(tmp_path: Path) -> None:
    folder = tmp_path / "hubertsiuzdak" / "snac_24khz"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(SMALL), encoding="utf-8")
    torch.save(small_model().state_dict(), folder / "pytorch_model.bin")
    entry = checks.make_entry("snac", 24_000, weights=WEIGHTS)
    loaded = SnacAdapter(entry, weights=WeightFinder([tmp_path], offline=True))
    waveforms = checks.noise(1, 5_000)
    np.testing.assert_array_equal(loaded.code(waveforms, [7]), adapter().code(waveforms, [7]))

    (folder / "config.json").write_text(json.dumps({**SMALL, "codebook_dim": 5}), encoding="utf-8")
    with pytest.raises(RequestError, match="does not hold the weights of SNAC"):
        SnacAdapter(entry, weights=WeightFinder([tmp_path], offline=True)).load()


def test_snac_pickled_code_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(SMALL), encoding="utf-8")
    files = [{"path": "config.json"}, {"path": "pytorch_model.bin"}]
    entry = checks.make_entry("snac", 24_000, weights=files)
    checks.check_pickled_code_is_refused(entry, tmp_path / "pytorch_model.bin", tmp_path)
