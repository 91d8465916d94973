"""SQ-Codec's adapter: the authors' zip, and on the checkout with random weights the same samples as upstream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import torch
import yaml

from grid.codecs.adapters.sqcodec import UPSTREAM, SqCodecAdapter, hop_length
from grid.codecs.catalogue import load_catalogue
from grid.codecs.isolation.declaration import declaration
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, Make
from tests.support.checkouts import imported

HOP = 320
SMALL: dict[str, Any] = {  # strides that make 50 frames per second; those of the published model are in its zip alone
    "num_bands": 1,
    "sample_rate": 16_000,
    "causal": True,
    "num_samples": 2,
    "downsample_factors": [2, 4, 4, 5],
    "downsample_kernel_sizes": [4, 8, 8, 10],
    "upsample_factors": [5, 4, 4, 2],
    "upsample_kernel_sizes": [10, 8, 8, 4],
    "latent_hidden_dim": 6,
    "default_kernel_size": 7,
    "delay_kernel_size": 5,
    "init_channel": 4,
    "res_kernel_size": 7,
}
WEIGHTS = [{"path": "Dongchao/UniAudio/16k_50dim_9.zip", "source": "hub:Dongchao/UniAudio"}]


@contextmanager
def upstream() -> Iterator[Any]:
    pytest.importorskip("pytorch_lightning", reason="needs pytorch_lightning, which upstream's module imports")
    pytest.importorskip("omegaconf", reason="needs omegaconf, which upstream's module imports")
    with imported("yangdongchao/SimpleSpeech", declaration("sq-codec").checkouts[0].commit, "ldm"):
        yield import_module(UPSTREAM)


@pytest.fixture(scope="module", name="upstream")
def _upstream() -> Iterator[Any]:
    with upstream() as module:
        yield module


def entry(**facts: Any) -> Any:
    fields = {"arguments": {"dimensions": 6, "levels": 19}, "codebooks": 6, "weights": WEIGHTS}
    return checks.make_entry("sqcodec", 16_000, **{**fields, **facts})


def small_model(upstream: Any, **changes: Any) -> Any:
    """Latents that fill their range: as initialised, they are 0 but for the biases."""
    torch.manual_seed(0)
    model = upstream.ScalarModel(**{**SMALL, **changes})
    checks.without_biases(model)
    for name, parameter in model.named_parameters():
        if name.endswith("weight_g"):
            torch.nn.init.constant_(parameter, 20.0 if name.startswith("encoder.6") else 1.0)
    return model


def adapter(upstream: Any, **facts: Any) -> SqCodecAdapter:
    return SqCodecAdapter.from_model(small_model(upstream), entry(**facts))


@contextmanager
def small(_: Path) -> Iterator[Make]:
    with upstream() as module:
        yield lambda entry: SqCodecAdapter.from_model(small_model(module), entry)


CONTRACT = [
    AdapterCase(
        entry(),
        small,
        facts=("codebooks",),
        misfits=[
            ({"arguments": {"dimensions": 50, "levels": 19}}, "argument dimensions 50, but the model has 6"),
            ({"arguments": {"dimensions": 6, "levels": 11}}, "argument levels 11, but the model has 19"),
        ],
        wrong_arguments=[({"levels": 19}, r"'dimensions': Field required.*Arguments: dimensions, levels")],
    )
]


def write_zip(folder: Path, state: dict[str, Any], *more: str) -> Path:
    """The authors' archive: a folder with the configuration and the torch file."""
    path = folder / WEIGHTS[0]["path"]
    path.parent.mkdir(parents=True)
    torch.save(state, folder / "ckpt_00190000.pth")
    with ZipFile(path, "w") as archive:
        archive.writestr("16k_50dim_9/config.yaml", yaml.safe_dump({"generator": {"config": SMALL}}))
        for name in ("ckpt_00190000.pth", *more):
            archive.write(folder / "ckpt_00190000.pth", f"16k_50dim_9/{name}")
    return path


def load(folder: Path) -> SqCodecAdapter:
    codec = SqCodecAdapter(entry(), weights=WeightFinder([folder], offline=True))
    assert codec.model is not None
    return codec


def test_sqcodec_entry_names_what_the_adapter_takes() -> None:
    found = load_catalogue().get("sq-codec-50dim9")
    assert (found.adapter, found.isolated, found.accept_licence) == ("sqcodec", "sq-codec", True)
    assert found.arguments == {"dimensions": 50, "levels": 19}
    assert declaration("sq-codec").imports == (UPSTREAM,)
    SqCodecAdapter(found)


def test_sqcodec_file_that_is_no_zip_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / WEIGHTS[0]["path"]
    path.parent.mkdir(parents=True)
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(RequestError, match="no zip archive"):
        load(tmp_path)


def test_sqcodec_zip_with_two_torch_files_is_an_error_that_lists_them(tmp_path: Path) -> None:
    write_zip(tmp_path, {}, "ckpt_00200000.pth")
    with pytest.raises(RequestError, match=r"one \.yaml and one \.pth file.*ckpt_00190000\.pth.*ckpt_00200000\.pth"):
        load(tmp_path)


def test_sqcodec_file_of_other_weights_is_an_error(tmp_path: Path) -> None:
    write_zip(tmp_path, {"discriminator": {}})
    with pytest.raises(RequestError, match="it lacks codec_model"):
        load(tmp_path)


def test_sqcodec_zip_gives_the_samples_of_upstreams_inference(upstream: Any, tmp_path: Path) -> None:
    theirs = small_model(upstream).eval()
    write_zip(tmp_path, {"codec_model": theirs.state_dict(), "discriminator": {}})
    waveforms = checks.noise(2, 20 * HOP)
    with torch.inference_mode():
        _, quantised, expected = theirs.inference(torch.from_numpy(waveforms)[:, None])
        codes = load(tmp_path).encode(torch.from_numpy(waveforms)[:, None])
    np.testing.assert_array_equal(load(tmp_path).code(waveforms, [0, 0]), expected[:, 0].numpy())
    assert codes.shape == (2, 6, 20)
    assert torch.equal(codes, (9 * quantised).round().long())
    assert len(codes.unique()) > 9


def test_sqcodec_hop_follows_from_the_layers(upstream: Any) -> None:
    assert hop_length(small_model(upstream).encoder) == HOP
    changes = {"num_samples": 1, "downsample_factors": [2, 4], "downsample_kernel_sizes": [4, 8]}
    assert hop_length(small_model(upstream, **changes).encoder) == 8


def test_sqcodec_frames_know_nothing_of_the_future_but_their_look_ahead(upstream: Any) -> None:
    """The decoder's first layer sees two frames ahead (kernel 5); everything else of the causal model looks back."""
    codec = adapter(upstream)
    waveforms = checks.noise(2, 30 * HOP)
    waveforms[1, : 20 * HOP] = waveforms[0, : 20 * HOP]
    first, second = codec.code(waveforms, [0, 0])
    changed = np.flatnonzero(first != second)
    assert 18 * HOP <= changed[0] < 20 * HOP
