"""HILCodec's adapter: its errors; on graphs of the authors' class, and on their own graphs where these can be had.

The first need onnxruntime, onnx and a checkout in $CODECGRID_CHECKOUTS; the second, which git holds, the weights too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from grid.codecs.adapters.hilcodec import HOP, HilcodecAdapter
from grid.codecs.catalogue import load_catalogue
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, Make
from tests.support.checkouts import checkout, imported

NAME = "hilcodec-speech"
COMMIT = "616e8c36e5ee99c32d8bbb65b855e87a9a314abd"
SMALL: dict[str, Any] = {
    "channels_enc": 4,
    "channels_dec": 4,
    "encoder_l2norm": False,
    "vq_kwargs": {"dim": 8, "codebook_size": 64, "num_quantizers": 8},
}
"""The rest is as in configs/hilcodec_speech.yaml, whose other values are the defaults of the class."""
GRAPHS = ["enc.onnx", "dec.onnx", "cache_enc.npz", "cache_dec.npz"]
GRAPHS += [f"{kind}{index}.onnx" for kind in ("vq", "deq") for index in range(8)]


def entry(folder: str, codebooks: int = 8, frames: int = 1) -> Any:
    files = [{"path": f"{folder}/hil_speech_{name}", "source": "https://nowhere.invalid/hil"} for name in GRAPHS]
    arguments = {"codebooks": codebooks, "frames": frames}
    return checks.make_entry("hilcodec", 24_000, arguments=arguments, weights=files)


@contextmanager
def upstream() -> Iterator[Any]:
    """The authors' streaming class with random weights; the packages around it import metrics that are not needed."""
    pytest.importorskip("onnxruntime", reason="package onnxruntime is not installed")
    pytest.importorskip("onnx", reason="package onnx, which exports graphs, is not installed")
    with imported("aask1357/hilcodec", COMMIT, "models", "functional", "utils", "modules") as folder:
        for name in ("models", "models.hilcodec"):
            sys.modules[name] = package = ModuleType(name)
            package.__path__ = [str(folder / name.replace(".", "/"))]
        streaming: Any = pytest.importorskip("models.hilcodec.streaming", exc_type=ImportError)
        torch.manual_seed(0)
        made = streaming.HILCodec(24_000, **SMALL)
        checks.without_biases(made)
        for parameter_name, parameter in made.named_parameters():
            if "scale_param" in parameter_name:  # zero until trained: the residual layers would do nothing
                torch.nn.init.ones_(parameter)
        made.eval().remove_weight_reparameterizations()
        zeros = made.encoder.initialize_cache(torch.zeros(1))
        with torch.no_grad():
            latents = made.encoder(torch.from_numpy(checks.noise(1, 64 * HOP, seed=1))[:, None], *zeros)[0][0]
        spread = latents - latents.mean(dim=0)
        made.quantizer.layers[0].embed.copy_(latents)  # one codebook of the latents themselves, seven of residuals
        checks.randomise([layer.embed for layer in made.quantizer.layers[1:]], like=spread)
        for coded, decoded in zip(made.quantizer.layers, made.dequantizer.layers, strict=True):
            decoded.embed.copy_(coded.embed)
        for layer_name, parameter in made.decoder.named_parameters():
            if not layer_name.startswith("blocks."):  # as initialised, each of these layers attenuates the signal by 3
                parameter.data.mul_(3)
        yield made


@pytest.fixture(scope="module")
def model() -> Iterator[Any]:
    with upstream() as made:
        yield made


def export_graphs(model: Any, folder: Path) -> None:
    """All files of a model, exported as the authors' notebook does, with their names of inputs and outputs."""
    (folder / "small").mkdir()
    place = f"{folder}/small/hil_speech_"
    encoder_zeros, decoder_zeros = model.initialize_cache(torch.zeros(1))
    wave, vectors, code = torch.zeros(1, 1, HOP), torch.zeros(1, 1, 8), torch.zeros(1, 1, dtype=torch.int64)
    export_streaming(model.encoder, wave, encoder_zeros, f"{place}enc.onnx", ("wav_in", "e_in", "e_out"))
    export_streaming(model.decoder, vectors, decoder_zeros, f"{place}dec.onnx", ("q", "d_in", "d_out"))
    np.savez(f"{place}cache_enc.npz", **{f"e_in{i}": zeros.numpy() for i, zeros in enumerate(encoder_zeros)})
    np.savez(f"{place}cache_dec.npz", **{f"d_in{i}": zeros.numpy() for i, zeros in enumerate(decoder_zeros)})
    for index, layer in enumerate(model.quantizer.layers):
        export(layer, (vectors,), f"{place}vq{index}.onnx", ["x"], ["q", "idx"], {"x": {1: "time"}})
    for index, layer in enumerate(model.dequantizer.layers):
        export(layer, (code,), f"{place}deq{index}.onnx", ["idx"], ["q"], {"idx": {1: "time"}})


