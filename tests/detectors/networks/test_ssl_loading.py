"""Weights of the SSL frontend: random ones, files, and the hub's own files in a cache and in a weights folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoConfig, Wav2Vec2ForPreTraining

from grid.core.errors import MissingRequirementError, RequestError
from grid.core.identity import file_digest
from grid.detectors.frontends.ssl import DEFAULT_MODEL, Ssl, SslOptions
from grid.detectors.networks.ssl_shape import KNOWN
from tests.support.tiny_encoders import TINY_XLSR, built, noise

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MODEL = "someone/encoder"


@pytest.fixture(autouse=True)
def _only_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODECGRID_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def pretrained() -> Any:
    """The class of XLS-R's own checkpoint: the encoder with a quantiser and two projections beside it."""
    torch.manual_seed(11)
    return Wav2Vec2ForPreTraining(AutoConfig.for_model(**TINY_XLSR, codevector_dim=16, proj_codevector_dim=16))


def as_published(model: Any) -> dict[str, torch.Tensor]:
    """The state dict as `pytorch_model.bin` of 2021 names it, with the older torch's names of weight norm."""
    renamed = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    state = {}
    for name, tensor in model.state_dict().items():
        for new, old in renamed.items():
            name = name.replace(new, old)
        state[name] = tensor.detach().clone()
    return state


def in_hub_cache(tmp_path: Path) -> Path:
    folder = tmp_path / "hub" / f"models--{MODEL.replace('/', '--')}" / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(TINY_XLSR))
    return folder


def from_hub(**options: Any) -> Any:
    return Ssl(SslOptions.model_validate({"model": MODEL, "model_revision": COMMIT} | options)).build()


def expected_of(model: Any) -> torch.Tensor:
    with torch.no_grad():
        output: torch.Tensor = model.wav2vec2.eval()(noise(2, 4000)).last_hidden_state
    return output


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_published_checkpoint_in_the_hub_cache_gives_its_hidden_states(tmp_path: Path, name: str) -> None:
    model, folder = pretrained(), in_hub_cache(tmp_path)
    state = as_published(model)
    if name.endswith(".bin"):
        torch.save(state, folder / name)
    else:
        save_file(state, folder / name)
    assert torch.equal(from_hub()(noise(2, 4000)), expected_of(model))


def test_main_branch_is_read_where_no_commit_is_named(tmp_path: Path) -> None:
    model, folder = pretrained(), in_hub_cache(tmp_path)
    torch.save(as_published(model), folder / "pytorch_model.bin")
    (folder.parents[1] / "refs").mkdir()
    (folder.parents[1] / "refs" / "main").write_text(COMMIT)
    assert torch.equal(from_hub(model_revision=None)(noise(2, 4000)), expected_of(model))
    with pytest.raises(MissingRequirementError, match=r"hf download .*--revision other"):
        from_hub(model_revision="other")


def test_file_below_a_weights_folder_is_loaded_and_its_digest_checked(tmp_path: Path) -> None:
    model, path = pretrained(), tmp_path / "weights" / "mine" / "encoder.pt"
    path.parent.mkdir(parents=True)
    torch.save(model.wav2vec2.state_dict(), path)
    options = {"weights": "mine/encoder.pt", "weights_sha256": file_digest(path)}
    assert torch.equal(built(**options)(noise(2, 4000)), expected_of(model))
    with pytest.raises(RequestError, match=rf"{'0' * 64}"):
        built(**options | {"weights_sha256": "0" * 64})


def test_loading_moves_no_random_number(tmp_path: Path) -> None:
    folder = in_hub_cache(tmp_path)
    torch.save(as_published(pretrained()), folder / "pytorch_model.bin")
    before = torch.get_rng_state()
    from_hub()
    built()
    assert torch.equal(torch.get_rng_state(), before)


def test_missing_mask_embedding_matters_only_with_masks(tmp_path: Path) -> None:
    model, folder = pretrained(), in_hub_cache(tmp_path)
    state = as_published(model)
    del state["wav2vec2.masked_spec_embed"]
    save_file(state, folder / "model.safetensors")
    module = from_hub(frozen=False)
    assert torch.equal(module.eval()(noise(2, 4000)), expected_of(model))
    assert module.encoder.masked_spec_embed.abs().sum() == 0
    with pytest.raises(RequestError, match="lacks 1 tensors of Wav2Vec2Model, such as masked_spec_embed"):
        from_hub(frozen=False, mask=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("wav2vec2.encoder.layers.1.layer_norm.bias"), "lacks 1 tensors of Wav2Vec2Model"),
        (
            lambda state: state.update({"wav2vec2.encoder.layer_norm.bias": torch.zeros(7)}),
            "does not fit the configuration",
        ),
    ],
)
def test_weights_of_another_encoder_are_refused(tmp_path: Path, change: Any, message: str) -> None:
    state, folder = as_published(pretrained()), in_hub_cache(tmp_path)
    change(state)
    torch.save(state, folder / "pytorch_model.bin")
    with pytest.raises(RequestError, match=message):
        from_hub()


def test_pickled_code_is_not_run(tmp_path: Path) -> None:
    torch.save({"call": print}, in_hub_cache(tmp_path) / "pytorch_model.bin")
    with pytest.raises(RequestError, match=r"pytorch_model\.bin: holds more than plain tensors"):
        from_hub()


def test_missing_weights_name_file_source_and_place(tmp_path: Path) -> None:
    in_hub_cache(tmp_path)
    with pytest.raises(MissingRequirementError) as caught:
        from_hub()
    message = str(caught.value)
    assert f"hub:{MODEL}" in message
    assert str(tmp_path / "weights" / MODEL / "pytorch_model.bin") in message
    assert "HF_HUB_OFFLINE" in message


def test_default_encoder_is_checked_against_the_pinned_digest(tmp_path: Path) -> None:
    folder = tmp_path / "weights" / DEFAULT_MODEL
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(TINY_XLSR | {"hidden_size": 1024, "num_hidden_layers": 24}))
    torch.save(as_published(pretrained()), folder / "pytorch_model.bin")
    with pytest.raises(RequestError, match=str(KNOWN[DEFAULT_MODEL].sha256)):
        Ssl(SslOptions()).build()


def test_configuration_of_another_shape_than_the_table_says_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "weights" / DEFAULT_MODEL
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(TINY_XLSR))
    with pytest.raises(RequestError, match="has 3 layers of 32, not 24 of 1024"):
        Ssl(SslOptions()).build()


def test_configuration_that_transformers_refuses_is_a_request_error() -> None:
    with pytest.raises(RequestError, match="configuration: "):
        built(TINY_XLSR | {"conv_dim": [16, 16]})


def test_masks_without_any_chance_of_one_are_refused() -> None:
    with pytest.raises(RequestError, match="mask_time_prob 0 and mask_feature_prob 0: nothing is masked"):
        built(TINY_XLSR | {"mask_time_prob": 0.0}, mask=True, frozen=False)
