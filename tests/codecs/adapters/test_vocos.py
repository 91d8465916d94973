"""Vocos' adapter: its arguments and errors; on the real classes with random weights where the package is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from encodec import EncodecModel

from grid.codecs.adapters.vocos import CLASSES, VocosAdapter, encodec_untrained, new_model
from grid.codecs.catalogue import load_catalogue
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, Make

HOP = 320
REPO = "charactr/vocos-encodec-24khz"
NAMES = (f"{REPO}/config.yaml", f"{REPO}/pytorch_model.bin", "encodec/encodec_24khz.th")
WEIGHTS = [{"path": path, "source": "https://nowhere.invalid/file"} for path in NAMES]
SIZES: dict[str, dict[str, Any]] = {
    "feature_extractor": {"encodec_model": "encodec_24khz", "bandwidths": [1.5, 3.0, 6.0, 12.0]},
    "backbone": {
        "input_channels": 128,
        "dim": 16,
        "intermediate_dim": 32,
        "num_layers": 2,
        "adanorm_num_embeddings": 4,
    },
    "head": {"dim": 16, "n_fft": 4 * HOP, "hop_length": HOP, "padding": "same"},
}


def entry(bandwidth: float = 6.0, **facts: Any) -> Any:
    return checks.make_entry("vocos", 24_000, **{"arguments": {"bandwidth": bandwidth}, "hop": HOP, **facts})


MARS5 = {"bandwidth": 6.0, "decoded_as": 3.0}


def write_config(path: Path, **classes: str) -> Path:
    """A config.yaml as the authors publish it, with a small backbone."""
    named = {**CLASSES, **classes}
    parts = {part: {"class_path": named[part], "init_args": SIZES[part]} for part in CLASSES}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(parts), encoding="utf-8")
    return path


def require_package() -> None:
    pytest.importorskip("vocos", reason="package vocos is not installed", exc_type=ImportError)


def small_model(folder: Path) -> Any:
    """EnCodec's 24 kHz model and a small Vocos, both random; codebooks of the strength of the latents."""
    require_package()
    torch.manual_seed(0)
    made: Any = new_model(write_config(folder / "config.yaml"))
    checks.without_biases(made)
    torch.nn.init.normal_(made.head.out.weight, std=0.3)
    for name, parameter in made.backbone.named_parameters():
        if name.endswith(("scale.weight", "shift.weight")):  # by bandwidth; alike in an untrained model
            torch.nn.init.normal_(parameter, mean=float("scale" in name), std=0.5)
    features = made.feature_extractor
    latents = features.encodec.encoder(torch.from_numpy(checks.noise(1, 8_000))[:, None])
    codebooks = [layer.codebook for layer in features.encodec.quantizer.vq.layers]
    checks.randomise(codebooks, like=latents)
    features.codebook_weights.data.copy_(torch.cat(codebooks[: features.num_q]))
    return made.eval()


@contextmanager
def small(folder: Path) -> Iterator[Make]:
    model = small_model(folder)
    yield lambda entry: VocosAdapter.from_model(model, entry)