@pytest.fixture(scope="module")
def graphs(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hilcodec")
    export_graphs(model, folder)
    return folder


def export_streaming(module: Any, given: Any, zeros: list[Any], path: str, names: tuple[str, str, str]) -> None:
    first, before, after = names
    numbers = range(len(zeros))
    inputs, outputs = [first, *(f"{before}{i}" for i in numbers)], ["out", *(f"{after}{i}" for i in numbers)]
    export(module, (given, *zeros), path, inputs, outputs, {first: {2 if first == "wav_in" else 1: "time"}})


def export(module: Any, given: Any, path: str, inputs: list[str], outputs: list[str], axes: Any) -> None:
    torch.onnx.export(
        module, given, path, input_names=inputs, output_names=outputs, dynamic_axes=axes, opset_version=17, dynamo=False
    )


def adapter(folder: Path, codebooks: int = 8, frames: int = 1) -> HilcodecAdapter:
    return HilcodecAdapter(entry("small", codebooks, frames), weights=WeightFinder([folder], offline=True))


@contextmanager
def small(folder: Path) -> Iterator[Make]:
    with upstream() as model:
        export_graphs(model, folder)
        yield lambda entry: HilcodecAdapter(entry, weights=WeightFinder([folder], offline=True))


CONTRACT = [
    AdapterCase(
        entry("small", frames=4),
        small,
        wrong_arguments=[
            (arguments, "Arguments: codebooks, frames")
            for arguments in (
                {},
                {"codebooks": 0},
                {"codebooks": 9},
                {"codebooks": 8, "frames": 0},
                {"codebooks": 8, "rate": 3},
            )
        ],
    )
]


def by_upstream(model: Any, waveform: Any, codebooks: int) -> tuple[Any, Any]:
    """Codes and samples of the class in torch, the whole utterance at once."""
    zeros = model.initialize_cache(torch.zeros(1))
    with torch.no_grad():
        codes = model.quantizer(model.encoder(torch.from_numpy(waveform)[None, None], *zeros[0])[0], codebooks)
        decoded = model.decoder(model.dequantizer(codes, codebooks), *zeros[1])[0]
    return codes[:, 0].numpy(), decoded[0, 0].numpy()


@pytest.mark.parametrize(("codebooks", "frames"), [(8, 1), (8, 4), (2, 1)])
def test_hilcodec_codes_and_output_are_those_of_upstreams_class(
    model: Any, graphs: Path, codebooks: int, frames: int
) -> None:
    waveform = checks.noise(1, 30 * HOP)[0]
    codec = adapter(graphs, codebooks=codebooks, frames=frames)
    codes, decoded = by_upstream(model, waveform, codebooks)
    assert len(np.unique(codes)) > 16
    ours = codec.encode(waveform)
    assert (ours == codes).mean() > 0.99  # rounding turns a code that is nearly a tie
    np.testing.assert_allclose(codec.decode(codes), decoded, atol=1e-5)
    assert np.abs(decoded).max() > 0.01


def test_hilcodec_frame_is_made_of_no_later_frame(graphs: Path) -> None:
    """A change from frame 12 on changes no sample before it; where it begins it may leave the codes as they were."""
    waveforms = checks.noise(2, 24 * HOP, seed=5)
    waveforms[1, : 12 * HOP] = waveforms[0, : 12 * HOP]
    first, second = adapter(graphs).code(waveforms, [0, 0])
    assert 12 * HOP <= int(np.flatnonzero(first != second)[0]) < 14 * HOP


def test_hilcodec_authors_quantiser_finds_each_vector_of_its_own_codebook() -> None:
    pytest.importorskip("onnxruntime", reason="package onnxruntime is not installed")
    folder = checkout("aask1357/hilcodec", COMMIT)
    if not (folder / "onnx/hil_speech_vq0.onnx").is_file():
        pytest.skip("the checkout lacks the authors' graphs")
    codec = HilcodecAdapter(entry("onnx", codebooks=1), weights=WeightFinder([folder], offline=True))
    every = np.arange(1024)[None]
    np.testing.assert_array_equal(codec.quantise(codec.restore(every)), every)


def test_hilcodec_authors_graphs_give_the_authors_codes_and_audio() -> None:
    """Golden: onnx/hil_speech_quantized.npy and onnx/hil_speech_output.wav of the repository, its first ten seconds."""
    pytest.importorskip("onnxruntime", reason="package onnxruntime is not installed")
    folder = checkout("aask1357/hilcodec", COMMIT)
    codec = HilcodecAdapter(load_catalogue().get(NAME))
    missing = [weight.path for weight in codec.entry.weights if codec.weights.locate(weight) is None]
    if missing:
        pytest.skip(f"needs the authors' graphs: {missing[0]} is missing")
    frames = 750
    speech = soundfile.read(folder / "onnx/input_speech.wav", dtype="float32")[0][: frames * HOP]
    golden = np.load(folder / "onnx/hil_speech_quantized.npy")[:, 0, :frames].astype(np.int64)
    assert (codec.encode(speech) == golden).mean() > 0.99
    audio = soundfile.read(folder / "onnx/hil_speech_output.wav", dtype="float32")[0][: frames * HOP]
    np.testing.assert_allclose(codec.decode(golden), audio, atol=1e-3)


def test_hilcodec_catalogue_names_all_graphs_at_the_pinned_commit() -> None:
    facts = load_catalogue().get(NAME)
    assert facts.isolated == "hilcodec"
    assert {weight.path.removeprefix("hilcodec/hil_speech_") for weight in facts.weights} == set(GRAPHS)
    for weight in facts.weights:
        place = weight.path.removeprefix("hilcodec/")
        assert weight.source == f"https://raw.githubusercontent.com/aask1357/hilcodec/{COMMIT}/onnx/{place}"
