"""The SSL frontend's module on transformers' real classes: hidden states, scaling, frozen, fine-tuned, precision."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2FeatureExtractor

from grid.core.errors import RequestError
from grid.detectors.networks.ssl_encoder import SslEncoder, zero_mean_unit_variance
from grid.detectors.networks.ssl_shape import FAMILIES
from tests.support.tiny_encoders import LAYERS, SIZE, TINY, TINY_XLSR, built, declared, noise

FINE_TUNED: dict[str, Any] = {"frozen": False}
UNMOVED = {"hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, "feat_proj_dropout": 0.0}
STEADY = TINY_XLSR | UNMOVED | {"layerdrop": 0.0}
"""No dropout: train mode differs from evaluation mode by masks alone."""


def gradients(module: SslEncoder) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    module(noise(2, 4000)).square().sum().backward()
    return {name: tensor.grad for name, tensor in module.named_parameters() if tensor.grad is not None}


@pytest.mark.parametrize("stable", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_hidden_states_of_each_family_are_those_of_transformers_with_the_normed_last(family: str, stable: bool) -> None:
    module = built((TINY_XLSR if stable else TINY) | {"model_type": family}, layers="all")
    waveforms = noise(2, 4000)
    with torch.no_grad():
        expected = module.encoder(waveforms, output_hidden_states=True)
    hidden = module.encode(waveforms)
    assert hidden.shape == (LAYERS + 1, 2, 12, SIZE)
    for number in range(LAYERS):
        assert torch.equal(hidden[number], expected.hidden_states[number])
    assert torch.equal(hidden[LAYERS], expected.last_hidden_state)


def test_last_hidden_state_of_a_stable_layer_norm_model_is_normed_and_the_others_are_not() -> None:
    hidden = built(layers="all")(noise(1, 8000) * 10)
    deviations = hidden.std(dim=-1, correction=0).mean(dim=(1, 2))
    assert deviations[-1].item() == pytest.approx(1, abs=1e-3)
    assert (deviations[:-1] - 1).abs().min() > 0.01


@pytest.mark.parametrize("layers", ["last", "all", 0, 1, LAYERS])
@pytest.mark.parametrize("item_by_item", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
def test_forward_is_select_of_encode_bit_for_bit(layers: str | int, item_by_item: bool, frozen: bool) -> None:
    module = built(layers=layers, item_by_item=item_by_item, frozen=frozen).eval()
    features, hidden = module(noise(3, 4000)), module.encode(noise(3, 4000))
    assert torch.equal(features, module.select(hidden))
    declared_shape = declared(layers=layers).features
    assert features.shape[-1] == declared_shape.size == SIZE
    assert features.ndim == (4 if layers == "all" else 3)
    assert declared_shape.layers == (LAYERS + 1 if layers == "all" else 1)


def test_select_copies_nothing() -> None:
    hidden = built(layers="all").encode(noise(1, 4000))
    assert built(layers=2).select(hidden).data_ptr() == hidden[2].data_ptr()
    assert built(layers="all").select(hidden) is hidden


def test_one_layer_is_had_without_the_layers_above_it() -> None:
    module = built(layers=1)
    expected = module(noise(1, 4000))
    for parameter in module.encoder.encoder.layers[1:].parameters():
        parameter.data.fill_(float("nan"))
    assert torch.equal(module(noise(1, 4000)), expected)
    assert module.encode(noise(1, 4000)).isnan().any()


def test_no_hook_stays_behind_a_pass_that_ended_early() -> None:
    module = built(layers=1)
    module(noise(1, 4000))
    assert not any(part._forward_hooks for part in module.modules())


@pytest.mark.parametrize("length", [400, 5000])
def test_zero_mean_unit_variance_equals_the_real_feature_extractor(length: int) -> None:
    waveforms = noise(3, length) * torch.tensor([[0.01], [1.0], [9.0]]) + torch.tensor([[0.001], [0.0], [-3.0]])
    extractor = Wav2Vec2FeatureExtractor(do_normalize=True)
    expected = extractor([item.numpy() for item in waveforms], sampling_rate=16_000, return_tensors="np").input_values
    np.testing.assert_allclose(zero_mean_unit_variance(waveforms).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_scaling_is_off_unless_asked_for_and_makes_the_features_blind_to_loudness() -> None:
    waveforms = noise(1, 4000)
    scaled = built(scaling="zero-mean-unit-variance", layers=0)
    assert torch.allclose(scaled(waveforms), scaled(waveforms * 5 + 0.3), atol=1e-4)
    raw = built(TINY, layers=0)
    # the group norm of this kind forgets loudness too, up to its epsilon; the input itself must be untouched
    seen: list[torch.Tensor] = []
    raw.encoder.feature_extractor.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    raw(waveforms)
    assert torch.equal(seen[0], waveforms)


def test_frozen_pass_in_train_mode_is_the_same_each_time_draws_nothing_and_gives_no_gradient() -> None:
    # the configuration's own dropouts, layer drop and masks are on (IMS-ADD had them act on a "frozen" encoder)
    module = built(TINY_XLSR | {"layerdrop": 0.5, "apply_spec_augment": True, "mask_time_prob": 0.5}, layers="all")
    module.train()
    before = torch.get_rng_state()
    first = module(noise(2, 8000))
    assert torch.equal(module(noise(2, 8000)), first)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(module.eval()(noise(2, 8000)), first)
    assert not first.requires_grad
    assert not any(parameter.requires_grad for parameter in module.parameters())


def test_frozen_encoder_stays_in_evaluation_mode_inside_a_model_that_trains() -> None:
    outer = torch.nn.Sequential(built(), torch.nn.Dropout()).train()
    assert outer[1].training
    assert not any(part.training for part in outer[0].encoder.modules())


def test_frozen_features_can_be_trained_upon_after_inference_mode() -> None:
    module, head = built(), torch.nn.Linear(SIZE, 1)
    with torch.inference_mode():
        module(noise(1, 4000))
    head(module(noise(1, 4000))).sum().backward()
    assert head.weight.grad is not None


@pytest.mark.parametrize("layers", ["last", "all"])
@pytest.mark.parametrize("item_by_item", [False, True])
def test_fine_tuned_gradients_reach_the_first_convolution_and_the_last_norm(layers: str, item_by_item: bool) -> None:
    found = gradients(built(layers=layers, item_by_item=item_by_item, layerdrop=0.0, **FINE_TUNED))
    for name in (
        "encoder.feature_extractor.conv_layers.0.conv.weight",
        f"encoder.encoder.layers.{LAYERS - 1}.attention.q_proj.weight",
        "encoder.encoder.layer_norm.weight",
    ):
        assert found[name].abs().sum() > 0


def test_fine_tuned_encoder_trains_in_train_mode_and_is_still_in_evaluation_mode() -> None:
    module = built(**FINE_TUNED)
    assert not torch.equal(module(noise(1, 4000)), module(noise(1, 4000)))
    module.eval()
    assert torch.equal(module(noise(1, 4000)), module(noise(1, 4000)))


def test_masks_are_off_in_train_mode_unless_asked_for() -> None:
    configuration = STEADY | {"mask_time_prob": 0.5, "apply_spec_augment": True}
    unmasked, masked = (built(configuration, mask=mask, **FINE_TUNED) for mask in (False, True))
    still = unmasked.eval()(noise(1, 8000))
    assert torch.equal(unmasked.train()(noise(1, 8000)), still)
    assert not torch.allclose(masked.train()(noise(1, 8000)), still, atol=1e-3)
    assert torch.equal(masked.eval()(noise(1, 8000)), still)


def test_masks_follow_torchs_generator_and_leave_numpys_alone() -> None:
    module = built(STEADY | {"mask_time_prob": 0.5}, mask=True, **FINE_TUNED)
    outputs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        np.random.seed(len(outputs))  # noqa: NPY002
        before = np.random.get_state()[1]  # noqa: NPY002
        outputs.append(module(noise(1, 8000)))
        np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


@pytest.mark.parametrize("family", FAMILIES)
def test_without_dropout_two_passes_in_train_mode_are_the_same(family: str) -> None:
    configuration = TINY_XLSR | {"model_type": family, "conformer_conv_dropout": 0.1, "feat_proj_dropout": 0.1}
    waveforms = noise(2, 4000)
    steady = built(configuration, dropout=0.0, layerdrop=0.0, **FINE_TUNED).train()
    assert torch.equal(steady(waveforms), steady(waveforms))
    given = built(configuration, layerdrop=0.0, **FINE_TUNED).train()
    assert not torch.equal(given(waveforms), given(waveforms))


def test_skipped_layers_repeat_the_state_before_them() -> None:
    module = built(STEADY, layerdrop=0.999, layers="all", **FINE_TUNED)
    torch.manual_seed(0)
    hidden = module(noise(1, 4000))
    for number in range(1, LAYERS):
        assert torch.equal(hidden[number], hidden[0])
    assert torch.equal(hidden[LAYERS], module.encoder.encoder.layer_norm(hidden[0]))
    module.eval()
    assert not torch.equal(module(noise(1, 4000))[1], hidden[0])


@pytest.mark.parametrize("layers", ["last", "all"])
def test_gradient_checkpointing_changes_no_gradient(layers: str) -> None:
    # with dropout on: the layers are computed again with the masks of the first time
    plain_gradients = gradients(built(layers=layers, layerdrop=0.0, **FINE_TUNED))
    module = built(layers=layers, layerdrop=0.0, gradient_checkpointing=True, **FINE_TUNED)
    passes: list[object] = []
    module.encoder.encoder.layers[0].attention.register_forward_hook(lambda *given: passes.append(given))
    found = gradients(module)
    assert len(passes) == 2
    assert found.keys() == plain_gradients.keys()
    for name, gradient in plain_gradients.items():
        assert torch.allclose(found[name], gradient, rtol=1e-4, atol=1e-6), name


@pytest.mark.parametrize("layers", ["last", "all"])
def test_bfloat16_pass_gives_float32_features_near_the_exact_ones(layers: str) -> None:
    exact, reduced = built(layers=layers), built(layers=layers, precision="bfloat16")
    features, near = exact(noise(1, 8000)), reduced(noise(1, 8000))
    assert near.dtype == torch.float32
    assert not torch.equal(near, features)
    assert torch.nn.functional.cosine_similarity(near, features, dim=-1).min() > 0.99
    assert all(parameter.dtype == torch.float32 for parameter in reduced.parameters())


def test_precision_is_the_frontends_own_inside_autocast() -> None:
    module = built()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = module(noise(1, 4000))
    assert torch.equal(inside, module(noise(1, 4000)))


def test_item_by_item_features_do_not_depend_on_the_batch_by_one_bit() -> None:
    module, waveforms = built(layers="all", item_by_item=True), noise(5, 4000)
    together = module(waveforms)
    for number in range(5):
        assert torch.equal(module(waveforms[number : number + 1])[:, 0], together[:, number])


def test_too_short_waveforms_name_the_least_number_of_samples() -> None:
    module = built()
    assert module(noise(1, 400)).shape == (1, 1, SIZE)
    with pytest.raises(RequestError, match="needs at least 400 samples, not 399; use a longer crop"):
        module(noise(1, 399))
    masked = built(TINY_XLSR | {"mask_time_prob": 0.1, "mask_time_length": 10}, mask=True, **FINE_TUNED)
    with pytest.raises(RequestError, match=r"at least 3,280 samples \(its masks are 10 frames long\), not 3,279"):
        masked(noise(1, 3279))
    assert masked(noise(1, 3280)).shape == (1, 10, SIZE)
    assert masked.eval()(noise(1, 400)).shape == (1, 1, SIZE)


def test_copies_of_the_module_are_apart() -> None:
    module = built()
    twin = copy.deepcopy(module)
    for parameter in twin.parameters():
        parameter.data.zero_()
    assert not torch.equal(module(noise(1, 4000)), twin(noise(1, 4000)))
