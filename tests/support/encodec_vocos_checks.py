"""What the tests of WavTokenizer and Language-Codec share: small random models, and checks that hold for both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from grid.codecs.shared.encodec_vocos import EncodecVocosCodec
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks

HOP = 320
CONFIG, CHECKPOINT = "model.yaml", "model.ckpt"
FILES = [{"path": path, "source": f"https://nowhere.invalid/{path}"} for path in (CONFIG, CHECKPOINT)]


def sizes(latent: int, **features: Any) -> dict[str, dict[str, Any]]:
    """`init_args` of the three parts: EnCodec as published, a narrow decoder of two blocks."""
    return {
        "feature_extractor": {"encodec_model": "encodec_24khz", "bandwidths": [6.6] * 4, **features},
        "backbone": {
            "input_channels": latent,
            "dim": 32,
            "intermediate_dim": 32,
            "num_layers": 2,
            "adanorm_num_embeddings": 4,
        },
        "head": {"dim": 32, "n_fft": 4 * HOP, "hop_length": HOP, "padding": "same"},
    }


def write_config(path: Path, classes: dict[str, str], parts: dict[str, dict[str, Any]]) -> Path:
    """The yaml file of a training, as far as a model is made from it."""
    described = {part: {"class_path": classes[part], "init_args": arguments} for part, arguments in parts.items()}
    path.write_text(yaml.safe_dump({"model": {"init_args": described}}), encoding="utf-8")
    return path


def randomise(model: Any) -> Any:
    """No biases, an output of audible level, and codebooks that count as trained, as strong as the latents."""
    torch.manual_seed(0)
    checks.without_biases(model)
    torch.nn.init.normal_(model.head.out.weight, std=0.3)
    encodec = model.feature_extractor.encodec
    codebooks = [layer._codebook for layer in encodec.quantizer.vq.layers]
    with torch.no_grad():
        latents = encodec.encoder(torch.from_numpy(checks.noise(1, 8_000))[:, None])
    checks.randomise([codebook.embed for codebook in codebooks], like=latents)
    for codebook in codebooks:
        codebook.inited.fill_(1)
    return model.eval()


def check_output_is_what_upstream_makes(adapter: EncodecVocosCodec) -> None:
    """The readme's two calls, one item at a time, whose features come from the quantiser and not from the codes."""
    model: Any = adapter.model
    waveforms, condition = checks.noise(2, 8_077), torch.tensor([0])
    coded = adapter.code(waveforms, [0, 0])
    assert coded.shape == (2, -(-8_077 // HOP) * HOP)
    for row, ours in zip(waveforms, coded, strict=True):
        features, codes = model.encode_infer(torch.from_numpy(row)[None], bandwidth_id=condition)
        assert len(codes.unique()) > 2
        expected = model.decode(features, bandwidth_id=condition)[0].numpy()
        np.testing.assert_allclose(ours, expected, atol=1e-5 * np.abs(expected).max())


def check_another_codebook_changes_the_output(adapter: EncodecVocosCodec) -> None:
    """Nothing reaches the decoder but through the vectors of the codebooks."""
    model: Any = adapter.model
    waveforms = checks.noise(1, 8_000)
    before = adapter.code(waveforms, [0])
    vectors = model.feature_extractor.encodec.quantizer.vq.layers[0]._codebook.embed
    kept = vectors.clone()
    vectors.copy_(-vectors.flip(1))
    after = adapter.code(waveforms, [0])
    vectors.copy_(kept)
    assert checks.difference(before, after) > 0.01


def check_alignment(adapter: EncodecVocosCodec) -> None:
    """Without the layers that see all frames (LSTM, attention, group normalisation), and around the quantiser."""
    model: Any = adapter.model
    layers = model.feature_extractor.encodec.encoder.model
    kept, model.backbone.pos_net = getattr(model.backbone, "pos_net", None), torch.nn.Identity()
    local = [layer for layer in layers if type(layer).__name__ != "SLSTM"]
    assert len(local) == len(layers) - 1

    def output_of(signal: torch.Tensor) -> torch.Tensor:
        for layer in local:
            signal = layer(signal)
        decoded: torch.Tensor = model.head(model.backbone(signal, bandwidth_id=torch.tensor([0])))
        return decoded[:, None]

    checks.check_alignment(output_of, 60 * HOP, HOP)
    model.backbone.pos_net = kept


def check_files(
    adapter: EncodecVocosCodec, model: Any, parts: dict[str, dict[str, Any]], facts: dict[str, Any], folder: Path
) -> None:
    """A Lightning checkpoint loads beside its yaml file; one without its names, or of other classes, is an error.

    `model` has the weights of the adapter's, and still the weight normalisations of a file.
    """
    kind = type(adapter)
    entry = checks.make_entry("wavtokenizer", 24_000, weights=FILES, **facts)
    finder = WeightFinder([folder], offline=True)
    write_config(folder / CONFIG, dict(kind.classes), parts)
    discarded = {"loss.weight": torch.zeros(1)}
    torch.save({"state_dict": {**model.state_dict(), **discarded}, "epoch": 3}, folder / CHECKPOINT)
    waveforms = checks.noise(1, 5_000)
    loaded = kind(entry, weights=finder)
    np.testing.assert_array_equal(loaded.code(waveforms, [0]), adapter.code(waveforms, [0]))

    torch.save({"weights": model.state_dict()}, folder / CHECKPOINT)
    with pytest.raises(RequestError, match="holds no state_dict"):
        kind(entry, weights=finder).load()
    torch.save({"state_dict": discarded}, folder / CHECKPOINT)
    with pytest.raises(RequestError, match="does not hold the weights"):
        kind(entry, weights=finder).load()


def check_foreign_class_is_refused(kind: type[EncodecVocosCodec], folder: Path) -> None:
    """Upstream would import and call whatever the yaml file names."""
    write_config(folder / CONFIG, {**kind.classes, "head": "subprocess.Popen"}, sizes(128))
    (folder / CHECKPOINT).touch()
    entry = checks.make_entry("wavtokenizer", 24_000, weights=FILES)
    with pytest.raises(RequestError, match=r"names classes .*subprocess\.Popen"):
        kind(entry, weights=WeightFinder([folder], offline=True)).load()
    (folder / CONFIG).write_text("model: 3\n", encoding="utf-8")
    with pytest.raises(RequestError, match="does not describe a model"):
        kind(entry, weights=WeightFinder([folder], offline=True)).load()


def check_untrained_codebooks_are_refused(adapter: EncodecVocosCodec) -> None:
    """Upstream would set them by k-means on the first utterance."""
    model: Any = adapter.model
    flag = model.feature_extractor.encodec.quantizer.vq.layers[0]._codebook.inited
    flag.fill_(0)
    with pytest.raises(RequestError, match="never trained"):
        type(adapter).from_model(model, adapter.entry)
    flag.fill_(1)
