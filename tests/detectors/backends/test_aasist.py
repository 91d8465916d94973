"""AASIST against the published weights and logits, its counts, its shortest inputs and its gradients."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import soundfile
import torch

from grid.core.errors import RequestError
from grid.detectors.network import Detector, build_detector
from grid.detectors.spec import load_detector_spec
from grid.detectors.weights import load_weights
from grid.inputs.crop import fixed_length


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def detector(name: str = "aasist-l") -> Detector:
    return build_detector(load_detector_spec(name), seed=0)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7)) * 0.1


@pytest.mark.parametrize(("name", "upstream"), [("aasist", "AASIST"), ("aasist-l", "AASIST-L")])
@pytest.mark.slow
def test_published_weights_give_the_golden_logits(
    name: str, upstream: str, shared_speech: Path, shared_weights: Path
) -> None:
    # Golden logits: weights/aasist/golden_scores.csv, made with the official class (see weights/README.md).
    model = detector(name).eval()
    load_weights(model, shared_weights / "aasist" / f"{upstream}.pth")
    paths = {row["utterance_id"]: row["path"] for row in rows(shared_speech / "protocol.csv")}
    golden = [row for row in rows(shared_weights / "aasist" / "golden_scores.csv") if row["model"] == upstream]
    assert len(golden) == 12
    # Every third keeps the test under ten seconds: four utterances, some of them shorter than 64,600 samples.
    golden = golden[::3]
    waveforms = [
        fixed_length(soundfile.read(shared_speech / paths[row["utterance_id"]], dtype="float32")[0], 64_600)
        for row in golden
    ]
    with torch.no_grad():
        logits = model(torch.stack([torch.from_numpy(waveform) for waveform in waveforms]))
    expected = torch.tensor([[float(row["logit_spoof"]), float(row["logit_bonafide"])] for row in golden])
    assert (logits - expected).abs().max() < 1e-4


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize(("name", "parameters", "values"), [("aasist", 297_866, 299_550), ("aasist-l", 85_306, 86_270)])
def test_counts_are_the_published_ones(name: str, parameters: int, values: int) -> None:
    # Counts of the published state dicts: weights/README.md.
    backend = detector(name).backend
    assert sum(parameter.numel() for parameter in backend.parameters()) == parameters
    assert sum(tensor.numel() for tensor in backend.state_dict().values()) == values
    assert len(backend.state_dict()) == 229


@pytest.mark.parametrize("samples", [2315, 16_000, 32_000])
def test_shorter_inputs_give_finite_logits(samples: int) -> None:
    assert torch.isfinite(detector().eval()(noise(2, samples))).all()


def test_too_short_input_names_the_least_length() -> None:
    with pytest.raises(RequestError, match="at least 2315 samples, not 2314"):
        detector()(noise(1, 2314))


def test_score_does_not_depend_on_the_rest_of_the_batch() -> None:
    model, batch = detector().eval(), noise(3, 16_000)
    alone = torch.cat([model.score(batch[index : index + 1]) for index in range(3)])
    assert torch.allclose(model.score(batch), alone, atol=1e-5)


@pytest.mark.slow
def test_gradient_reaches_every_parameter_but_the_discarded_batch_norms() -> None:
    # Without dropout, so that no node is lost by chance; several items, so that each maximum is taken somewhere.
    spec = load_detector_spec("aasist-l")
    options = spec.backend.options | dict.fromkeys(
        ("node_dropout", "pool_dropout", "branch_dropout", "output_dropout"), 0.0
    )
    model = build_detector(spec.model_copy(update={"backend": spec.backend.model_copy(update={"options": options})}), 0)
    model(noise(6, 16_000)).square().sum().backward()
    still = {name for name, value in model.named_parameters() if value.grad is None or not value.grad.any()}
    assert still == {f"backend.encoder.{block}.0.bn1.{part}" for block in range(1, 6) for part in ("weight", "bias")}


def test_train_mode_moves_running_statistics_and_same_seed_gives_same_logits() -> None:
    model, waveforms = detector().train(), noise(2, 8000)
    before = model.backend.first_bn.running_mean.clone()
    torch.manual_seed(3)
    first = model(waveforms)
    torch.manual_seed(3)
    assert torch.equal(model(waveforms), first)
    torch.manual_seed(4)
    assert not torch.equal(model(waveforms), first)
    assert not torch.equal(model.backend.first_bn.running_mean, before)
