"""Published checkpoints in their authors' formats: SSL_Anti-spoofing, Source-Tracing and the CDD paper."""

from __future__ import annotations

import logging
import os
import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from grid.core.errors import RequestError
from grid.detectors.backends.w2v2_aasist import W2v2AasistOptions
from grid.detectors.network import Detector, build_detector
from grid.detectors.networks.aasist import W2v2AasistNetwork
from grid.detectors.published_names import hugging_face_name, to_detector_names
from grid.detectors.spec import DetectorSpec, parse_detector_spec
from grid.detectors.weights import fitting_detectors, load_weights, read_tensors
from tests.support.pseudo_random import pseudo_random, pseudo_random_state
from tests.support.tiny_encoders import LAYERS, SIZE, TINY_XLSR

State = Mapping[str, torch.Tensor]

# The tensors of fairseq's Wav2Vec2Model (a5402130, in TakHemlata/SSL_Anti-spoofing@4acaa61) under `TINY_XLSR`.
OUTSIDE_LAYERS = {
    "layer_norm": "feature_projection.layer_norm",
    "post_extract_proj": "feature_projection.projection",
    "encoder.layer_norm": "encoder.layer_norm",
}
INSIDE_LAYERS = {
    "self_attn.q_proj": "attention.q_proj",
    "self_attn.k_proj": "attention.k_proj",
    "self_attn.v_proj": "attention.v_proj",
    "self_attn.out_proj": "attention.out_proj",
    "self_attn_layer_norm": "layer_norm",
    "fc1": "feed_forward.intermediate_dense",
    "fc2": "feed_forward.output_dense",
    "final_layer_norm": "final_layer_norm",
}
CONVOLUTION = {
    "encoder.pos_conv.0.bias": "encoder.pos_conv_embed.conv.bias",
    "encoder.pos_conv.0.weight_g": "encoder.pos_conv_embed.conv.parametrizations.weight.original0",
    "encoder.pos_conv.0.weight_v": "encoder.pos_conv_embed.conv.parametrizations.weight.original1",
    "mask_emb": "masked_spec_embed",
}
ONLY_PRETRAINING = {
    "quantizer.vars": (1, 16, 10),
    "quantizer.weight_proj.weight": (16, 16),
    "quantizer.weight_proj.bias": (16,),
    "project_q.weight": (20, 20),
    "project_q.bias": (20,),
    "final_proj.weight": (20, SIZE),
    "final_proj.bias": (20,),
}


def fairseq_names() -> dict[str, str]:
    """Each name in fairseq's model that features depend on, and the name in Wav2Vec2Model."""
    modules = dict(OUTSIDE_LAYERS)
    for number in range(7):
        ours = f"feature_extractor.conv_layers.{number}"
        modules |= {f"{ours}.0": f"{ours}.conv", f"{ours}.2.1": f"{ours}.layer_norm"}
    for number in range(LAYERS):
        modules |= {f"encoder.layers.{number}.{a}": f"encoder.layers.{number}.{b}" for a, b in INSIDE_LAYERS.items()}
    return CONVOLUTION | {f"{a}.{part}": f"{b}.{part}" for a, b in modules.items() for part in ("weight", "bias")}


def as_fairseq(encoder: State) -> dict[str, torch.Tensor]:
    """The state dict of a Wav2Vec2Model as fairseq would write it, with what only pre-training uses."""
    extra = {name: torch.zeros(shape) for name, shape in ONLY_PRETRAINING.items()}
    return {theirs: encoder[ours] for theirs, ours in fairseq_names().items()} | extra


def spec(
    *, frozen: bool = False, backend: str = "w2v2-aasist", hidden: str = "last", **options: object
) -> DetectorSpec:
    frontend = {"configuration": TINY_XLSR, "weights": "random", "frozen": frozen, "layers": hidden}
    return parse_detector_spec(
        {
            "name": "tiny",
            "frontend": {"name": "ssl", "options": frontend},
            "backend": {"name": backend, "options": options},
        }
    )


def detector(seed: int = 0, **options: Any) -> Detector:
    return build_detector(spec(**options), seed).eval()


def part(model: Detector, prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): t for name, t in model.state_dict().items() if name.startswith(prefix)}


