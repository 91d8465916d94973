"""LLM-Codec's adapter: three files of weights, and on the checkout with random weights the samples of upstream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from grid.codecs.adapters.llmcodec import UPSTREAM, LlmCodecAdapter
from grid.codecs.catalogue import load_catalogue
from grid.codecs.contract import Codec
from grid.codecs.isolation.declaration import declaration
from grid.core.errors import RequestError
from grid.core.identity import file_digest
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, Make
from tests.support.checkouts import imported

HOP = 480
WINDOW = 8 * HOP
SMALL: dict[str, Any] = {  # the published strides and window; the codebook sizes are those of the embeddings
    "encoder_dim": 4,
    "sample_rate": 16_000,
    "encoder_rates": [3, 4, 5, 8],
    "latent_dim": 64,
    "decoder_dim": 64,
    "decoder_rates": [8, 5, 4, 3],
    "vq_strides": [4, 2, 1],
    "noise": True,
    "depthwise": True,
    "use_cblinear": True,
    "attn_window_size": 8,
}
WEIGHTS = [
    {"path": "Dongchao/2024/semantic_acoustic.pth", "source": "hub:Dongchao/2024"},
    {"path": "Dongchao/UniAudio/embed_llama2.pt", "source": "hub:Dongchao/UniAudio"},
    {"path": "LLM-Codec/layer1.pth"},
    {"path": "LLM-Codec/config.yaml"},
]


@contextmanager
def upstream() -> Iterator[Any]:
    with imported("yangdongchao/LLM-Codec", declaration("llm-codec").checkouts[0].commit, "codec"):
        yield import_module(UPSTREAM)


@pytest.fixture(scope="module", name="upstream")
def _upstream() -> Iterator[Any]:
    with upstream() as module:
        yield module


def entry(**facts: Any) -> Any:
    fields = {"arguments": {"codebooks": 3}, "codebooks": 3, "hop": HOP, "weights": WEIGHTS, "stochastic": True}
    return checks.make_entry("llmcodec", 16_000, **{**fields, **facts})


def small_model(upstream: Any, folder: Path, **changes: Any) -> Any:
    """20 words of 16 numbers in the first codebook and 40 in the others, stored in half precision as LLaMA's are."""
    torch.manual_seed(0)
    write(folder, "Dongchao/UniAudio/embed_llama2.pt", {"weight": torch.randn(40, 16).half()})
    write(folder, "LLM-Codec/layer1.pth", torch.randn(20, 16).half())
    paths = {"local_embedding_path": folder / WEIGHTS[1]["path"], "global_embedding_path": folder / WEIGHTS[2]["path"]}
    model = upstream.MSCodecLM(**{**SMALL, **changes, **paths})
    checks.without_biases(model)
    return model


def write(folder: Path, place: str, content: Any) -> None:
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, folder / place)


def adapter(upstream: Any, folder: Path, **changes: Any) -> LlmCodecAdapter:
    return LlmCodecAdapter.from_model(small_model(upstream, folder, **changes), entry())


@contextmanager
def small(folder: Path) -> Iterator[Make]:
    with upstream() as module:
        yield lambda entry: LlmCodecAdapter.from_model(small_model(module, folder), entry)


CONTRACT = [
    AdapterCase(
        entry(),
        small,
        facts=("native_rate", "hop", "codebooks"),
        misfits=[({"arguments": {"codebooks": 2}}, "argument codebooks 2, but the model has 3")],
    )
]


def test_llmcodec_entry_without_one_of_its_files_is_an_error() -> None:
    with pytest.raises(RequestError, match=r"names no weights layer1\.pth"):
        LlmCodecAdapter(entry(weights=[*WEIGHTS[:2], WEIGHTS[3]])).load()


def test_llmcodec_pickled_code_is_refused(tmp_path: Path) -> None:
    for weight in WEIGHTS:
        write(tmp_path, weight["path"], {})
    checks.check_pickled_code_is_refused(entry(), tmp_path / WEIGHTS[0]["path"], tmp_path)


