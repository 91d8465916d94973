"""SpeechTokenizer's adapter: its arguments and errors; on the real class with random weights where it is installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from grid.codecs.adapters.speechtokenizer import SpeechTokenizerAdapter
from grid.codecs.catalogue import load_catalogue
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, around

HOP = 320
REPO = "fnlp/SpeechTokenizer"
FOLDER = f"{REPO}/speechtokenizer_hubert_avg"
WEIGHTS = [{"path": f"{FOLDER}/{name}", "source": f"hub:{REPO}"} for name in ("config.json", "SpeechTokenizer.pt")]
SMALL: dict[str, Any] = {
    "n_filters": 4,
    "strides": [8, 5, 4, 2],
    "dimension": 16,
    "semantic_dimension": 12,
    "bidirectional": True,
    "dilation_base": 2,
    "residual_kernel_size": 3,
    "n_residual_layers": 1,
    "lstm_layers": 2,
    "activation": "ELU",
    "codebook_size": 16,
    "n_q": 8,
    "sample_rate": 16_000,
}


def entry(**facts: Any) -> Any:
    return checks.make_entry("speechtokenizer", 16_000, **{"arguments": {"codebooks": 8}, "hop": HOP, **facts})


def small_model(**changes: Any) -> Any:
    """The published strides and codebooks with few channels; skips where the package is not installed."""
    package = pytest.importorskip(
        "speechtokenizer", reason="package speechtokenizer is not installed", exc_type=ImportError
    )
    torch.manual_seed(0)
    model = package.SpeechTokenizer({**SMALL, **changes})
    checks.without_biases(model)
    latents = model.encoder(torch.from_numpy(checks.noise(1, 8_000))[:, None])
    checks.randomise([layer._codebook.embed for layer in model.quantizer.vq.layers], like=latents)
    return model


def adapter(codebooks: int = 8) -> SpeechTokenizerAdapter:
    return SpeechTokenizerAdapter.from_model(small_model(), entry(arguments={"codebooks": codebooks}))


CONTRACT = [
    AdapterCase(
        entry(codebooks=8, codebook_size=16, weights=WEIGHTS),
        around(SpeechTokenizerAdapter, small_model),
        facts=("native_rate", "hop", "codebooks", "codebook_size"),
        misfits=[({"arguments": {"codebooks": 9}}, "9 codebooks requested, the model has 8")],
        wrong_arguments=[
            ({}, "argument 'codebooks'"),
            ({"codebooks": 0}, "argument 'codebooks'"),
            ({"codebooks": 8, "bandwidth": 4.0}, "argument 'bandwidth'"),
        ],
    )
]


def test_speechtokenizer_output_is_that_of_the_package_called_by_hand() -> None:
    model, waveforms = small_model().eval(), checks.noise(2, 8_001)
    with torch.inference_mode():
        expected = model.decode(model.encode(torch.from_numpy(waveforms)[:, None]))[:, 0].numpy()
    np.testing.assert_array_equal(adapter().code(waveforms, [0, 0]), expected)


@pytest.mark.parametrize("codebooks", [1, 8])
def test_speechtokenizer_codebooks_are_as_many_as_requested(codebooks: int) -> None:
    with torch.inference_mode():
        codes = adapter(codebooks).encode(torch.from_numpy(checks.noise(2, 10 * HOP - 1))[:, None])
    assert codes.shape == (2, codebooks, 10)


def test_speechtokenizer_output_sample_is_centred_on_its_input_sample() -> None:
    model = small_model(lstm_layers=0, bidirectional=False).eval()
    checks.check_alignment(lambda signal: model.decoder(model.encoder(signal)), 64 * HOP, HOP)


def test_speechtokenizer_authors_files_load_and_a_wrong_size_is_an_error(tmp_path: Path) -> None:
    model = small_model()
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(SMALL), encoding="utf-8")
    torch.save(model.state_dict(), folder / "SpeechTokenizer.pt")
    loaded = SpeechTokenizerAdapter(entry(weights=WEIGHTS), weights=WeightFinder([tmp_path], offline=True))
    waveforms = checks.noise(1, 5_000)
    np.testing.assert_array_equal(loaded.code(waveforms, [0]), adapter().code(waveforms, [0]))

    (folder / "config.json").write_text(json.dumps({**SMALL, "dimension": 8}), encoding="utf-8")
    with pytest.raises(RequestError, match="does not hold the weights of SpeechTokenizer"):
        SpeechTokenizerAdapter(entry(weights=WEIGHTS), weights=WeightFinder([tmp_path], offline=True)).load()
    (folder / "config.json").write_text("[]", encoding="utf-8")
    with pytest.raises(RequestError, match="does not describe a SpeechTokenizer model"):
        SpeechTokenizerAdapter(entry(weights=WEIGHTS), weights=WeightFinder([tmp_path], offline=True)).load()
    (folder / "config.json").write_text(json.dumps(SMALL), encoding="utf-8")
    checks.check_pickled_code_is_refused(entry(weights=WEIGHTS), folder / "SpeechTokenizer.pt", tmp_path)


def test_speechtokenizer_catalogue_entry_is_one_the_adapter_takes() -> None:
    found = load_catalogue().get("speechtokenizer-hubert-avg")
    assert SpeechTokenizerAdapter(found).arguments.codebooks == found.codebooks == 8
    assert [weight.path for weight in found.weights] == [weight["path"] for weight in WEIGHTS]
