"""Detector files: errors and identity; building from a seed, input level, and weights files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from grid.core.errors import MissingRequirementError, RequestError
from grid.core.identity import digest, plain
from grid.detectors.network import Detector, at_level, build_detector, scores_of
from grid.detectors.spec import DetectorSpec, detector_names, load_detector_spec, parse_detector_spec
from grid.detectors.weights import fitting_detectors, load_weights, model_bytes, read_tensors
from tests.support.places import REPOSITORY
from tests.support.tiny_encoders import TINY_XLSR

TINY = 64
"""The values of a frame of an encoder with random weights that is small enough to be built in a test."""
SMALL = {"name": "lcnn", "options": {"channels": [4, 4, 4, 4, 4]}}


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7)) * 0.1


def spec(**changes: object) -> DetectorSpec:
    return parse_detector_spec({"name": "x", "frontend": {"name": "lfcc"}, "backend": SMALL} | changes)


def with_small_encoder(loaded: DetectorSpec) -> DetectorSpec:
    """The same detector with few and random weights where it has a speech encoder, which is gigabytes away."""
    if loaded.frontend.name != "ssl":
        return loaded
    shape = loaded.resolved_frontend().shape
    if shape.size <= TINY:
        return loaded
    layers = int(shape.layers)
    small = {
        "configuration": TINY_XLSR | {"hidden_size": TINY, "num_hidden_layers": layers},
        "weights": "random",
        "weights_sha256": None,
    }
    frontend = loaded.frontend.model_copy(update={"options": loaded.frontend.options | small})
    return loaded.model_copy(update={"frontend": frontend})


@pytest.mark.parametrize("name", detector_names())
def test_committed_detector_loads_builds_and_scores(name: str) -> None:
    loaded = load_detector_spec(name)
    assert loaded.name == name
    detector = build_detector(with_small_encoder(loaded), seed=0).eval()
    frames = loaded.backend.options.get("frames")  # a head with one length
    waveforms = noise(2, 400 + 320 * (frames - 1) if frames else 8000)
    assert detector(waveforms).shape == (2, detector.outputs)
    assert detector.score(waveforms).shape == (2,)


@pytest.mark.parametrize("name", detector_names())
def test_committed_detector_file_opens_with_its_sources(name: str) -> None:
    head = (REPOSITORY / "configs" / "detectors" / f"{name}.yaml").read_text().split("name:")[0]
    assert all(line.startswith("#") for line in head.strip().splitlines())
    assert re.search(r"\b(19|20)\d\d\b|[a-z0-9-]+\.yaml", head), "neither a paper's year nor another detector's file"


def test_spec_and_identity_need_no_torch() -> None:
    code = (
        "import sys; from grid.detectors.spec import *; [load_detector_spec(n).identity() for n in detector_names()];"
        "print('torch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "False"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frontend": {"name": "lfc"}}, r"frontend.name: unknown frontend 'lfc'; did you mean 'lfcc'\?"),
        ({"backend": {"name": "lcn"}}, r"unknown backend 'lcn'; did you mean 'lcnn'\?"),
        (
            {"backend": {"name": "lcnn", "options": {"chanels": [1]}}},
            r"backend 'lcnn': chanels: unknown option 'chanels'; did you mean 'channels'\? Choices: channels, dropout",
        ),
        ({"backend": {"name": "lcnn", "options": {"dropout": "high"}}}, r"dropout: .* not 'high'"),
        ({"backend": {"name": "lcnn", "options": {"recurrent": 1}}}, r"recurrent: .* not 1"),
        ({"backend": {"name": "aasist"}}, r"takes features of kind 'waveform', but frontend 'lfcc' gives 'frames'"),
        ({"frontend": {"name": "lfcc", "options": {"fft_points": 256}}}, r"frame_samples 320 is more than"),
        ({"inptu": {}}, r"unknown key 'inptu'; did you mean 'input'\?"),
        ({"input": {"levle": "rms"}}, r"unknown key 'levle'; did you mean 'level'\?"),
        ({"input": {"level": "rms"}}, r"give dbfs for rms"),
        ({"input": {"level": "none", "dbfs": -26}}, r"only for rms"),
    ],
)
def test_wrong_spec_names_place_value_and_choices(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        spec(**changes)


def test_unknown_detector_names_the_nearest() -> None:
    with pytest.raises(RequestError, match=r"unknown detector 'aasist_l'; did you mean 'aasist-l'\?"):
        load_detector_spec("aasist_l")


def test_own_folder_comes_before_the_committed_detectors_and_hides_none_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "aasist.yaml").write_text(yaml.safe_dump({"frontend": {"name": "lfcc"}, "backend": SMALL}))
    assert load_detector_spec("aasist", tmp_path).backend.name == "lcnn"
    assert load_detector_spec("aasist-l", tmp_path) == load_detector_spec("aasist-l")
    assert detector_names(tmp_path) == detector_names()


def test_detector_file_at_a_path_is_read_and_its_faults_name_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"frontend": {"name": "lfcc"}, "backend": SMALL}))
    assert load_detector_spec(file).name == "mine"
    assert load_detector_spec("mine", tmp_path).backend.name == "lcnn"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("backend: {name: lcnn, option: {}}", r"mine\.yaml:3: unknown key 'option'; did you mean 'options'\?"),
        ("backend:\n  name: lcn", r"mine\.yaml:4: backend\.name: unknown backend 'lcn'; did you mean 'lcnn'\?"),
        (
            "backend:\n  name: lcnn\n  options:\n    dropout: high",
            r"mine\.yaml:6: backend 'lcnn': dropout: .* not 'high'",
        ),
        ("backend: {name: lcnn}\ninput:\n  level: rms", r"mine\.yaml:4: input: input level 'rms' with dbfs None"),
        ("backend: {name: aasist}", r"mine\.yaml:3: backend 'aasist' takes features of kind 'waveform'"),
        ("frontend: {name: lfcc}", r"mine\.yaml:3: key 'frontend' is given twice"),
        ("backend: {name: lcnn", r"mine\.yaml is not valid YAML: (?s:.*)line 4"),
        ("", r"mine\.yaml:2: backend: Field required"),
    ],
)
def test_wrong_detector_file_names_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"# a detector\nfrontend: {{name: lfcc}}\n{text}\n")
    with pytest.raises(RequestError, match=message):
        load_detector_spec(file)


def test_identity_moves_with_every_default_and_not_with_the_name() -> None:
    base = digest(spec().identity())
    assert digest(spec(name="y").identity()) == base
    explicit = {"name": "lfcc", "options": {"hop_samples": 160}}
    assert digest(spec(frontend=explicit).identity()) == base
    assert digest(spec(frontend={"name": "lfcc", "options": {"hop_samples": 80}}).identity()) != base
    assert digest(spec(input={"level": "rms", "dbfs": -26}).identity()) != base


def test_defaults_of_aasist_are_the_committed_file() -> None:
    bare = parse_detector_spec({"name": "x", "frontend": {"name": "raw"}, "backend": {"name": "aasist"}})
    assert plain(bare.identity()) == plain(load_detector_spec("aasist").identity())


def test_build_depends_on_the_seed_and_leaves_torchs_generator_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = model_bytes(build_detector(spec(), seed=5))
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    assert model_bytes(build_detector(spec(), seed=5)) == first
    assert model_bytes(build_detector(spec(), seed=6)) != first


def test_level_gives_each_item_the_same_rms_and_keeps_silence() -> None:
    waveforms = torch.cat([noise(1, 4000), noise(1, 4000) * 7, torch.zeros(1, 4000)])
    rms = at_level(waveforms, -26.0).square().mean(1).sqrt()
    expected = 10 ** (-26 / 20)
    assert torch.allclose(rms, torch.tensor([expected, expected, 0.0]), rtol=1e-4)


def test_level_rms_makes_scores_blind_to_loudness() -> None:
    waveforms = noise(1, 8000)
    levelled = build_detector(spec(input={"level": "rms", "dbfs": -26}), 0).eval()
    assert torch.allclose(levelled.score(waveforms), levelled.score(waveforms * 0.1), atol=1e-5)
    plain_level = build_detector(spec(), 0).eval()
    assert not torch.allclose(plain_level.score(waveforms), plain_level.score(waveforms * 0.1), atol=1e-5)


def test_score_is_the_bonafide_logit_of_two_and_the_logit_of_one() -> None:
    assert scores_of(torch.tensor([[1.0, 2.0], [3.0, -4.0]])).tolist() == [2.0, -4.0]
    assert scores_of(torch.tensor([[1.0], [3.0]])).tolist() == [1.0, 3.0]


def test_log_odds_are_the_difference_of_two_logits_and_of_no_other_outputs() -> None:
    two = build_detector(spec(backend=SMALL | {"options": SMALL["options"] | {"outputs": 2}}, score="log odds"), 0)
    waveforms = noise(2, 4000)
    logits = two.eval()(waveforms).double()
    assert torch.allclose(two.score(waveforms), logits[:, 1] - logits[:, 0])
    ranks = logits.softmax(dim=1)[:, 1].argsort()
    assert torch.equal(two.score(waveforms).argsort(), ranks)  # of the published scores that are softmaxes
    with pytest.raises(RequestError, match=r"score 'log odds' is of two logits, and backend 'lcnn' gives 1 logits"):
        spec(score="log odds")


def test_a_score_or_pre_emphasis_that_is_chosen_changes_the_identity_and_the_default_is_not_in_it() -> None:
    plain_spec = spec(backend=SMALL | {"options": SMALL["options"] | {"outputs": 2}})
    assert "score" not in plain_spec.identity()
    assert plain_spec.identity()["input"] == {"level": "none", "dbfs": None, "over": "item", "clip": False}
    for changed in ({"score": "log odds"}, {"input": {"pre_emphasis": 0.97}}):
        values = plain_spec.model_dump() | changed
        assert digest(parse_detector_spec(values).identity()) != digest(plain_spec.identity())


def test_pre_emphasis_is_that_of_torchaudio_on_each_item() -> None:
    from torchaudio.functional import preemphasis

    waveforms = noise(3, 4000)
    heard = build_detector(spec(input={"pre_emphasis": 0.97}), 0).levelled(waveforms)
    assert torch.allclose(heard, preemphasis(waveforms, 0.97), atol=1e-7)


def test_score_keeps_no_gradient() -> None:
    assert not build_detector(spec(), 0).eval().score(noise(1, 4000)).requires_grad


def saved(detector: Detector, folder: Path) -> Path:
    path = folder / "model.safetensors"
    path.write_bytes(model_bytes(detector))
    return path


def test_weights_survive_the_round_trip_bit_for_bit(tmp_path: Path) -> None:
    source, target = build_detector(spec(), 1), build_detector(spec(), 2)
    source(noise(2, 4000))  # moves the running statistics
    load_weights(target, saved(source, tmp_path))
    waveforms = noise(2, 8000)
    assert torch.equal(source.eval().score(waveforms), target.eval().score(waveforms))


def test_weights_of_another_detector_are_refused_with_the_one_that_fits(shared_weights: Path) -> None:
    detector = build_detector(load_detector_spec("aasist"), 0)
    with pytest.raises(RequestError, match=r"does not fit this detector: .* It fits: aasist-l, aasist-l-2019la\."):
        load_weights(detector, shared_weights / "aasist" / "AASIST-L.pth")


def test_weights_that_fit_nothing_say_so(tmp_path: Path) -> None:
    assert fitting_detectors({"backend.x": torch.zeros(1)}) == []
    other = build_detector(spec(backend=SMALL | {"options": {"channels": [6, 6, 6, 6, 6]}}), 0)
    with pytest.raises(RequestError, match=r"It fits no detector"):
        load_weights(build_detector(spec(), 0), saved(other, tmp_path))


def test_weights_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingRequirementError, match="no weights file"):
        read_tensors(tmp_path / "absent.pth")
    (tmp_path / "text.pth").write_text("not a checkpoint")
    with pytest.raises(RequestError, match=r"text\.pth"):
        read_tensors(tmp_path / "text.pth")
    (tmp_path / "text.safetensors").write_text("not a checkpoint")
    with pytest.raises(RequestError, match=r"not a safetensors file"):
        read_tensors(tmp_path / "text.safetensors")
    (tmp_path / "model.onnx").write_text("x")
    with pytest.raises(RequestError, match=r"Choices: \.pth, \.pt, \.bin, \.safetensors"):
        read_tensors(tmp_path / "model.onnx")
    torch.save(torch.nn.Linear(1, 1), tmp_path / "whole.pt")
    with pytest.raises(RequestError, match="more than plain tensors"):
        read_tensors(tmp_path / "whole.pt")