def test_llmcodec_file_of_other_weights_is_an_error(tmp_path: Path) -> None:
    for weight in WEIGHTS:
        write(tmp_path, weight["path"], {"discriminator": {}})
    with pytest.raises(RequestError, match="it lacks codec_model"):
        LlmCodecAdapter(entry(), weights=WeightFinder([tmp_path], offline=True)).load()


def test_llmcodec_entry_finds_two_files_in_the_checkout_of_its_environment() -> None:
    found = load_catalogue().get("llm-codec")
    assert (found.adapter, found.isolated, found.accept_licence) == ("llmcodec", "llm-codec", True)
    assert (found.arguments, found.stochastic) == ({"codebooks": 3}, True)
    assert [declaration("llm-codec").holds(weight.path) for weight in found.weights] == [False, False, True, True]
    LlmCodecAdapter(found)


def test_llmcodec_bitrate_of_the_entry_follows_from_its_words(upstream: Any) -> None:
    """The first codebook has the words of layer1.npy, the others LLaMA 2's 32000 (Touvron et al. 2023, 2.2)."""
    found, folder = load_catalogue().get("llm-codec"), Path(upstream.__file__).parents[1]
    words = np.load(folder / "layer1.npy")
    bits = (np.log2(len(words)) / 4 + np.log2(32_000) / 2 + np.log2(32_000)) * 16_000 / HOP
    assert len(words) == 3248
    assert found.bitrate_kbps == pytest.approx(bits / 1000, abs=0.005)
    assert file_digest(folder / "config.yaml") == found.weights[3].sha256


def test_llmcodec_files_give_the_samples_of_upstreams_inference(upstream: Any, tmp_path: Path) -> None:
    theirs = small_model(upstream, tmp_path).eval()
    write(tmp_path, WEIGHTS[0]["path"], {"codec_model": theirs.state_dict()})
    (tmp_path / WEIGHTS[3]["path"]).write_text(yaml.safe_dump({"generator": {"config": SMALL}}), encoding="utf-8")
    ours = LlmCodecAdapter(entry(), weights=WeightFinder([tmp_path], offline=True))
    waveforms = checks.noise(2, 2 * WINDOW + 100)
    decoded = ours.code(waveforms, [5, 6])
    assert decoded.shape == (2, 3 * WINDOW)
    for row, seed, waveform in zip(decoded, (5, 6), waveforms, strict=True):
        torch.manual_seed(seed)
        with torch.inference_mode():
            expected, codes = theirs.inference(torch.from_numpy(waveform)[None, None])
            our_codes = ours.encode(torch.from_numpy(waveform)[None, None])
        np.testing.assert_allclose(row, expected[0, 0].numpy(), atol=1e-6)
        assert all(torch.equal(first, second) for first, second in zip(codes, our_codes, strict=True))
        assert [stream.shape for stream in codes] == [(1, 6), (1, 12), (1, 24)]
        assert len(codes[2].unique()) > 2


def test_llmcodec_noise_follows_seed_and_utterance_not_the_global_generator(upstream: Any, tmp_path: Path) -> None:
    codec, waveforms = Codec(adapter(upstream, tmp_path)), checks.noise(1, 8_000)
    first = codec.resynthesise(waveforms, ["a"], seed=1)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    np.testing.assert_array_equal(codec.resynthesise(waveforms, ["a"], seed=1), first)
    assert torch.equal(torch.get_rng_state(), before)
    assert checks.difference(first, codec.resynthesise(waveforms, ["a"], seed=2)) > 0.01
    assert checks.difference(first, codec.resynthesise(waveforms, ["b"], seed=1)) > 0.01


def test_llmcodec_output_sample_is_centred_on_its_input_sample(upstream: Any, tmp_path: Path) -> None:
    """Without noise and attention: the straight-through quantiser keeps the gradient, whatever its strides."""
    model = small_model(upstream, tmp_path, noise=False, attn_window_size=None).eval()
    checks.check_alignment(lambda signal: model(signal)[0], 96 * HOP, 4 * HOP)


def test_llmcodec_model_without_projected_words_is_an_error(upstream: Any, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="decodes no model without use_cblinear"):
        adapter(upstream, tmp_path, use_cblinear=False)
