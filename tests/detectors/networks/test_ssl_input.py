"""Encoders of filter banks: equal to transformers' extractors and classes, golden states of Whisper, no padding."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file
from transformers import AutoConfig, SeamlessM4TFeatureExtractor, WhisperFeatureExtractor, WhisperModel
from transformers.models.whisper import modeling_whisper

from grid.core.errors import RequestError
from grid.core.identity import file_digest
from grid.core.randomness import seed_number
from grid.detectors.contract import Features
from grid.detectors.networks.ssl_encoder import SslEncoder
from grid.detectors.networks.ssl_input import input_of, least_samples
from tests.support.tiny_encoders import LAYERS, SIZE, TINY_W2V_BERT, TINY_WHISPER, built, declared, noise

FINE_TUNED: dict[str, Any] = {"frozen": False}
BOTH = pytest.mark.parametrize("configuration", [TINY_W2V_BERT, TINY_WHISPER], ids=["w2v-bert", "whisper"])


def speech(folder: Path, samples: int) -> torch.Tensor:
    read, _ = soundfile.read(folder / "librispeech" / "103" / "103-1240-0000.flac", dtype="float32", frames=samples)
    return torch.from_numpy(read)


@pytest.mark.parametrize("samples", [6400, 16_000, 15_999])
def test_filter_banks_of_whisper_equal_the_real_extractor(shared_speech: Path, samples: int) -> None:
    waveforms = torch.stack([speech(shared_speech, samples), noise(samples) * 0.01])
    extractor = WhisperFeatureExtractor(chunk_length=1)
    expected = extractor(list(waveforms.numpy()), sampling_rate=16_000, return_tensors="pt").input_features
    given = input_of(AutoConfig.for_model(**TINY_WHISPER))(waveforms)
    assert given.shape == (2, 80, 100)
    assert torch.allclose(given, expected, atol=1e-6)


@pytest.mark.parametrize("samples", [720, 16_000, 16_080, 16_240])
def test_filter_banks_of_w2v_bert_equal_the_real_extractor_where_its_mask_is_set(
    shared_speech: Path, samples: int
) -> None:
    waveforms = torch.stack([speech(shared_speech, samples), noise(samples)])
    expected = SeamlessM4TFeatureExtractor(padding_value=1)(
        list(waveforms.numpy()), sampling_rate=16_000, return_tensors="pt"
    )
    heard = expected.attention_mask[0].bool()
    given = input_of(AutoConfig.for_model(**TINY_W2V_BERT))(waveforms)
    assert given.shape == (2, int(heard.sum()), 160)
    assert torch.allclose(given, expected.input_features[:, heard], atol=1e-3)


@BOTH
def test_filter_banks_are_in_float32_inside_autocast(configuration: dict[str, Any]) -> None:
    module, waveforms = input_of(AutoConfig.for_model(**configuration)), noise(2, 4000)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(module(waveforms), module(waveforms.double()))


@BOTH
def test_hidden_states_are_those_of_transformers(configuration: dict[str, Any]) -> None:
    module, waveforms = built(configuration, layers="all"), noise(2, 4000)
    hidden = module.encode(waveforms)
    with torch.no_grad():
        expected = module.encoder(module.input(waveforms), output_hidden_states=True)
    frames = hidden.shape[2]
    assert hidden.shape == (LAYERS + 1, 2, frames, SIZE)
    for number in range(LAYERS):
        assert torch.equal(hidden[number], expected.hidden_states[number][:, :frames])
    assert torch.equal(hidden[LAYERS], expected.last_hidden_state[:, :frames])
    assert declared(configuration, layers="all").features == Features("layers", size=SIZE, layers=LAYERS + 1)


@BOTH
@pytest.mark.parametrize("layers", ["last", "all", 0, 1])
def test_forward_is_select_of_encode_bit_for_bit(configuration: dict[str, Any], layers: str | int) -> None:
    module, waveforms = built(configuration, layers=layers), noise(3, 4000)
    assert torch.equal(module(waveforms), module.select(module.encode(waveforms)))
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


@BOTH
def test_clip_has_the_same_features_in_any_batch(configuration: dict[str, Any]) -> None:
    clip, loud = noise(1, 4000), 50 * noise(4, 4000)
    alone = built(configuration)(clip)
    assert torch.allclose(built(configuration)(torch.cat([loud, clip]))[-1:], alone, atol=1e-5)
    item_by_item = built(configuration, item_by_item=True)
    assert torch.equal(item_by_item(torch.cat([loud, clip]))[-1:], item_by_item(clip))


@pytest.mark.parametrize(("samples", "frames"), [(1, 1), (320, 1), (321, 2), (15_999, 50), (16_000, 50)])
def test_whisper_hands_on_the_frames_of_speech_alone(samples: int, frames: int) -> None:
    assert built(TINY_WHISPER)(noise(1, samples)).shape == (1, frames, SIZE)


def test_lengths_that_cannot_be_heard_are_refused() -> None:
    with pytest.raises(RequestError, match="hears at most 16,000 samples, not 16,001; use a shorter crop"):
        built(TINY_WHISPER)(noise(1, 16_001))
    with pytest.raises(RequestError, match="needs at least 560 samples, not 559"):
        built(TINY_W2V_BERT)(noise(1, 559))
    assert built(TINY_W2V_BERT)(noise(1, 560)).isfinite().all()


@BOTH
def test_frozen_pass_draws_nothing_and_gives_no_gradient(configuration: dict[str, Any]) -> None:
    module = built(configuration | {"dropout": 0.5, "hidden_dropout": 0.5}).train()
    before = torch.get_rng_state()
    assert torch.equal(module(noise(2, 4000)), module(noise(2, 4000)))
    assert torch.equal(torch.get_rng_state(), before)
    assert not module(noise(2, 4000)).requires_grad


@BOTH
def test_fine_tuned_gradients_reach_the_first_layer(configuration: dict[str, Any]) -> None:
    module = built(configuration, dropout=0.0, layerdrop=0.0, **FINE_TUNED).train()
    assert torch.equal(module(noise(2, 4000)), module(noise(2, 4000)))
    module(noise(2, 4000)).square().sum().backward()
    assert [name for name, value in module.named_parameters() if value.grad is not None and value.grad.any()]
    first = "encoder.conv1.weight" if configuration is TINY_WHISPER else "encoder.feature_projection.projection.weight"
    gradient = module.get_parameter(first).grad
    assert gradient is not None
    assert gradient.any()


def test_layers_that_whisper_skips_repeat_the_state_before_them() -> None:
    module = built(TINY_WHISPER, layerdrop=0.999, dropout=0.0, layers="all", **FINE_TUNED)
    torch.manual_seed(0)
    hidden = module(noise(1, 4000))
    assert all(torch.equal(hidden[number], hidden[0]) for number in range(1, LAYERS))
    assert torch.equal(hidden[LAYERS], module.encoder.layer_norm(hidden[0]))


def test_options_and_configurations_without_effect_are_refused() -> None:
    with pytest.raises(RequestError, match="masks no input of Whisper's encoder alone; leave mask out"):
        built(TINY_WHISPER, mask=True, **FINE_TUNED)
    with pytest.raises(RequestError, match=r"must be a multiple of the 80 mel bins .* not 100"):
        built(TINY_W2V_BERT | {"feature_projection_input_dim": 100})


@pytest.mark.parametrize("prefix", ["model.", ""])
def test_checkpoint_with_a_decoder_gives_its_encoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    # the hub's files have the names of WhisperForConditionalGeneration, which begin with "model."
    monkeypatch.setenv("CODECGRID_WEIGHTS", str(tmp_path))
    torch.manual_seed(11)
    model = WhisperModel(AutoConfig.for_model(**TINY_WHISPER)).eval()
    state = {f"{prefix}{name}": value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(state, tmp_path / "tiny.safetensors")
    options = {"weights": "tiny.safetensors", "weights_sha256": file_digest(tmp_path / "tiny.safetensors")}
    encoder = built(TINY_WHISPER, **options).encoder
    assert encoder.conv1.weight.dtype == torch.float32
    for name, value in model.encoder.state_dict().items():
        assert torch.equal(encoder.state_dict()[name], value.half().float())
    save_file({"encoder.conv1.bias": torch.zeros(SIZE)}, tmp_path / "tiny.safetensors")
    options["weights_sha256"] = file_digest(tmp_path / "tiny.safetensors")
    with pytest.raises(RequestError, match=r"lacks \d+ tensors of WhisperEncoder, such as conv1\.weight"):
        built(TINY_WHISPER, **options)


def test_random_whisper_has_the_weights_of_the_whole_model_and_makes_no_decoder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_number("ssl", 5))
        whole = WhisperModel(AutoConfig.for_model(**TINY_WHISPER)).encoder.state_dict()
    monkeypatch.delattr(modeling_whisper, "WhisperDecoder")
    encoder = built(TINY_WHISPER, random_seed=5).encoder
    assert type(encoder).__name__ == "WhisperEncoder"
    assert all(torch.equal(value, whole[name]) for name, value in encoder.state_dict().items())


@pytest.fixture(scope="module")
def whisper_base(shared_weights: Path) -> SslEncoder:
    """The published Whisper base, all hidden states; its digest is checked."""
    configuration = json.loads((shared_weights / "whisper-base" / "config.json").read_text(encoding="utf-8"))
    digest = "817ca4510cc4d80003aac4553045bdc3593a272ec2aa009af1b613974c440545"
    options = {"weights": "whisper-base/model.safetensors", "weights_sha256": digest, "layers": "all"}
    return built(configuration, model="openai/whisper-base", **options)


@pytest.mark.slow
@pytest.mark.parametrize("utterance_id", ["2033-164914-0000", "p227_003"])
def test_whisper_base_gives_its_golden_hidden_states(
    whisper_base: SslEncoder, shared_speech: Path, shared_weights: Path, utterance_id: str
) -> None:
    # golden.csv: transformers 5.23, torch 2.11, float32, one thread; its values have four decimals
    with (shared_speech / "protocol.csv").open(encoding="utf-8") as stream:
        paths = {row["utterance_id"]: shared_speech / row["path"] for row in csv.DictReader(stream)}
    with (shared_weights / "whisper-base" / "golden.csv").open(encoding="utf-8") as stream:
        golden = [row for row in csv.DictReader(stream) if row["utterance_id"] == utterance_id]
    waveform, _ = soundfile.read(paths[utterance_id], dtype="float32")
    hidden = whisper_base(torch.from_numpy(waveform).unsqueeze(0))
    assert [int(row["hidden_state"]) for row in golden] == [0, 3, 6]
    for row in golden:
        state = hidden[int(row["hidden_state"]), 0]
        assert len(state) == int(row["speech_frames"])
        expected = [float(value) for value in row["first_eight_values"].split()]
        np.testing.assert_allclose(state[int(row["frame"]), :8].numpy(), expected, atol=2e-4)
        assert state.abs().mean().item() == pytest.approx(float(row["mean_absolute_over_speech_frames"]), abs=2e-4)


def test_least_samples_of_wav2vec2_are_its_25_ms_and_20_ms_more_for_each_frame() -> None:
    kernels, strides = [10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]
    assert [least_samples(kernels, strides, frames) for frames in (1, 2, 199)] == [400, 720, 400 + 198 * 320]
