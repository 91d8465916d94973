"""X-Codec's adapter on the real class with random weights: contract, bandwidths, and its real file format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import XcodecConfig, XcodecModel

from grid.codecs.adapters.xcodec import XcodecAdapter
from grid.codecs.catalogue import load_catalogue
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, around

HOP = 320
REPO = "hf-audio/xcodec-hubert-librispeech"
WEIGHTS = [{"path": f"{REPO}/{name}", "source": f"hub:{REPO}"} for name in ("config.json", "model.safetensors")]
HUBERT: dict[str, Any] = {
    "model_type": "hubert",
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}
DAC = {"model_type": "dac", "encoder_hidden_size": 4, "hidden_size": 8, "decoder_hidden_size": 32}


def small_model() -> XcodecModel:
    """X-Codec's strides, codebooks and bandwidths with few channels and a HuBERT of one layer."""
    torch.manual_seed(0)
    model = XcodecModel(XcodecConfig(acoustic_model_config=dict(DAC), semantic_model_config=dict(HUBERT)))
    checks.without_biases(model)
    latents = model.acoustic_encoder(torch.from_numpy(checks.noise(1, 8_000))[:, None])
    checks.randomise([layer.codebook.embed for layer in model.quantizer.quantizers], like=latents)
    return model


def adapter(bandwidth: float = 4.0) -> XcodecAdapter:
    entry = checks.make_entry("xcodec", 16_000, arguments={"bandwidth": bandwidth})
    return XcodecAdapter.from_model(small_model(), entry)


CONTRACT = [
    AdapterCase(
        checks.make_entry("xcodec", 16_000, arguments={"bandwidth": 4.0}, codebooks=8, weights=WEIGHTS),
        around(XcodecAdapter, small_model),
        facts=("native_rate", "codebooks"),
        misfits=[
            ({"arguments": {"bandwidth": 3.0}}, "no bandwidth 3.0"),
            ({"arguments": {"bandwidth": 0.5}}, "codebooks 8, but the model has 1"),
        ],
        wrong_arguments=[({}, "'bandwidth'")],
    )
]


@pytest.mark.parametrize(("bandwidth", "codebooks"), [(0.5, 1), (2.0, 4), (4.0, 8)])
def test_xcodec_bandwidth_sets_the_codebooks(bandwidth: float, codebooks: int) -> None:
    with torch.inference_mode():
        codes = adapter(bandwidth).encode(torch.from_numpy(checks.noise(2, 10 * HOP - 1))[:, None])
    assert codes.shape == (2, codebooks, 10)


def test_xcodec_less_bandwidth_changes_the_output() -> None:
    waveforms = checks.noise(1, 16_000)
    assert checks.difference(adapter(0.5).code(waveforms, [0]), adapter(4.0).code(waveforms, [0])) > 0.01


def test_xcodec_scale_of_the_entries_multiplies_the_input_as_the_authors_do() -> None:
    waveforms = checks.noise(1, 8_000)
    facts = {"bandwidth": 4.0, "scale": 0.95}
    scaled = XcodecAdapter.from_model(small_model(), checks.make_entry("xcodec", 16_000, arguments=facts))
    by_hand = adapter().code(waveforms * np.float32(0.95), [0])
    np.testing.assert_allclose(scaled.code(waveforms, [0]), by_hand, atol=1e-6)
    for name in ("x-codec-hubert-librispeech", "x-codec-hubert-general"):
        assert load_catalogue().get(name).arguments == facts


@pytest.mark.slow
def test_xcodec_hub_folder_loads_and_a_missing_tensor_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / REPO
    small_model().save_pretrained(folder)
    entry = checks.make_entry("xcodec", 16_000, arguments={"bandwidth": 4.0}, weights=WEIGHTS)
    waveforms = checks.noise(1, 5_000)
    loaded = XcodecAdapter(entry, weights=WeightFinder([tmp_path], offline=True))
    np.testing.assert_array_equal(loaded.code(waveforms, [0]), adapter().code(waveforms, [0]))

    tensors = load_file(folder / "model.safetensors")
    del tensors["fc.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RequestError, match="1 tensors are missing"):
        XcodecAdapter(entry, weights=WeightFinder([tmp_path], offline=True)).load()
