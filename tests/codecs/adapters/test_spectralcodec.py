"""Spectral Codecs' adapter: what it takes from a .nemo archive and what it refuses, and NeMo's classes beside it."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from grid.codecs.adapters.spectralcodec import CONFIG, MODULES, WEIGHTS, SpectralCodecAdapter, new_model
from grid.codecs.catalogue import load_catalogue
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, Make

FILE = "nvidia/mel-codec-22khz/mel-codec-22khz.nemo"
HOP = 256


def entry() -> Any:
    weights = [{"path": FILE, "source": "hub:nvidia/mel-codec-22khz"}]
    return checks.make_entry("spectralcodec", 22_050, hop=HOP, codebooks=8, codebook_size=1000, weights=weights)


def configuration() -> dict[str, Any]:
    """mel_codec_22050.yaml of NeMo's examples, with few channels."""
    mel = {"_target_": f"{MODULES}.MelSpectrogramProcessor", "mel_dim": 80, "sample_rate": 22_050}
    return {
        "sample_rate": 22_050,
        "samples_per_frame": HOP,
        "audio_encoder": {
            "_target_": f"{MODULES}.MultiBandMelEncoder",
            "mel_bands": [[first, first + 10] for first in range(0, 80, 10)],
            "out_channels": 4,
            "hidden_channels": 16,
            "filters": 16,
            "mel_processor": {**mel, "win_length": 1024, "hop_length": HOP},
        },
        "audio_decoder": {
            "_target_": f"{MODULES}.HiFiGANDecoder",
            "up_sample_rates": [8, 8, 2, 2],
            "input_dim": 32,
            "base_channels": 32,
        },
        "vector_quantizer": {
            "_target_": f"{MODULES}.GroupFiniteScalarQuantizer",
            "num_groups": 8,
            "num_levels_per_group": [8, 5, 5, 5],
        },
        "discriminator": {"_target_": "os.system", "command": "is not read"},
    }


def write_archive(folder: Path, config: dict[str, Any], weights: Any) -> SpectralCodecAdapter:
    """A .nemo archive as NeMo writes it, its names beginning with ./, and the adapter that finds it."""
    (folder / CONFIG).write_text(yaml.safe_dump(config), encoding="utf-8")
    torch.save(weights, folder / WEIGHTS)
    place = folder / FILE
    place.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(place, "w") as archive:
        for name in (CONFIG, WEIGHTS):
            archive.add(folder / name, arcname=f"./{name}")
    return SpectralCodecAdapter(entry(), weights=WeightFinder([folder], offline=True))


def test_spectralcodec_entry_names_one_archive_and_needs_its_licence_accepted() -> None:
    found = load_catalogue().get("spectral-codec-22khz")
    assert [weight.path for weight in found.weights] == [FILE]
    assert (found.adapter, found.isolated, found.accept_licence) == ("spectralcodec", "nemo", True)


def test_spectralcodec_archive_without_weights_is_refused(tmp_path: Path) -> None:
    adapter = write_archive(tmp_path, configuration(), {})
    with tarfile.open(tmp_path / FILE, "w") as archive:
        archive.add(tmp_path / CONFIG, arcname=f"./{CONFIG}")
    with pytest.raises(RequestError, match=r"is no \.nemo archive of a codec: it lacks model_weights\.ckpt"):
        adapter.load()


@pytest.mark.parametrize("target", ["os.system", f"{MODULES}.SLMDiscriminator", "nemo.other.MultiBandMelEncoder"])
def test_spectralcodec_configuration_that_asks_for_another_class_is_refused(tmp_path: Path, target: str) -> None:
    config = configuration()
    config["audio_encoder"] |= {"_target_": target}
    with pytest.raises(RequestError, match=f"audio_encoder: {target} is not built from a file"):
        write_archive(tmp_path, config, {}).load()


def test_spectralcodec_value_that_refers_to_another_is_refused(tmp_path: Path) -> None:
    config = configuration()
    config["audio_encoder"]["filters"] = "${hidden}"
    with pytest.raises(RequestError, match=r"audio_encoder\.filters: \$\{hidden\} refers to another value"):
        write_archive(tmp_path, config, {}).load()


def test_spectralcodec_pickled_code_is_refused(tmp_path: Path) -> None:
    class RunsCode:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "code-was-run",))

    adapter = write_archive(tmp_path, configuration(), {"audio_encoder.weight": RunsCode()})
    with pytest.raises(RequestError, match="code in a file is never run"):
        adapter.load()
    assert not (tmp_path / "code-was-run").exists()


def load_small(folder: Path) -> SpectralCodecAdapter:
    """The adapter, from an archive, around NeMo's classes with random weights; mel latents wide enough to vary."""
    pytest.importorskip("nemo.collections.tts", reason="needs nemo-toolkit[tts]; see grid/codecs/environments")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = new_model(configuration(), folder)
    checks.without_biases(model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith("audio_encoder") and "post_conv" in name and parameter.dim() > 1:
                parameter.mul_(200)
    return write_archive(folder, configuration(), model.state_dict())


@contextmanager
def small(folder: Path) -> Iterator[Make]:
    finder = load_small(folder).weights
    yield lambda entry: SpectralCodecAdapter(entry, weights=finder)


CONTRACT = [
    AdapterCase(entry(), small, facts=("native_rate", "hop", "codebooks", "codebook_size"), slow=True),
]


@pytest.fixture
def loaded(tmp_path: Path) -> SpectralCodecAdapter:
    return load_small(tmp_path)


@pytest.mark.slow
def test_spectralcodec_codes_every_frame_of_the_item(loaded: SpectralCodecAdapter) -> None:
    """NeMo 3.0.0 counts one frame too few: of n whole frames and the hop behind them, n are coded."""
    with torch.inference_mode():
        codes, frames = loaded.encode(torch.from_numpy(checks.noise(2, 10 * HOP))[:, None])
    assert frames.tolist() == [10, 10]
    assert codes.shape == (8, 2, 11)
    assert np.asarray(codes)[:, :, :10].max() < 1000


@pytest.mark.slow
def test_spectralcodec_output_lies_where_its_input_lay(loaded: SpectralCodecAdapter) -> None:
    first = checks.noise(1, 120 * HOP)
    second, middle = first.copy(), 60 * HOP
    second[0, middle - 128 : middle + 128] += 10 * checks.noise(1, 256, seed=1)[0]
    changed = np.flatnonzero(np.abs(loaded.code(first, [0]) - loaded.code(second, [0]))[0] > 1e-6)
    assert abs((changed[0] + changed[-1]) / 2 - middle) <= 2 * HOP  # codes change frame by frame, not all at the edge
