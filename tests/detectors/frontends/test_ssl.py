"""The declaration of the SSL frontend: options and errors, features without torch, the shared pass, and detectors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from grid.core.errors import MissingRequirementError, RequestError
from grid.core.identity import digest
from grid.detectors.contract import Features
from grid.detectors.frontends.ssl import Ssl, SslOptions
from grid.detectors.network import Detector, build_detector
from grid.detectors.networks.ssl_shape import KNOWN
from grid.detectors.spec import DetectorSpec, load_detector_spec, parse_detector_spec
from grid.detectors.weights import load_weights, model_bytes
from tests.support.tiny_encoders import LAYERS, SIZE, TINY_XLSR, declared, noise

LCNN = {"name": "lcnn", "options": {"channels": [4, 4, 4, 4, 4], "dropout": 0.0}}


def spec(**options: Any) -> DetectorSpec:
    tiny = {"configuration": TINY_XLSR, "weights": "random"} | options
    return parse_detector_spec({"name": "x", "frontend": {"name": "ssl", "options": tiny}, "backend": LCNN})


def of(**options: Any) -> Ssl:
    return Ssl(SslOptions.model_validate(options))


def test_default_is_the_frozen_last_layer_of_xls_r_at_a_pinned_commit() -> None:
    frontend = of()
    assert frontend.features == Features("frames", size=1024)
    assert of(layers="all").features == Features("layers", size=1024, layers=25)
    assert frontend.options.frozen
    assert frontend.options.model_revision == KNOWN["facebook/wav2vec2-xls-r-300m"].revision is not None


def test_declaration_and_features_import_neither_torch_nor_transformers() -> None:
    code = (
        "import sys; from grid.detectors.spec import parse_detector_spec as parse;"
        "s = parse({'name': 'x', 'frontend': {'name': 'ssl', 'options': {'layers': 5}}, 'backend': {'name': 'lcnn'}});"
        "s.identity(); s.resolved_frontend().shared_pass;"
        "print([name for name in ('torch', 'transformers', 'huggingface_hub') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": 4}, r"layers: 4: .* has the hidden states 0 to 3"),
        ({"layers": "first"}, r"layers: 'first' is none of: last, all, the number of a hidden state"),
        ({"layers": -1}, r"layers: -1 is none of"),
        ({"scaling": "rms"}, r"scaling: .*'none' or 'zero-mean-unit-variance', not 'rms'"),
        ({"frozn": True}, r"unknown option 'frozn'; did you mean 'frozen'\?"),
        ({"mask": True, "gradient_checkpointing": True}, r"mask, gradient_checkpointing: .* frozen: false"),
        ({"layerdrop": 0.0}, r"layerdrop: does nothing to a frozen encoder"),
        ({"dropout": 0.0}, r"dropout: does nothing to a frozen encoder"),
        ({"weights": "xlsr/model.safetensors"}, r"'xlsr/model.safetensors' is a file, so give its weights_sha256"),
        ({"weights": "/a/model.bin", "weights_sha256": "0" * 64}, r"'/a/model.bin' must be a path below"),
        ({"weights": "../model.bin", "weights_sha256": "0" * 64}, r"must be a path below"),
        ({"weights": "random", "weights_sha256": "0" * 64}, r"weights: random takes no"),
        ({"model": "xlsr"}, r"model: .* not 'xlsr'"),
        ({"configuration": TINY_XLSR | {"model_type": "sew"}}, r"unknown model_type .* 'sew'.*hubert.*whisper"),
        ({"configuration": TINY_XLSR | {"model_type": "wav2vec"}}, r"did you mean 'wav2vec2'\?"),
        (
            {"configuration": TINY_XLSR | {"model_type": "whisper"}},
            r"configuration: d_model must be stated .* not None",
        ),
        ({"configuration": {"model_type": "wavlm"}}, r"configuration: hidden_size must be stated .* not None"),
        ({"configuration": TINY_XLSR | {"add_adapter": True}}, r"add_adapter: true changes the frame rate"),
    ],
)
def test_wrong_options_name_value_and_choices(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        spec(**options)


def test_unknown_encoder_says_what_to_give_or_to_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        MissingRequirementError,
        match=r"'someone/encoder'.*option `configuration`.*hf download someone/encoder config.json --revision abc",
    ):
        _ = of(model="someone/encoder", model_revision="abc").features


def test_unknown_encoder_whose_config_is_on_this_machine_has_its_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODECGRID_WEIGHTS", str(tmp_path))
    (tmp_path / "someone" / "encoder").mkdir(parents=True)
    (tmp_path / "someone" / "encoder" / "config.json").write_text(json.dumps(TINY_XLSR))
    assert of(model="someone/encoder", layers="all").features == Features("layers", size=SIZE, layers=LAYERS + 1)


def test_pinned_commit_is_that_of_its_own_model_and_can_be_changed() -> None:
    assert of(model="microsoft/wavlm-large").options.model_revision is None
    assert of(model_revision="main").options.model_revision == "main"


def test_shared_pass_differs_with_everything_but_the_layers() -> None:
    base = declared().shared_pass
    assert base is not None
    assert declared(layers="all").shared_pass == declared(layers=2).shared_pass == base
    for change in (
        {"scaling": "zero-mean-unit-variance"},
        {"precision": "bfloat16"},
        {"item_by_item": True},
        {"random_seed": 1},
        {"weights": "hub"},
        {"configuration": TINY_XLSR | {"hidden_size": 64}},
    ):
        assert digest(declared(**change).shared_pass) != digest(base)
    assert declared(frozen=False).shared_pass is None


def test_identity_holds_the_digest_of_a_weights_file_and_no_place_of_this_machine() -> None:
    file = {"weights": "tiny/model.safetensors", "weights_sha256": "1" * 64}
    options = spec(**file).identity()["frontend"]
    assert isinstance(options, dict)
    assert "1" * 64 in str(options)
    assert str(Path.home()) not in str(options)
    assert digest(spec(**file).identity()) != digest(spec(**file | {"weights_sha256": "2" * 64}).identity())


@pytest.mark.slow
def test_encoder_follows_its_own_seed_and_the_backend_the_cells() -> None:
    first, second = build_detector(spec(), 1), build_detector(spec(), 2)
    other = build_detector(spec(random_seed=5), 1)
    name, head = "encoder.layers.0.attention.q_proj.weight", "out_layer.weight"
    assert torch.equal(first.frontend.encoder.get_parameter(name), second.frontend.encoder.get_parameter(name))
    assert not torch.equal(first.frontend.encoder.get_parameter(name), other.frontend.encoder.get_parameter(name))
    assert torch.equal(first.backend.get_parameter(head), other.backend.get_parameter(head))
    assert not torch.equal(first.backend.get_parameter(head), second.backend.get_parameter(head))


def saved(detector: Detector, folder: Path) -> Path:
    path = folder / "weights.safetensors"
    path.write_bytes(model_bytes(detector))
    return path


def test_detector_over_a_frozen_encoder_trains_and_keeps_its_backend_alone(tmp_path: Path) -> None:
    detector = build_detector(spec(), 0)
    encoder = {name: tensor.clone() for name, tensor in detector.frontend.state_dict().items()}
    optimiser = torch.optim.Adam(detector.parameters(), lr=0.01)
    targets = torch.tensor([[1.0], [0.0]])
    losses = []
    for _ in range(8):
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(detector(noise(2, 8000)), targets)
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    for name, tensor in detector.frontend.state_dict().items():
        assert torch.equal(tensor, encoder[name])
    again = build_detector(spec(), 3)
    load_weights(again, saved(detector, tmp_path))
    assert len(model_bytes(detector)) < 200_000
    assert torch.equal(again.eval().score(noise(2, 8000)), detector.eval().score(noise(2, 8000)))


def test_detector_over_a_fine_tuned_encoder_keeps_the_encoder_too(tmp_path: Path) -> None:
    detector = build_detector(spec(frozen=False), 0)
    detector(noise(2, 8000)).sum().backward()
    before = detector.frontend.encoder.encoder.layer_norm.weight.detach().clone()
    torch.optim.Adam(detector.parameters(), lr=0.01).step()
    assert not torch.equal(detector.frontend.encoder.encoder.layer_norm.weight, before)
    again = build_detector(spec(frozen=False), 3)
    load_weights(again, saved(detector, tmp_path))
    assert torch.equal(again.eval().score(noise(2, 8000)), detector.eval().score(noise(2, 8000)))


def test_identity_without_the_later_option_dropout_is_that_from_before_it() -> None:
    # digests of the committed files at 73d61e5, which knew no `dropout`
    assert digest(load_detector_spec("x-aasist").identity()) == "c7d32a9998726f08"
    assert digest(load_detector_spec("lwbn").identity()) == "3144c81cc6083230"
    assert load_detector_spec("w2v2-aasist").identity()["frontend"]["options"]["dropout"] == 0.0


def test_missing_names_the_files_that_are_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODECGRID_WEIGHTS", str(tmp_path))
    assert declared().missing() == []  # its own configuration, and random weights
    ours = declared(weights="mine/encoder.safetensors", weights_source="https://example.org/e", weights_sha256="0" * 64)
    (line,) = ours.missing()
    place = tmp_path / "mine" / "encoder.safetensors"
    assert line.startswith("weights mine/encoder.safetensors are missing; source: https://example.org/e; put the file")
    assert str(place) in line
    place.parent.mkdir()
    place.write_bytes(b"")
    assert ours.missing() == []
    hub = Ssl(SslOptions(model="nobody/nothing", configuration=TINY_XLSR))
    assert [line.split()[1] for line in hub.missing()] == ["nobody/nothing/model.safetensors"]
