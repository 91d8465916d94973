"""FACodec's adapter on the real classes with random weights, where Amphion is checked out: codes, batches, files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import torch

from grid.codecs.adapters.facodec import FACodecAdapter, FacodecSizes, new_model
from grid.codecs.catalogue import load_catalogue
from grid.codecs.entry import CatalogueEntry
from grid.codecs.isolation.declaration import declaration
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, around
from tests.support.checkouts import imported

HOP = 200
SMALL = FacodecSizes(filters=2, decoder_channels=32, predictors=False)
REPO = "amphion/naturalspeech3_facodec"
WEIGHTS = [{"path": f"{REPO}/ns3_facodec_{part}_v2.bin", "source": f"hub:{REPO}"} for part in ("encoder", "decoder")]
FACTS: dict[str, Any] = {"hop": HOP, "codebooks": 6, "codebook_size": 1_024}


def upstream() -> AbstractContextManager[Path]:
    pytest.importorskip("torchaudio", reason="needs torchaudio, which upstream's module of mel spectra imports")
    pytest.importorskip("librosa", reason="needs librosa, which upstream's module of mel spectra imports")
    pinned = declaration("facodec").checkouts[0]
    return imported("open-mmlab/Amphion", pinned.commit, "ns3_codec", below=pinned.paths[0])


@pytest.fixture(scope="module", name="upstream")
def _upstream() -> Iterator[None]:
    with upstream():
        yield


def small_model() -> Any:
    """The published strides, codebooks and transformers with few filters; no biases, so that codes vary."""
    torch.manual_seed(0)
    model = new_model(SMALL)
    checks.without_biases(model)
    return model


def entry(**facts: Any) -> CatalogueEntry:
    return checks.make_entry("facodec", 16_000, **{**FACTS, "weights": WEIGHTS, **facts})


def adapter(model: Any = None) -> FACodecAdapter:
    return FACodecAdapter.from_model(small_model() if model is None else model, entry())


CONTRACT = [
    AdapterCase(
        entry(),
        around(FACodecAdapter, small_model, upstream),
        facts=("hop", "codebooks", "codebook_size"),
        wrong_arguments=[({"use_residual": False}, r"argument 'use_residual'.*Arguments: \(none\)")],
    )
]


def test_facodec_of_the_catalogue_is_one_item_at_a_time_of_six_codebooks() -> None:
    found = load_catalogue().get("facodec-v2-16khz")
    assert {name: getattr(found, name) for name in FACTS} == FACTS
    assert [weight.path for weight in found.weights] == [weight["path"] for weight in WEIGHTS]
    assert found.arguments == {}
    assert FACodecAdapter.max_batch == 1


@pytest.mark.usefixtures("upstream")
def test_facodec_gives_what_upstreams_readme_shows() -> None:
    """Decoder of the quantised latents with the speaker vector of the same utterance; ours goes through the codes."""
    model, signal = small_model(), torch.from_numpy(checks.noise(1, 80 * HOP))[:, None]
    codec, encoder, decoder = adapter(model), model["encoder"], model["decoder"]
    with torch.inference_mode():
        prosody = encoder.get_prosody_feature(signal)
        latents, _, _, _, speaker = decoder(encoder(signal), prosody, eval_vq=False, vq=True)
        by_hand = decoder.inference(latents, speaker)[:, 0].numpy()
    assert checks.difference(by_hand, codec.code(signal[:, 0].numpy(), [0])) < 1e-5


@pytest.mark.usefixtures("upstream")
def test_facodec_codes_are_integers_within_the_codebooks() -> None:
    with torch.inference_mode():
        codes, speaker = adapter().encode(torch.from_numpy(checks.noise(1, 16_001))[:, None])
    assert codes.shape == (1, 6, 81)
    assert codes.dtype == torch.int64
    assert 0 <= int(codes.min()) <= int(codes.max()) < 1_024
    assert min(len(stream.unique()) for stream in codes[0]) > 2
    assert speaker.shape == (1, 256)


@pytest.mark.usefixtures("upstream")
def test_facodec_upstream_mixes_the_items_of_a_batch() -> None:
    """Why `max_batch` is 1: the second item's speaker vector depends on its being the second."""
    codec, waveforms = adapter(), torch.from_numpy(checks.noise(2, 80 * HOP))[:, None]
    with torch.inference_mode():
        together = codec.encode(waveforms)[1][1]
        alone = codec.encode(waveforms[1:])[1][0]
    assert float((together - alone).abs().max()) > 0.1


@pytest.mark.usefixtures("upstream")
def test_facodec_output_sample_is_centred_on_its_input_sample() -> None:
    """Encoder and decoder network alone: transformers and the speaker vector see the whole utterance."""
    model = small_model().eval()
    checks.check_alignment(lambda signal: model["decoder"].model(model["encoder"](signal)), 160 * HOP, HOP)


@pytest.mark.usefixtures("upstream")
def test_facodec_published_files_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FACodecAdapter, "sizes", SMALL)
    model, waveforms = small_model(), checks.noise(1, 5_000)
    for weight, part in zip(WEIGHTS, ("encoder", "decoder"), strict=True):
        path = tmp_path / weight["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(model[part].state_dict(), path)
    loaded = FACodecAdapter(entry(), weights=WeightFinder([tmp_path], offline=True))
    assert (loaded.code(waveforms, [0]) == adapter(model).code(waveforms, [0])).all()


@pytest.mark.usefixtures("upstream")
def test_facodec_pickled_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FACodecAdapter, "sizes", SMALL)
    path = tmp_path / WEIGHTS[0]["path"]
    path.parent.mkdir(parents=True)
    (tmp_path / WEIGHTS[1]["path"]).touch()
    checks.check_pickled_code_is_refused(entry(), path, tmp_path)