def ssl_anti_spoofing(model: Detector, prefix: str = "") -> dict[str, torch.Tensor]:
    """What SSL_Anti-spoofing's training would save of this detector."""
    encoder = {f"ssl_model.model.{name}": t for name, t in as_fairseq(part(model, "frontend.encoder.")).items()}
    return {prefix + name: tensor for name, tensor in (encoder | part(model, "backend.")).items()}


def saved(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


def scored(model: Detector) -> torch.Tensor:
    return model.score(pseudo_random((2, 4000), 0))


def unlike(model: Detector) -> Detector:
    """`model` with every tensor replaced, as training would: names and shapes are what is left."""
    model.load_state_dict(pseudo_random_state(model.state_dict()))
    return model


GOLDEN_FIRST = [[-1.998162, -0.640442, -0.673609, 0.166688], [-1.640803, -1.321640, -1.093411, -1.131746]]
GOLDEN_LAST = [0.116168, -0.640084, 1.247471, -0.016184]


def test_fairseq_weights_give_the_features_of_fairseqs_model() -> None:
    # Golden features: fairseq's Wav2Vec2Model (a5402130) in eval mode, mask=False, features_only=True, with
    # `pseudo_random_state` of its own state dict, on `pseudo_random((2, 4000), 0)`; CPU, float32, torch 2.11.
    model = detector()
    theirs = pseudo_random_state(as_fairseq(part(model, "frontend.encoder.")))
    ours = to_detector_names({f"ssl_model.model.{name}": tensor for name, tensor in theirs.items()}, model.state_dict())
    assert ours.keys() == {name for name in model.state_dict() if name.startswith("frontend.")}
    model.load_state_dict(ours, strict=False)
    with torch.no_grad():
        features = model.frontend(pseudo_random((2, 4000), 0))
    assert features.shape == (2, 12, SIZE)
    assert torch.allclose(features[0, :2, :4], torch.tensor(GOLDEN_FIRST), atol=1e-4)
    assert torch.allclose(features[1, -1, -4:], torch.tensor(GOLDEN_LAST), atol=1e-4)


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.slow
def test_ssl_anti_spoofing_file_fills_every_tensor_and_gives_its_scores(prefix: str, tmp_path: Path) -> None:
    trained, model = unlike(detector(seed=1)), detector(seed=2)
    load_weights(model, saved(ssl_anti_spoofing(trained, prefix), tmp_path / "epoch_3.pth"))
    for name, tensor in trained.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name
    assert torch.equal(scored(model), scored(trained))


def test_source_tracing_file_gives_its_binary_branch(tmp_path: Path) -> None:
    trained, model = unlike(detector(seed=1)), detector(seed=2)
    shared = ("LL.", "first_bn", "encoder.", "attention.")
    state = {}
    for name, tensor in ssl_anti_spoofing(trained).items():
        if name.startswith((*shared, "ssl_model.")):
            state[name] = tensor
        else:
            state |= {f"binary_branch.{name}": tensor, f"multiclass_branch_as.{name}": torch.zeros_like(tensor)}
    load_weights(model, saved(state, tmp_path / "epoch_3.pth"))
    assert torch.equal(scored(model), scored(trained))


def test_antideepfake_file_gives_the_logits_of_its_network(tmp_path: Path) -> None:
    # models/W2V.py of AntiDeepfake (07e1de1), restated: the whole waveform layer-normed, the encoder's last layer, its
    # mean over time, a linear layer; the file is safetensors with fairseq's names
    options = {"configuration": TINY_XLSR, "weights": "random", "frozen": False, "scaling": "zero-mean-unit-variance"}
    values = {"name": "tiny", "score": "log odds", "backend": {"name": "mean-pool"}}
    values["frontend"] = {"name": "ssl", "options": options}
    model = build_detector(parse_detector_spec(values), 0).eval()
    encoder = pseudo_random_state(as_fairseq(part(model, "frontend.encoder.")))
    weight, bias = pseudo_random((2, SIZE), 1), pseudo_random((2,), 2)
    state = {f"m_ssl.model.{name}": tensor for name, tensor in encoder.items()}
    state |= {"proj_fc.weight": weight, "proj_fc.bias": bias}
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, tmp_path / "model.safetensors")
    load_weights(model, tmp_path / "model.safetensors")
    waveforms = pseudo_random((2, 4000), 0)
    theirs = build_detector(parse_detector_spec(values), 9).eval().frontend.encoder
    theirs.load_state_dict({ours: encoder[name] for name, ours in fairseq_names().items()}, strict=True)
    with torch.no_grad():
        normed = torch.stack([torch.nn.functional.layer_norm(item, item.shape) for item in waveforms])
        expected = theirs(normed).last_hidden_state.mean(dim=1) @ weight.T + bias
        assert torch.allclose(model(waveforms), expected, atol=1e-4)
    # evaluation.py ranks by the softmax of index 1, real: as the difference does
    assert torch.allclose(model.score(waveforms).float(), expected[:, 1] - expected[:, 0], atol=1e-4)


