"""XCodec2's adapter on the real class with random weights: contract, frames, and its real file format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Xcodec2Config, Xcodec2FeatureExtractor, Xcodec2Model

from grid.codecs.adapters.xcodec2 import Xcodec2Adapter
from grid.codecs.catalogue import load_catalogue
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, around

HOP = 320
REPO = "HKUSTAudio/xcodec2-hf"
NAMES = ("config.json", "preprocessor_config.json", "model.safetensors")
WEIGHTS = [{"path": f"{REPO}/{name}", "source": f"hub:{REPO}"} for name in NAMES]
SEMANTIC: dict[str, Any] = {
    "model_type": "wav2vec2-bert",
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "feature_projection_input_dim": 160,
}
SMALL: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "encoder_hidden_size": 4,
    "quantization_dim": 80,
}


def small_model() -> Xcodec2Model:
    """XCodec2's strides and its 65536 codes with few channels and layers; codes that depend on the input."""
    torch.manual_seed(0)
    model = Xcodec2Model(Xcodec2Config(semantic_model_config=dict(SEMANTIC), **SMALL))
    checks.without_biases(model)
    latents: list[torch.Tensor] = []
    hook = model.quantizer.register_forward_pre_hook(lambda module, given: latents.append(given[0]))
    adapter_around(model).encode(torch.from_numpy(checks.noise(1, 8_000))[:, None])
    hook.remove()
    torch.nn.init.normal_(model.quantizer.project_in.weight, std=1 / float(latents[0].norm(dim=-1).mean()))
    torch.nn.init.normal_(model.quantizer.project_out.weight, std=0.5)
    torch.nn.init.normal_(model.acoustic_decoder.head.linear.weight, std=0.3)
    return model.eval()


def adapter_around(model: Xcodec2Model) -> Xcodec2Adapter:
    return Xcodec2Adapter.from_model(model, entry())


def entry(**facts: Any) -> Any:
    return checks.make_entry("xcodec2", 16_000, **{"hop": HOP, "codebook_size": 4**8, **facts})


def adapter() -> Xcodec2Adapter:
    return adapter_around(small_model())


CONTRACT = [
    AdapterCase(
        entry(weights=WEIGHTS), around(Xcodec2Adapter, small_model), facts=("native_rate", "hop", "codebook_size")
    )
]


@pytest.mark.slow
def test_xcodec2_output_is_that_of_the_model_called_by_hand() -> None:
    model, waveforms = small_model(), checks.noise(2, 8_001)
    inputs = Xcodec2FeatureExtractor()(audio=list(waveforms), sampling_rate=16_000, return_tensors="pt")
    with torch.inference_mode():
        expected = model(**inputs).audio_values[:, 0].numpy()
    assert checks.difference(expected, adapter().code(waveforms, [0, 0])) < 1e-6


@pytest.mark.parametrize(("samples", "frames"), [(10 * HOP - 1, 10), (10 * HOP, 11)])
def test_xcodec2_whole_hops_get_one_frame_more(samples: int, frames: int) -> None:
    with torch.inference_mode():
        codes = adapter().encode(torch.from_numpy(checks.noise(2, samples))[:, None])
    assert codes.shape == (2, 1, frames)
    assert len(torch.unique(codes)) > frames, "the codes do not depend on the input"


@pytest.mark.slow
def test_xcodec2_hub_folder_loads_and_a_missing_tensor_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / REPO
    small_model().save_pretrained(folder)
    Xcodec2FeatureExtractor().save_pretrained(folder)
    waveforms = checks.noise(1, 5_000)
    finder = WeightFinder([tmp_path], offline=True)
    loaded = Xcodec2Adapter(entry(weights=WEIGHTS), weights=finder)
    np.testing.assert_array_equal(loaded.code(waveforms, [0]), adapter().code(waveforms, [0]))

    tensors = load_file(folder / "model.safetensors")
    del tensors["fc_encoder.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RequestError, match="1 tensors are missing"):
        Xcodec2Adapter(entry(weights=WEIGHTS), weights=finder).load()


def test_xcodec2_catalogue_entry_is_one_the_adapter_takes() -> None:
    found = load_catalogue().get("xcodec2")
    Xcodec2Adapter(found)
    assert found.codebook_size == 4**8
    assert [weight.path for weight in found.weights] == [weight["path"] for weight in WEIGHTS]
    assert found.accept_licence
