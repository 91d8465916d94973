"""Mimi's adapter on the real class with random weights: contract, codebooks, causality, and its real file format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import MimiConfig, MimiModel

from grid.codecs.adapters.mimi import MimiAdapter
from grid.codecs.contract import Codec
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, around

HOP = 1920
WEIGHTS = [
    {"path": f"kyutai/mimi/{name}", "source": "hub:kyutai/mimi"} for name in ("config.json", "model.safetensors")
]


def small_model() -> MimiModel:
    """Mimi's strides and its split quantiser, few channels, one transformer layer, 8 codebooks of 64."""
    torch.manual_seed(0)
    config = MimiConfig(
        hidden_size=32,
        num_filters=4,
        num_hidden_layers=1,
        intermediate_size=32,
        num_attention_heads=2,
        num_key_value_heads=2,
        codebook_size=64,
        codebook_dim=8,
        vector_quantization_hidden_dimension=8,
        num_quantizers=8,
        upsample_groups=32,
    )
    model = MimiModel(config)
    checks.without_biases(model)
    latents = model.encoder(torch.from_numpy(checks.noise(1, 8_000))[:, None]).latents
    checks.randomise([tensor for name, tensor in model.named_buffers() if name.endswith("embed_sum")], like=latents)
    return model


def adapter(codebooks: int = 8) -> MimiAdapter:
    return MimiAdapter.from_model(small_model(), checks.make_entry("mimi", 24_000, arguments={"codebooks": codebooks}))


CONTRACT = [
    AdapterCase(
        checks.make_entry("mimi", 24_000, arguments={"codebooks": 8}, codebooks=8, weights=WEIGHTS),
        around(MimiAdapter, small_model),
        facts=("native_rate", "codebooks"),
        misfits=[({"arguments": {"codebooks": 9}}, "9 codebooks requested, the model takes 1 to 8")],
        wrong_arguments=[({}, "'codebooks'")],
    )
]


@pytest.mark.parametrize("codebooks", [1, 4, 8])
def test_mimi_codebooks_are_as_many_as_requested(codebooks: int) -> None:
    with torch.inference_mode():
        codes = adapter(codebooks).encode(torch.from_numpy(checks.noise(2, 5 * HOP))[:, None])
    assert codes.shape == (2, codebooks, 5)


def test_mimi_fewer_codebooks_change_the_output() -> None:
    waveforms = checks.noise(1, 5 * HOP)
    assert checks.difference(adapter(2).code(waveforms, [0]), adapter(8).code(waveforms, [0])) > 0.01


def test_mimi_change_in_a_frame_moves_nothing_before_it() -> None:
    checks.check_causal_frames(Codec(adapter()), HOP)


def test_mimi_hub_folder_loads_and_a_missing_tensor_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "kyutai" / "mimi"
    small_model().save_pretrained(folder)
    entry = checks.make_entry("mimi", 24_000, arguments={"codebooks": 8}, weights=WEIGHTS)
    waveforms = checks.noise(1, 2 * HOP)
    loaded = MimiAdapter(entry, weights=WeightFinder([tmp_path], offline=True))
    np.testing.assert_array_equal(loaded.code(waveforms, [0]), adapter().code(waveforms, [0]))

    tensors = load_file(folder / "model.safetensors")
    # the flat names are those of the published file; the class itself nests its halves one level deeper
    del tensors["encoder.layers.0.conv.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RequestError, match="1 tensors are missing"):
        MimiAdapter(entry, weights=WeightFinder([tmp_path], offline=True)).load()