def test_either_form_of_weight_norm_is_read(tmp_path: Path) -> None:
    trained, model = unlike(detector(seed=1)), detector(seed=2)
    old = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): tensor
        for name, tensor in trained.state_dict().items()
    }
    assert old.keys() != trained.state_dict().keys()
    load_weights(model, saved(old, tmp_path / "old.pth"))
    assert torch.equal(scored(model), scored(trained))
    assert to_detector_names(trained.state_dict(), old).keys() == old.keys()


def test_mask_vector_is_left_out_where_the_detector_has_none() -> None:
    given = {"ssl_model.model.mask_emb": torch.zeros(2)}
    name = "frontend.encoder.masked_spec_embed"
    assert to_detector_names(given, [name]).keys() == {name}
    assert to_detector_names(given, []) == {}


def test_tensor_of_another_encoder_is_named() -> None:
    assert hugging_face_name("encoder.layers.3.fc1.weight") == "encoder.layers.3.feed_forward.intermediate_dense.weight"
    with pytest.raises(RequestError, match=r"'label_embs_concat' is no tensor of a fairseq wav2vec 2\.0 model"):
        hugging_face_name("label_embs_concat")


def test_two_tensors_of_one_name_are_refused() -> None:
    with pytest.raises(RequestError, match=r"two tensors of the file are backend\.out_layer\.bias"):
        to_detector_names(
            dict.fromkeys(["ssl_model.model.mask_emb", "out_layer.bias", "binary_branch.out_layer.bias"], 0), []
        )


# The dataclass as XIAOYixuan/IMS-ADD@8bc6e98 onebit/task/datatypes.py has it.
@dataclass
class ModelCheckpoint:
    epoch: int
    batch_count: int
    best_eer: float
    frontend_frozen: bool
    model_state_dict: dict[str, Any] | None = None
    backend_state_dict: dict[str, Any] | None = None