CONTRACT = [
    AdapterCase(
        entry(codebooks=8, weights=WEIGHTS),
        small,
        facts=("native_rate", "hop", "codebooks"),
        misfits=[
            (
                {"arguments": {"bandwidth": 24.0}},
                "no bandwidth 24.0 kbit/s in this model. Choices: 1.5, 3.0, 6.0, 12.0",
            ),
            ({"arguments": {"bandwidth": 6.0, "decoded_as": 5.0}}, "no bandwidth 5.0 kbit/s in this model"),
        ],
        wrong_arguments=[
            ({}, "argument 'bandwidth'"),
            ({"bandwidth": "wide"}, "argument 'bandwidth'"),
            ({"bandwidth": 6.0, "codebooks": 8}, "argument 'codebooks'"),
        ],
    )
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return small_model(tmp_path_factory.mktemp("vocos"))


@pytest.fixture(scope="module")
def adapter(model: Any) -> Callable[[float], VocosAdapter]:
    return lambda bandwidth: VocosAdapter.from_model(model, entry(bandwidth))


@pytest.mark.parametrize(("bandwidth", "index"), [(6.0, 2), (12.0, 3)])
def test_vocos_output_is_that_of_the_package_called_by_hand(
    adapter: Callable[[float], VocosAdapter], model: Any, bandwidth: float, index: int
) -> None:
    waveforms = checks.noise(2, 8_001)
    expected = model(torch.from_numpy(waveforms), bandwidth_id=torch.tensor([index])).numpy()
    np.testing.assert_array_equal(adapter(bandwidth).code(waveforms, [0, 0]), expected)


def test_vocos_conditioned_on_another_bandwidth_is_the_decoding_of_mars5_by_hand(model: Any) -> None:
    # Camb-ai/MARS5-TTS@84697c8, inference.py, `vocode`: the eight codebooks of 6 kbit/s, decoded as bandwidth_id 1
    waveforms = checks.noise(2, 8_001)
    with torch.inference_mode():
        frames = model.feature_extractor.encodec
        frames.set_target_bandwidth(6.0)
        codes = frames.encode(torch.from_numpy(waveforms)[:, None])[0][0]
        features = model.codes_to_features(codes.transpose(0, 1))
        expected = model.decode(features, bandwidth_id=torch.tensor([1])).numpy()
    mars5 = VocosAdapter.from_model(model, entry(arguments=MARS5))
    np.testing.assert_array_equal(mars5.code(waveforms, [0, 0]), expected)
    assert checks.difference(expected, VocosAdapter.from_model(model, entry(6.0)).code(waveforms, [0, 0])) > 0.01


def test_vocos_bandwidth_changes_the_output(adapter: Callable[[float], VocosAdapter]) -> None:
    waveforms = checks.noise(1, 8_000)
    assert checks.difference(adapter(6.0).code(waveforms, [0]), adapter(12.0).code(waveforms, [0])) > 0.01


def test_vocos_decoder_window_lies_around_the_middle_of_its_frame(model: Any) -> None:
    features = torch.randn(1, 128, 60, generator=torch.Generator().manual_seed(0))
    sample = 30 * HOP + HOP // 2
    features.requires_grad_()
    decode = type(model).decode.__wrapped__  # without its inference mode
    decode(model, features, bandwidth_id=torch.tensor([2]))[0, sample].backward()
    assert features.grad is not None
    touched = torch.nonzero(features.grad[0].abs().sum(0)).flatten()
    assert (int(touched[0]) + int(touched[-1])) / 2 == 30


def test_vocos_two_files_load_without_a_download_and_a_lacking_tensor_is_an_error(
    adapter: Callable[[float], VocosAdapter], tmp_path: Path
) -> None:
    model = small_model(tmp_path)  # that of `adapter` has no weight normalisations any more
    write_config(tmp_path / NAMES[0])
    own = {name: tensor for name, tensor in model.state_dict().items() if ".encodec." not in name}
    torch.save(own, tmp_path / NAMES[1])
    (tmp_path / "encodec").mkdir()
    torch.save(model.feature_extractor.encodec.state_dict(), tmp_path / NAMES[2])
    finder = WeightFinder([tmp_path], offline=True)
    waveforms = checks.noise(1, 5_000)
    loaded = VocosAdapter(entry(weights=WEIGHTS), weights=finder)
    np.testing.assert_array_equal(loaded.code(waveforms, [0]), adapter(6.0).code(waveforms, [0]))

    del own["head.out.weight"]
    torch.save(own, tmp_path / NAMES[1])
    with pytest.raises(RequestError, match=r"does not hold the weights of Vocos: .*head\.out\.weight"):
        VocosAdapter(entry(weights=WEIGHTS), weights=finder).load()
    checks.check_pickled_code_is_refused(entry(weights=WEIGHTS), tmp_path / NAMES[1], tmp_path)


def test_vocos_config_that_names_another_class_is_refused(tmp_path: Path) -> None:
    require_package()
    config = write_config(tmp_path / "config.yaml", head="subprocess.Popen")
    with pytest.raises(RequestError, match=r"names classes \['subprocess\.Popen'"):
        new_model(config)
    config.write_text("[]", encoding="utf-8")
    with pytest.raises(RequestError, match="does not describe a Vocos model"):
        new_model(config)


def test_encodec_untrained_makes_random_weights_and_leaves_the_class_as_it_was() -> None:
    before = EncodecModel.__dict__["encodec_model_24khz"]
    with encodec_untrained():
        assert EncodecModel.encodec_model_24khz(pretrained=True).sample_rate == 24_000
    assert EncodecModel.__dict__["encodec_model_24khz"] is before


@pytest.mark.parametrize(("name", "kbps"), [("vocos-encodec-6kbps", 6.0), ("vocos-encodec-12kbps", 12.0)])
def test_vocos_catalogue_entries_are_ones_the_adapter_takes(name: str, kbps: float) -> None:
    found = load_catalogue().get(name)
    assert VocosAdapter(found).arguments.bandwidth == found.bitrate_kbps == kbps
    assert found.codebooks == kbps / 0.75
    assert {weight.path.rsplit(".", 1)[-1] for weight in found.weights} == {"yaml", "bin", "th"}
