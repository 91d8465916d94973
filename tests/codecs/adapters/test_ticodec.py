"""TiCodec's adapter: the authors' files, and on the checkout with random weights the same samples as upstream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from grid.codecs.adapters.ticodec import TicodecAdapter
from grid.codecs.catalogue import load_catalogue
from grid.codecs.isolation.declaration import declaration
from grid.codecs.shared.academicodec import PARTS, new_model
from grid.core.identity import file_digest
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, around
from tests.support.checkouts import imported

HOP = 320
CODES = 32
NAMES = ["ticodec-1g1r", "ticodec-1g2r", "ticodec-1g4r"]
SMALL: dict[str, Any] = {  # the published strides; the codes of the whole are added where the decoder has 128 channels
    "resblock": "2",
    "upsample_rates": [8, 5, 4, 2],
    "upsample_kernel_sizes": [16, 11, 8, 4],
    "upsample_initial_channel": 512,
    "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1, 3]],
    "sampling_rate": 24_000,
    "n_code_groups": 1,
    "residul_layer": 2,
    "n_codes": CODES,
    "codebook_loss_lambda": 1.0,
    "commitment_loss_lambda": 0.25,
    "global_code_num": 8,
    "global_feature_conv": [128, 64, 128, 3, 1],
}
WEIGHTS = [{"path": "y-ren16/TiCodec/g_00300000", "source": "hub:y-ren16/TiCodec"}, {"path": "config.json"}]


def upstream() -> AbstractContextManager[Path]:
    return imported("y-ren16/TiCodec", declaration("ticodec").checkouts[0].commit, "academicodec")


@pytest.fixture(scope="module", name="upstream")
def _upstream() -> Iterator[Path]:
    with upstream() as folder:
        yield folder


def entry(**facts: Any) -> Any:
    arguments = {"codebooks": 2, "global_codes": 8}
    fields = {"arguments": arguments, "weights": WEIGHTS, "hop": HOP, "codebooks": 2, "codebook_size": CODES}
    return checks.make_entry("ticodec", 24_000, **{**fields, **facts})


def small_model(**changes: Any) -> Any:
    """Small in its blocks, with weights that keep the level of the signal, which upstream's initialisation does not."""
    torch.manual_seed(0)
    model = new_model(TicodecAdapter.package, {**SMALL, **changes})
    checks.without_biases(model)
    for name, parameter in model.named_parameters():
        if name.endswith("weight_g"):
            torch.nn.init.ones_(parameter)
        if "GlobalTokenEncoder.conv" in name:
            parameter.data *= 20
        if "embedding" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    return model


def adapter(model: Any = None, **facts: Any) -> TicodecAdapter:
    return TicodecAdapter.from_model(model or small_model(), entry(**facts))


CONTRACT = [
    AdapterCase(
        entry(),
        around(TicodecAdapter, small_model, upstream),
        facts=("native_rate", "hop", "codebooks", "codebook_size"),
        misfits=[({"arguments": {"codebooks": 2, "global_codes": 4}}, "argument global_codes 4, but the model has 8")],
        wrong_arguments=[({"codebooks": 2}, r"argument 'global_codes': Field required")],
    )
]


def write_files(folder: Path, model: Any) -> Path:
    """The two files as the authors have them; returns the torch file."""
    path = folder / WEIGHTS[0]["path"]
    path.parent.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(SMALL), encoding="utf-8")
    torch.save({part: model[part].state_dict() for part in PARTS}, path)
    return path


def test_ticodec_entries_find_their_config_in_the_checkout_of_their_environment() -> None:
    for name, codebooks in zip(NAMES, (1, 2, 4), strict=True):
        found = load_catalogue().get(name)
        assert (found.adapter, found.isolated) == ("ticodec", "ticodec")
        assert found.arguments == {"codebooks": codebooks, "global_codes": 8}
        assert [declaration("ticodec").holds(weight.path) for weight in found.weights] == [False, True]
        TicodecAdapter(found)


def test_ticodec_published_configs_are_those_of_the_catalogue(upstream: Path) -> None:
    for name in NAMES:
        found = load_catalogue().get(name)
        config = upstream.parent / found.weights[1].path.replace("TiCodec", upstream.name, 1)
        assert file_digest(config) == found.weights[1].sha256
        settings = json.loads(config.read_text(encoding="utf-8"))
        assert settings["n_code_groups"] * settings["residul_layer"] == found.arguments["codebooks"]
        assert settings["global_code_num"] == found.arguments["global_codes"]


@pytest.mark.usefixtures("upstream")
def test_ticodec_files_give_the_samples_of_upstreams_own_class(tmp_path: Path) -> None:
    from academicodec.models.ticodec.vqvae import VQVAE  # type: ignore[import-not-found,unused-ignore]

    path = write_files(tmp_path, small_model())
    theirs = VQVAE(str(tmp_path / "config.json"), str(path), with_encoder=True).eval()
    waveforms = checks.noise(2, 20 * HOP)
    with torch.inference_mode():
        local, whole = theirs.encode(torch.from_numpy(waveforms))
        expected = theirs(local, whole)[:, 0].numpy()
    ours = TicodecAdapter(entry(), weights=WeightFinder([tmp_path], offline=True))
    np.testing.assert_array_equal(ours.code(waveforms, [0, 0]), expected)
    with torch.inference_mode():
        our_local, our_whole = ours.encode(torch.from_numpy(waveforms)[:, None])
    assert torch.equal(our_local, local.transpose(1, 2))
    assert torch.equal(our_whole, whole[:, 0])
    assert (our_local.shape, our_whole.shape) == ((2, 2, 20), (2, 8))
    assert len(local.unique()) > 4


@pytest.mark.usefixtures("upstream")
def test_ticodec_codes_of_the_whole_reach_every_frame() -> None:
    codec = adapter()
    with torch.inference_mode():
        local, whole = codec.encode(torch.from_numpy(checks.noise(1, 40 * HOP))[:, None])
        first, second = codec.decode(local, whole), codec.decode(local, (whole + 1) % CODES)
    changed = (first - second).abs().reshape(40, HOP).amax(dim=1)
    assert float(changed.min()) > 0


@pytest.mark.usefixtures("upstream")
def test_ticodec_output_sample_is_centred_on_its_input_sample() -> None:
    """Without the group normalisation and the codes of the whole, which reach over all time."""
    model = small_model().eval()
    for index in range(len(model["encoder"].normalize)):
        model["encoder"].normalize[index] = torch.nn.Identity()
    encoder, quantizer, generator = (model[part] for part in PARTS)

    def output_of(signal: torch.Tensor) -> torch.Tensor:
        latents, summary = encoder(signal)
        decoded: torch.Tensor = generator(quantizer(latents, summary)[0], torch.zeros(1, 128))
        return decoded

    checks.check_alignment(output_of, 40 * HOP, HOP)