@pytest.fixture
def onebit(monkeypatch: pytest.MonkeyPatch) -> type[ModelCheckpoint]:
    """The dataclass under the module's name of IMS-ADD, for pickling; remove it with `forget` before reading."""
    for name in ("onebit", "onebit.task", "onebit.task.datatypes"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setattr(ModelCheckpoint, "__module__", "onebit.task.datatypes")
    sys.modules["onebit.task.datatypes"].ModelCheckpoint = ModelCheckpoint  # type: ignore[attr-defined]
    return ModelCheckpoint


def forget() -> None:
    for name in ("onebit", "onebit.task", "onebit.task.datatypes"):
        sys.modules.pop(name)


def test_cdd_file_of_a_frozen_x_aasist_is_read_without_its_code(onebit: type[ModelCheckpoint], tmp_path: Path) -> None:
    options: dict[str, Any] = {"frozen": True, "temporal_ratio": 0.7, "outputs": 1}
    trained, model = detector(seed=1, **options), detector(seed=2, **options)
    trained.backend.load_state_dict(pseudo_random_state(trained.backend.state_dict()))
    content = onebit(7, 4200, 0.1067, True, backend_state_dict=trained.backend.state_dict())
    path = saved(content, tmp_path / "best.pt")
    forget()
    load_weights(model, path)
    assert torch.equal(scored(model), scored(trained))


def test_cdd_file_of_lwbn_gets_the_names_of_our_lwbn(onebit: type[ModelCheckpoint], tmp_path: Path) -> None:
    options: dict[str, Any] = {"frozen": True, "backend": "lwbn", "hidden": "all", "layers": LAYERS + 1}
    trained, model = detector(seed=1, **options), detector(seed=2, **options)
    assert not torch.equal(scored(model), scored(trained))
    own = trained.backend.state_dict()
    theirs = {
        "time_attn_mlp1": own["attention"],
        "center": own["centres"],
        "bottleneck_proj.2.weight": own["bottleneck.weight"],
        "bottleneck_proj.2.bias": own["bottleneck.bias"],
    }
    path = saved(onebit(7, 4200, 0.1, True, backend_state_dict=theirs), tmp_path / "best.pt")
    forget()
    load_weights(model, path)
    assert torch.equal(scored(model), scored(trained))


def test_cdd_file_of_a_fine_tuned_detector_brings_its_encoder(onebit: type[ModelCheckpoint], tmp_path: Path) -> None:
    trained, model = unlike(detector(seed=1, outputs=1)), detector(seed=2, outputs=1)
    state = {f"frontend.model.{name}": tensor for name, tensor in part(trained, "frontend.encoder.").items()}
    state |= {f"backend.{name}": tensor for name, tensor in part(trained, "backend.").items()}
    path = saved(onebit(7, 4200, 0.1, False, model_state_dict=state), tmp_path / "last.pt")
    forget()
    load_weights(model, path)
    assert torch.equal(scored(model), scored(trained))


def test_cdd_file_without_a_state_dict_is_refused(onebit: type[ModelCheckpoint], tmp_path: Path) -> None:
    path = saved(onebit(7, 4200, 0.1, True), tmp_path / "best.pt")
    forget()
    with pytest.raises(RequestError, match=r"best\.pt: must hold a state dict"):
        read_tensors(path)


@dataclass
class Runs:
    """Asks whoever unpickles it to make a folder, as a malicious file would ask for worse."""

    folder: Path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("inside", [False, True])
def test_malicious_file_is_refused_by_the_name_it_calls_and_runs_nothing(
    onebit: type[ModelCheckpoint], tmp_path: Path, inside: bool
) -> None:
    call = Runs(tmp_path / "ran")
    content = onebit(7, 4200, 0.1, True, backend_state_dict={"LL.weight": call}) if inside else {"LL.weight": call}
    path = saved(content, tmp_path / "best.pt")
    with pytest.raises(RequestError, match=r"best\.pt: .* needs posix\.mkdir, which was not run"):
        read_tensors(path)
    assert not (tmp_path / "ran").exists()
    torch.load(path, weights_only=False)  # a reader that trusts the file
    assert (tmp_path / "ran").exists()


def test_class_that_nobody_expects_is_named(tmp_path: Path) -> None:
    path = saved({"LL.weight": torch.nn.Linear(1, 1)}, tmp_path / "whole.pt")
    with pytest.raises(RequestError, match=r"whole\.pt: .* needs torch\.nn\.modules\.linear\.Linear, which"):
        read_tensors(path)


def test_fine_tuned_encoder_is_refused_by_a_frozen_detector_with_the_one_to_use(tmp_path: Path) -> None:
    path = saved(ssl_anti_spoofing(unlike(detector(seed=1))), tmp_path / "epoch_3.pth")
    with pytest.raises(RequestError, match=r"trained with its backend: frontend\.encoder\..* is frozen\. Use"):
        load_weights(detector(frozen=True), path)


def test_frozen_encoder_that_a_file_repeats_is_left_out_with_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trained, model = detector(seed=1, frozen=True), detector(seed=2, frozen=True)
    path = saved(ssl_anti_spoofing(trained), tmp_path / "frozen.pth")
    with caplog.at_level(logging.INFO, logger="grid.detectors.weights"):
        load_weights(model, path)
    assert f"left out {len(fairseq_names())} tensors that the frozen frontend has already" in caplog.text
    assert torch.equal(scored(model), scored(trained))


@pytest.mark.parametrize(("outputs", "name"), [(2, "w2v2-aasist"), (1, "x-aasist")])
def test_published_heads_fit_one_committed_detector(outputs: int, name: str) -> None:
    options = W2v2AasistOptions(outputs=outputs)  # type: ignore[arg-type]
    head = W2v2AasistNetwork(1024, **options.model_dump()).state_dict()
    assert fitting_detectors({f"backend.{key}": tensor for key, tensor in head.items()}) == [name]
