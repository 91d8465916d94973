"""OpenAudio S1-mini's codec: arguments and errors; fish-speech's real class with random weights where it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from grid.codecs.adapters.openaudio import OpenAudioAdapter, OpenAudioSizes, new_model
from grid.codecs.catalogue import load_catalogue
from grid.codecs.contract import Codec
from grid.codecs.isolation.declaration import declaration
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, Make
from tests.support.checkouts import imported

FRAME = 2048
SMALL = OpenAudioSizes(encoder=4, decoder=64, width=64, layers=1, inner=64)
WEIGHTS = [{"path": "openaudio/codec.pth", "source": "https://nowhere.invalid/file"}]


def entry(codebooks: int = 10, **facts: Any) -> Any:
    return checks.make_entry("openaudio", 44_100, **{"arguments": {"codebooks": codebooks}, "hop": FRAME, **facts})


@contextmanager
def upstream() -> Iterator[None]:
    (declared,) = declaration("openaudio").checkouts
    with imported("fishaudio/fish-speech", declared.commit, "fish_speech"):
        yield


def small_model() -> Any:
    """The published strides and codebooks with few channels and layers; codes that depend on the input."""
    torch.manual_seed(0)
    made: Any = new_model(SMALL)
    checks.without_biases(made)
    for name, parameter in made.named_parameters():
        if parameter.ndim > 1 and "codebook" not in name and "original0" not in name:
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    return made.eval()


@contextmanager
def small(_: Path) -> Iterator[Make]:
    with upstream():
        model = small_model()
        yield lambda entry: OpenAudioAdapter.from_model(model, entry)


CONTRACT = [
    AdapterCase(
        entry(codebooks=10, weights=WEIGHTS).model_copy(update={"codebooks": 10}),
        small,
        facts=("native_rate", "hop", "codebooks"),
        misfits=[({"arguments": {"codebooks": 11}}, "11 codebooks requested, the model has 10")],
        wrong_arguments=[
            ({}, "argument 'codebooks'"),
            ({"codebooks": 1}, "argument 'codebooks'"),
            ({"codebooks": 10, "bandwidth": 2.0}, "argument 'bandwidth'"),
        ],
    )
]


@pytest.fixture(scope="module")
def model() -> Iterator[Any]:
    with upstream():
        yield small_model()


def adapter_around(model: Any, codebooks: int = 10) -> OpenAudioAdapter:
    return OpenAudioAdapter.from_model(model, entry(codebooks))


def test_openaudio_output_is_that_of_the_class_called_by_hand(model: Any) -> None:
    waveforms = checks.noise(2, 3 * FRAME + 5)
    with torch.inference_mode():
        codes, _ = model.encode(torch.from_numpy(waveforms)[:, None])
        expected = model.from_indices(codes)[:, 0].numpy()
    assert codes.shape == (2, 10, 4)
    np.testing.assert_array_equal(adapter_around(model).code(waveforms, [0, 0]), expected)


def test_openaudio_fewer_codebooks_change_the_output(model: Any) -> None:
    waveforms, few = checks.noise(1, 8 * FRAME), adapter_around(model, codebooks=2)
    with torch.inference_mode():
        assert few.encode(torch.from_numpy(waveforms)[:, None]).shape == (1, 2, 8)
    assert checks.difference(few.code(waveforms, [0]), adapter_around(model).code(waveforms, [0])) > 1e-3


def test_openaudio_change_in_a_frame_moves_nothing_before_it(model: Any) -> None:
    checks.check_causal_frames(Codec(adapter_around(model)), FRAME)


@pytest.mark.slow
def test_openaudio_file_with_or_without_discriminators_loads_and_a_lacking_tensor_is_an_error(
    model: Any, tmp_path: Path
) -> None:
    class Small(OpenAudioAdapter):
        sizes = SMALL

    path = tmp_path / "openaudio" / "codec.pth"
    path.parent.mkdir()
    finder, waveforms = WeightFinder([tmp_path], offline=True), checks.noise(1, 5_000)
    own = small_model().state_dict()  # `model` has no weight normalisations any more
    for state in (
        own,
        {"state_dict": {**{f"generator.{name}": own[name] for name in own}, "disc.bias": torch.ones(1)}},
    ):
        torch.save(state, path)
        loaded = Small(entry(weights=WEIGHTS), weights=finder)
        np.testing.assert_array_equal(loaded.code(waveforms, [0]), adapter_around(model).code(waveforms, [0]))
    torch.save({name: own[name] for name in own if "wqkv" not in name}, path)
    with pytest.raises(RequestError, match="does not hold the weights of DAC"):
        Small(entry(weights=WEIGHTS), weights=finder).load()


def test_openaudio_pickled_code_is_refused(tmp_path: Path) -> None:
    (tmp_path / "openaudio").mkdir()
    checks.check_pickled_code_is_refused(entry(weights=WEIGHTS), tmp_path / "openaudio" / "codec.pth", tmp_path)


def test_openaudio_catalogue_entry_is_one_the_adapter_takes_and_its_bitrate_follows() -> None:
    found = load_catalogue().get("dac-openaudio-s1-mini")
    assert OpenAudioAdapter(found).arguments.codebooks == found.codebooks == 10
    # 4096 semantic entries are 12 bits, nine codebooks of 1024 entries 10 bits each
    assert found.bitrate_kbps == pytest.approx(44_100 / FRAME * (12 + 9 * 10) / 1000, abs=0.005)
    assert found.accept_licence
