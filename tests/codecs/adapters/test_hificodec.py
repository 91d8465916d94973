"""HiFi-Codec's adapter: the authors' files, and on the checkout with random weights the same samples as upstream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from grid.codecs.adapters.hificodec import HificodecAdapter
from grid.codecs.catalogue import load_catalogue
from grid.codecs.isolation.declaration import declaration
from grid.codecs.shared.academicodec import PARTS, new_model
from grid.core.errors import RequestError
from grid.core.identity import file_digest
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, around
from tests.support.checkouts import imported

HOP = 320
CODES = 32
NAMES = ["hificodec-16khz", "hificodec-16khz-large-universal", "hificodec-24khz"]
SMALL: dict[str, Any] = {  # the published strides and codebooks; the encoder's widths are not in the file
    "resblock": "2",
    "upsample_rates": [8, 5, 4, 2],
    "upsample_kernel_sizes": [16, 11, 8, 4],
    "upsample_initial_channel": 64,
    "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1, 3]],
    "sampling_rate": 16_000,
    "n_code_groups": 2,
    "n_codes": CODES,
    "codebook_loss_lambda": 1.0,
    "commitment_loss_lambda": 0.25,
}
WEIGHTS = [{"path": "Dongchao/AcademiCodec/HiFi", "source": "hub:Dongchao/AcademiCodec"}, {"path": "config.json"}]


def upstream() -> AbstractContextManager[Path]:
    return imported("yangdongchao/AcademiCodec", declaration("hificodec").checkouts[0].commit, "academicodec")


@pytest.fixture(scope="module", name="upstream")
def _upstream() -> Iterator[Path]:
    with upstream() as folder:
        yield folder


def entry(**facts: Any) -> Any:
    fields = {"arguments": {"codebooks": 4}, "weights": WEIGHTS, "hop": HOP, "codebooks": 4, "codebook_size": CODES}
    return checks.make_entry("hificodec", 16_000, **{**fields, **facts})


def small_model() -> Any:
    """Small in its blocks, with weights that keep the level of the signal, which upstream's initialisation does not."""
    torch.manual_seed(0)
    model = new_model(HificodecAdapter.package, SMALL)
    checks.without_biases(model)
    for name, parameter in model.named_parameters():
        if name.endswith("weight_g"):
            torch.nn.init.ones_(parameter)
        if "embedding" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    return model


def adapter(**facts: Any) -> HificodecAdapter:
    return HificodecAdapter.from_model(small_model(), entry(**facts))


CONTRACT = [
    AdapterCase(
        entry(),
        around(HificodecAdapter, small_model, upstream),
        facts=("native_rate", "hop", "codebooks", "codebook_size"),
        misfits=[({"arguments": {"codebooks": 8}}, "argument codebooks 8, but the model has 4")],
        wrong_arguments=[({"codebooks": 4, "codebook": 4}, r"argument 'codebook'.*Arguments: codebooks")],
    )
]


def write_files(folder: Path, model: Any = None) -> Path:
    """The two files as the authors have them; returns the torch file."""
    path = folder / WEIGHTS[0]["path"]
    path.parent.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(SMALL), encoding="utf-8")
    torch.save({part: model[part].state_dict() for part in PARTS} if model else {"generator": {}}, path)
    return path


def test_hificodec_file_without_its_three_parts_is_an_error(tmp_path: Path) -> None:
    write_files(tmp_path)
    with pytest.raises(RequestError, match="not the authors' file: it lacks encoder, quantizer"):
        HificodecAdapter(entry(), weights=WeightFinder([tmp_path], offline=True)).load()


def test_hificodec_pickled_code_is_refused(tmp_path: Path) -> None:
    checks.check_pickled_code_is_refused(entry(), write_files(tmp_path), tmp_path)


def test_hificodec_entries_find_their_config_in_the_checkout_of_their_environment() -> None:
    for name in NAMES:
        found = load_catalogue().get(name)
        assert (found.adapter, found.isolated, found.level) == ("hificodec", "hificodec", "peak 0.95")
        assert [declaration("hificodec").holds(weight.path) for weight in found.weights] == [False, True]
        HificodecAdapter(found)


def test_hificodec_published_configs_are_those_of_the_catalogue(upstream: Path) -> None:
    for name in NAMES:
        weight = load_catalogue().get(name).weights[1]
        assert file_digest(upstream.parent / weight.path.replace("AcademiCodec", upstream.name, 1)) == weight.sha256


@pytest.mark.usefixtures("upstream")
def test_hificodec_files_give_the_samples_of_upstreams_own_class(tmp_path: Path) -> None:
    from academicodec.models.hificodec.vqvae import VQVAE  # type: ignore[import-not-found,unused-ignore]

    path = write_files(tmp_path, small_model())
    theirs = VQVAE(str(tmp_path / "config.json"), str(path), with_encoder=True).eval()
    waveforms = checks.noise(2, 20 * HOP)
    with torch.inference_mode():
        codes = theirs.encode(torch.from_numpy(waveforms))
        expected = theirs(codes)[:, 0].numpy()
    ours = HificodecAdapter(entry(), weights=WeightFinder([tmp_path], offline=True))
    np.testing.assert_array_equal(ours.code(waveforms, [0, 0]), expected)
    with torch.inference_mode():
        assert torch.equal(ours.encode(torch.from_numpy(waveforms)[:, None]), codes.transpose(1, 2))
    assert codes.shape == (2, 20, 4)
    assert len(codes.unique()) > 4


@pytest.mark.usefixtures("upstream")
def test_hificodec_end_behind_the_last_whole_hop_is_coded_too() -> None:
    """Upstream drops it, and the utterance would end in silence that no recording has."""
    waveforms = checks.noise(1, 20 * HOP + 300)
    codec = adapter()
    assert codec.code(waveforms, [0]).shape == (1, 21 * HOP)
    whole = np.pad(waveforms, ((0, 0), (0, 20)))
    np.testing.assert_array_equal(codec.code(waveforms, [0]), codec.code(whole, [0]))


@pytest.mark.usefixtures("upstream")
def test_hificodec_output_sample_is_centred_on_its_input_sample() -> None:
    """Without the group normalisation, whose statistics reach over all time."""
    model = small_model().eval()
    for index in range(len(model["encoder"].normalize)):
        model["encoder"].normalize[index] = torch.nn.Identity()
    encoder, quantizer, generator = (model[part] for part in PARTS)
    checks.check_alignment(lambda signal: generator(quantizer(encoder(signal))[0]), 40 * HOP, HOP)
