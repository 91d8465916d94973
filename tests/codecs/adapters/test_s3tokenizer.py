"""S3Tokenizer's adapter: arguments and errors; with CosyVoice's real classes and random weights where they are."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from grid.codecs.adapters.s3tokenizer import S3TokenizerAdapter
from grid.codecs.catalogue import load_catalogue
from grid.codecs.contract import Codec, Samples, resample
from grid.codecs.entry import CatalogueEntry
from grid.codecs.isolation.declaration import declaration
from grid.codecs.shared.cosyvoice import SPEAKER, CosyVoiceSizes, SpeakerEncoder, mel_frames, new_flow, new_vocoder
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, Make
from tests.support.checkouts import imported

HOP = 640
SMALL = CosyVoiceSizes(1, 64, 64, 1, 1, 16)
FILES = ("speech_tokenizer_v2.onnx", "campplus.onnx", "flow.pt", "hift.pt")
NewAdapter = Callable[..., S3TokenizerAdapter]
WEIGHTS = [{"path": f"cosyvoice/{name}", "source": "https://nowhere.invalid/file"} for name in FILES]


def entry(prompt: str = "utterance", **facts: Any) -> Any:
    return checks.make_entry("s3tokenizer", 16_000, **{"arguments": {"prompt": prompt}, "hop": HOP, **facts})


def voice(waveform: Samples) -> Samples:
    """A speaker vector that depends on the samples."""
    return np.resize(np.abs(np.fft.rfft(waveform[0]))[:SPEAKER], (1, SPEAKER)).astype(np.float32)


@contextmanager
def upstream() -> Iterator[None]:
    """Imports from both checkouts, at the commits of the environment."""
    for package in ("s3tokenizer", "onnxruntime", "conformer", "diffusers", "lightning", "hydra"):
        pytest.importorskip(package, reason=f"package {package} is not installed", exc_type=ImportError)
    commits = {found.folder: found.commit for found in declaration("cosyvoice").checkouts}
    with (
        imported("FunAudioLLM/CosyVoice", commits["CosyVoice"], "cosyvoice"),
        imported("shivammehta25/Matcha-TTS", commits["Matcha-TTS"], "matcha"),
    ):
        yield


@pytest.fixture(scope="module", name="upstream")
def _upstream() -> Iterator[None]:
    with upstream():
        yield


def small_tokenizer() -> Any:
    from s3tokenizer import S3TokenizerV2
    from s3tokenizer.model_v2 import ModelConfig

    torch.manual_seed(0)
    made = S3TokenizerV2("small v2", ModelConfig(n_audio_state=128, n_audio_head=2, n_audio_layer=1))
    torch.nn.init.normal_(made.quantizer._codebook.project_down.weight, std=1.0)
    return made.eval()


def small_model(tokenizer: Any) -> Any:
    """The published structure with few channels and layers."""
    torch.manual_seed(0)
    parts = {"tokenizer": tokenizer, "flow": new_flow(SMALL), "vocoder": new_vocoder(SMALL)}
    return torch.nn.ModuleDict(parts).eval()


def adapter_around(model: Any, entry: CatalogueEntry) -> S3TokenizerAdapter:
    made = S3TokenizerAdapter.from_model(model, entry)
    made.speaker = voice
    return made


@contextmanager
def small(_: Path) -> Iterator[Make]:
    with upstream():
        model = small_model(small_tokenizer())
        yield lambda entry: adapter_around(model, entry)


CONTRACT = [
    AdapterCase(
        entry(codebook_size=6561, weights=WEIGHTS),
        small,
        facts=("native_rate", "hop", "codebook_size"),
        wrong_arguments=[
            ({}, "argument 'prompt'"),
            ({"prompt": "another"}, "argument 'prompt'"),
            ({"prompt": "none", "steps": 10}, "argument 'steps'"),
        ],
    )
]


@pytest.fixture(scope="module")
def tokenizer(upstream: None) -> Any:
    return small_tokenizer()


@pytest.fixture(scope="module")
def model(tokenizer: Any) -> Any:
    return small_model(tokenizer)


@pytest.fixture(scope="module")
def adapter(model: Any) -> NewAdapter:
    return lambda prompt="utterance": adapter_around(model, entry(prompt))


def test_s3tokenizer_tokens_are_those_of_the_package_called_by_hand(adapter: NewAdapter, tokenizer: Any) -> None:
    import s3tokenizer

    waveform = torch.from_numpy(checks.noise(1, 20 * HOP - 7))
    padded = torch.nn.functional.pad(waveform, (0, 7))
    expected, lengths = tokenizer.quantize(*s3tokenizer.padding([s3tokenizer.log_mel_spectrogram(padded[0])]))
    codes = adapter().encode(waveform[:, None])
    assert codes.shape == (1, 1, 20) == (1, 1, int(lengths[0]))
    assert torch.equal(codes[:, 0], expected)
    assert len(torch.unique(codes)) > 5, "the tokens do not depend on the input"


def test_s3tokenizer_decoding_is_that_of_cosyvoice_called_by_hand(adapter: NewAdapter, model: Any) -> None:
    from cosyvoice.cli.model import CosyVoice2Model

    waveform = checks.noise(1, 20 * HOP)
    at_24khz = torch.from_numpy(resample(waveform, 16_000, 24_000))
    codes = torch.randint(0, 6561, (1, 20), generator=torch.Generator().manual_seed(0))
    whole = CosyVoice2Model(torch.nn.Identity(), model["flow"], model["vocoder"])
    whole.hift_cache_dict["id"] = None
    torch.manual_seed(11)
    expected = whole.token2wav(
        codes, codes.int(), mel_frames(at_24khz), torch.from_numpy(voice(waveform)), 0, "id", finalize=True
    )
    with torch.inference_mode():
        decoded = adapter().decode(codes[:, None], waveform, seed=11)
    assert decoded.shape == (1, 20 * 960)
    assert torch.equal(decoded, expected)


def test_s3tokenizer_noise_follows_the_seed_not_the_global_generator(adapter: NewAdapter) -> None:
    codec, waveforms = Codec(adapter()), checks.noise(1, 9_000)
    first = codec.resynthesise(waveforms, ["a"], seed=1)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    np.testing.assert_array_equal(codec.resynthesise(waveforms, ["a"], seed=1), first)
    assert torch.equal(torch.get_rng_state(), before)
    assert not np.array_equal(first, codec.resynthesise(waveforms, ["a"], seed=2))
    assert not np.array_equal(first, codec.resynthesise(waveforms, ["b"], seed=1))


def test_s3tokenizer_without_prompt_makes_something_else_of_the_same_length(adapter: NewAdapter) -> None:
    waveforms = checks.noise(1, 9_000)
    with_prompt, without = (adapter(prompt).code(waveforms, [0]) for prompt in ("utterance", "none"))
    assert with_prompt.shape == without.shape == (1, 15 * HOP)
    assert checks.difference(with_prompt, without) > 1e-4


def test_s3tokenizer_more_than_the_noise_of_the_flow_is_refused(adapter: NewAdapter) -> None:
    codes = torch.zeros((1, 1, 25 * 151), dtype=torch.int64)
    with pytest.raises(RequestError, match="up to 300 s, prompt included, but 302 s are requested"):
        adapter().decode(codes, np.zeros((1, 151 * 16_000), dtype=np.float32), seed=0)


def test_s3tokenizer_new_flow_has_upstreams_noise_and_keeps_the_other_generators(upstream: None) -> None:
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    flow: Any = new_flow(SMALL)
    assert random.random() == random.Random(3).random()
    assert np.random.random_sample() == np.random.RandomState(3).random_sample()  # noqa: NPY002
    expected = torch.randn((1, 80, 15_000), generator=torch.Generator().manual_seed(0))
    assert torch.equal(flow.decoder.rand_noise, expected)


def test_s3tokenizer_speaker_vector_comes_from_centred_filter_banks(upstream: None, tmp_path: Path) -> None:
    path = tmp_path / "campplus.onnx"
    weight = write_speaker_graph(path)
    waveform = checks.noise(1, 16_000)
    from torchaudio.compliance.kaldi import fbank

    banks = fbank(torch.from_numpy(waveform), num_mel_bins=80, dither=0, sample_frequency=16_000)
    centred = (banks - banks.mean(0)).numpy()
    np.testing.assert_allclose(SpeakerEncoder(path)(waveform), (centred.max(0) @ weight)[None], rtol=1e-3, atol=1e-3)


def write_speaker_graph(path: Path) -> Any:
    """An ONNX graph of CAM++'s signature: the largest value of every bin, times a matrix that is returned."""
    onnx = pytest.importorskip("onnx", reason="package onnx is not installed")
    weight = np.random.default_rng(0).standard_normal((80, SPEAKER)).astype(np.float32)
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("ReduceMax", ["banks"], ["largest"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["largest", "weight"], ["vector"]),
    ]
    ends = (
        [helper.make_tensor_value_info("banks", kind, [1, None, 80])],
        [helper.make_tensor_value_info("vector", kind, [1, SPEAKER])],
    )
    graph = helper.make_graph(nodes, "speaker", *ends, [onnx.numpy_helper.from_array(weight, "weight")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return weight


def test_s3tokenizer_published_file_formats_load_and_a_lacking_tensor_is_an_error(
    adapter: NewAdapter, model: Any, tokenizer: Any, tmp_path: Path
) -> None:
    class Small(S3TokenizerAdapter):
        sizes = SMALL

        def load_tokenizer(self, path: Path) -> Any:
            return tokenizer

    folder = tmp_path / "cosyvoice"
    folder.mkdir()
    write_speaker_graph(folder / "campplus.onnx")
    (folder / FILES[0]).write_bytes(b"not an ONNX file")
    torch.save(model["flow"].state_dict(), folder / "flow.pt")
    vocoder = {f"generator.{name}": tensor for name, tensor in model["vocoder"].state_dict().items()}
    torch.save(vocoder, folder / "hift.pt")
    finder = WeightFinder([tmp_path], offline=True)
    loaded, made, waveforms = Small(entry(weights=WEIGHTS), weights=finder), adapter(), checks.noise(1, 9_000)
    made.speaker = SpeakerEncoder(folder / "campplus.onnx")
    np.testing.assert_array_equal(loaded.code(waveforms, [3]), made.code(waveforms, [3]))

    with pytest.raises(RequestError, match="does not hold the weights of S3TokenizerV2"):
        S3TokenizerAdapter(entry(weights=WEIGHTS)).load_tokenizer(folder / FILES[0])
    del vocoder["generator.conv_post.bias"]
    torch.save(vocoder, folder / "hift.pt")
    with pytest.raises(RequestError, match="does not hold the weights of HiFTGenerator"):
        Small(entry(weights=WEIGHTS), weights=finder).load()


def test_s3tokenizer_catalogue_entry_is_one_the_adapter_takes() -> None:
    found = load_catalogue().get("s3tokenizer-cosyvoice2")
    assert S3TokenizerAdapter(found).arguments.prompt == "utterance"
    assert found.stochastic
    assert [weight.path.rsplit("/", 1)[-1] for weight in found.weights] == list(FILES)
    assert found.environment == "isolated:cosyvoice"
