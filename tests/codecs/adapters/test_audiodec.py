"""AudioDec's adapter: its errors; on the real classes with random weights where $CODECGRID_CHECKOUTS holds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from grid.codecs.adapters.audiodec import SILENCE, AudioDecAdapter, new_model
from grid.codecs.catalogue import load_catalogue
from grid.codecs.isolation.declaration import declaration
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, Make
from tests.support.checkouts import imported

HOP = 300
CODER: dict[str, Any] = {"encode_channels": 2, "decode_channels": 2, "code_dim": 8, "codebook_size": 64}
VOCODER: dict[str, Any] = {
    "in_channels": 8,
    "channels": 32,
    "upsample_scales": [5, 5, 4, 3],
    "upsample_kernel_sizes": [10, 10, 8, 6],
    "resblock_kernel_sizes": [11],
    "resblock_dilations": [[1, 3, 5]],
    "groups": 3,
}
PLACES = {"autoencoder/a": CODER, "vocoder/v": VOCODER}
FILES = [
    {"path": path, "source": f"https://nowhere.invalid/{path}"}
    for place in PLACES
    for path in (f"{place}/config.yml", f"{place}/checkpoint.pkl")
]
FILES.append({"path": "vocoder/v/stats.npy", "source": "https://nowhere.invalid/stats.npy"})


def entry(**facts: Any) -> Any:
    return checks.make_entry("audiodec", 24_000, **{"arguments": {"delay": 200}, "hop": HOP, "codebooks": 8, **facts})


def upstream() -> AbstractContextManager[Path]:
    commit = declaration("audiodec").checkouts[0].commit
    return imported("facebookresearch/AudioDec", commit, "models", "layers")


def small_model(folder: Path) -> Any:
    """Random halves; the vocoder's weight norms are 1, for an audible level, codebooks as strong as the latents.

    `stats.npy` in `folder` gets mean and scale of each of the 8 dimensions of the vectors.
    """
    np.save(folder / "stats.npy", np.stack([np.full(8, 0.001), np.full(8, 0.02)]).astype(np.float32))
    torch.manual_seed(0)
    made: Any = new_model(CODER, {**VOCODER, "stats": str(folder / "stats.npy")})
    checks.without_biases(made)
    for name, parameter in made.vocoder.named_parameters():
        if name.endswith("weight_g"):
            torch.nn.init.ones_(parameter)
    with torch.no_grad():
        latents = made.coder.projector(made.coder.encoder(torch.from_numpy(checks.noise(1, 9_000))[:, None]))
    checks.randomise([layer.embed for layer in made.coder.quantizer.codebook.layers], like=latents)
    return made.eval()


@contextmanager
def small(folder: Path) -> Iterator[Make]:
    with upstream():
        model = small_model(folder)
        yield lambda entry: AudioDecAdapter.from_model(model, entry)


CONTRACT = [
    AdapterCase(
        entry(codebooks=8, codebook_size=64, weights=FILES),
        small,
        facts=("hop", "codebooks", "codebook_size"),
        wrong_arguments=[
            ({}, "Arguments: delay"),
            ({"delay": -1}, "Arguments: delay"),
            ({"delay": 200, "hop": 300}, "Arguments: delay"),
        ],
    )
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("audiodec")


@pytest.fixture(scope="module")
def model(folder: Path) -> Iterator[Any]:
    with upstream():
        yield small_model(folder)


@pytest.fixture(scope="module")
def adapter(model: Any) -> AudioDecAdapter:
    return AudioDecAdapter.from_model(model, entry())


def test_audiodec_output_is_that_of_upstreams_stream_from_silence(adapter: AudioDecAdapter, model: Any) -> None:
    """demoFile.py by hand: fresh buffers, 8192 zeros through both halves, then the utterance."""
    waveforms = checks.noise(2, 7_501)
    coded = adapter.code(waveforms, [0, 0])
    assert coded.shape == (2, 26 * HOP)
    for row, ours in zip(waveforms, coded, strict=True):
        with torch.inference_mode():
            model.coder.reset_buffer()
            model.vocoder.reset_buffer()
            model.vocoder.initial_decoder(model.coder.initial_encoder(SILENCE, "cpu"))
            codes = model.coder.quantize(model.coder.encode(torch.from_numpy(row)[None, None]))
            expected = model.vocoder.decode(model.coder.lookup(codes))[0, 0].numpy()
        assert len(codes.unique()) > 16
        np.testing.assert_array_equal(ours, expected)


def test_audiodec_utterance_does_not_depend_on_the_one_before(adapter: AudioDecAdapter) -> None:
    first, second = checks.noise(2, 6_000)[:, None]
    fresh = adapter.code(second, [0])
    adapter.code(100 * first, [0])
    np.testing.assert_array_equal(adapter.code(second, [0]), fresh)


def test_audiodec_frame_is_made_of_no_later_frame(adapter: AudioDecAdapter) -> None:
    """Encoder frame k ends with sample 300 k, so that a change behind sample 3600 first shows in frame 13."""
    waveforms = checks.noise(2, 24 * HOP, seed=5)
    waveforms[1, : 12 * HOP + 1] = waveforms[0, : 12 * HOP + 1]
    first, second = adapter.code(waveforms, [0, 0])
    assert 13 * HOP <= int(np.flatnonzero(first != second)[0]) < 16 * HOP


def test_audiodec_files_of_both_halves_load(adapter: AudioDecAdapter, folder: Path, tmp_path: Path) -> None:
    model = small_model(folder)  # that of `adapter` has no weight normalisations any more
    for place, arguments, part in zip(PLACES, PLACES.values(), (model.coder, model.vocoder), strict=True):
        half = tmp_path / place
        half.mkdir(parents=True)
        described = {**arguments, **({"stats": "stats/elsewhere.npy"} if part is model.vocoder else {})}
        (half / "config.yml").write_text(yaml.safe_dump({"generator_params": described}), encoding="utf-8")
        torch.save({"model": {"generator": part.state_dict()}}, half / "checkpoint.pkl")
    (tmp_path / "vocoder/v/stats.npy").write_bytes((folder / "stats.npy").read_bytes())
    finder, waveforms = WeightFinder([tmp_path], offline=True), checks.noise(1, 6_000)
    loaded = AudioDecAdapter(entry(weights=FILES), weights=finder)
    np.testing.assert_array_equal(loaded.code(waveforms, [0]), adapter.code(waveforms, [0]))

    torch.save({"model": {"discriminator": {}}}, tmp_path / "vocoder/v/checkpoint.pkl")
    with pytest.raises(RequestError, match="holds no generator"):
        AudioDecAdapter(entry(weights=FILES), weights=finder).load()
    (tmp_path / "autoencoder/a/config.yml").write_text("model_type: symAudioDec\n", encoding="utf-8")
    with pytest.raises(RequestError, match="does not describe a model of AudioDec"):
        AudioDecAdapter(entry(weights=FILES), weights=finder).load()


def test_audiodec_published_configuration_makes_the_published_sizes() -> None:
    """7.9 and 19.5 million parameters: the config.yml files of the checkout, read as the adapter reads them."""
    names = ("autoencoder/symAD_libritts_24000_hop300", "vocoder/AudioDec_v1_symAD_libritts_24000_hop300_clean")
    with upstream() as folder:
        files = [folder / "exp" / name / "config.yml" for name in names]
        coder, vocoder = (yaml.safe_load(path.read_text(encoding="utf-8"))["generator_params"] for path in files)
        made: Any = new_model(coder, {**vocoder, "stats": str(folder / vocoder["stats"])})
    AudioDecAdapter.from_model(made, load_catalogue().get("audiodec-24khz"))
    sizes = [sum(p.numel() for p in part.parameters()) / 1e6 for part in (made.coder, made.vocoder)]
    assert sizes == pytest.approx([7.94, 19.46], abs=0.01)


def test_audiodec_delay_is_the_entrys() -> None:
    assert AudioDecAdapter(load_catalogue().get("audiodec-24khz")).delay == 200


def test_audiodec_catalogue_asks_for_its_licence_and_names_the_files_of_both_halves() -> None:
    facts = load_catalogue().get("audiodec-24khz")
    assert facts.accept_licence
    assert facts.isolated == "audiodec"
    found = {"/".join(weight.path.split("/")[2:]) for weight in facts.weights}
    coder, vocoder = "symAD_libritts_24000_hop300", "AudioDec_v1_symAD_libritts_24000_hop300_clean"
    halves = (f"autoencoder/{coder}", f"vocoder/{vocoder}")
    wanted = {f"{half}/{name}" for half in halves for name in ("config.yml", "checkpoint-500000steps.pkl")}
    assert found == wanted | {f"vocoder/{vocoder}/{coder}_clean.npy"}
