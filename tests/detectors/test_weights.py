"""Weights files that are no weights: each is refused in one line that says what is wrong, whatever torch raises."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from grid.core.errors import RequestError
from grid.detectors.network import Detector, build_detector
from grid.detectors.spec import load_detector_spec
from grid.detectors.weights import load_weights, model_bytes
from tests.support.damage import damaged

LARGEST = "backend.encoder.2.0.conv2.weight"


@pytest.fixture(scope="module")
def detector() -> Detector:
    return build_detector(load_detector_spec("aasist-tiny"), seed=0)


CHANGES: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "sparse": (lambda weight: weight.to_sparse(), "no dense tensor of real numbers, but torch.float32 in layout"),
    "complex": (lambda weight: weight.to(torch.complex64), "no dense tensor of real numbers, but torch.complex64"),
    "expanded": (lambda weight: weight[:1, :1, :1, :1].clone().expand_as(weight), "and the file 1 of its 864 values"),
    "a million times a million": (lambda weight: weight[0, 0, 0, :1].clone().expand(10**6, 10**6), "and the file 1 of"),
    "without values": (lambda weight: weight.to("meta"), "has no values: its device is meta"),
    "truth values": (lambda weight: weight > 0, "is torch.bool in the file, not torch.float32"),
    "whole numbers": (lambda weight: weight.to(torch.int8), "is torch.int8 in the file, not torch.float32"),
    "a scalar": (lambda weight: weight.sum(), "does not fit this detector"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_load_weights_of_a_tensor_that_is_no_weight_says_which(detector: Detector, tmp_path: Path, what: str) -> None:
    change, said = CHANGES[what]
    state = {name: tensor.clone() for name, tensor in detector.state_dict().items()}
    torch.save({**state, LARGEST: change(state[LARGEST])}, tmp_path / "w.pth")
    with pytest.raises(RequestError, match=said) as caught:
        load_weights(detector, tmp_path / "w.pth")
    assert f"{tmp_path / 'w.pth'}" in str(caught.value)
    assert LARGEST in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({1: torch.zeros(2)}, "the key 1 is no name"),
        ({None: torch.zeros(2)}, "the key None is no name"),
        ({"state": {"a": torch.zeros(2)}}, "must hold a state dict"),
        ([torch.zeros(2)], "must hold a state dict"),
        (torch.zeros(2), "must hold a state dict"),
        ({}, "does not fit this detector"),
    ],
)
def test_load_weights_of_what_is_no_state_dict_is_refused(
    detector: Detector, tmp_path: Path, content: Any, said: str
) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(RequestError, match=said):
        load_weights(detector, tmp_path / "w.pth")


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_load_weights_of_a_cut_file_is_one_line(detector: Detector, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    torch.save(detector.state_dict(), tmp_path / "w.pth")
    (tmp_path / "w.safetensors").write_bytes(model_bytes(detector))
    whole = path.read_bytes()
    draw = random.Random(0)
    for length in [0, 1, 2, 8, 100, len(whole) - 1, *(draw.randrange(len(whole)) for _ in range(30))]:
        path.write_bytes(whole[:length])
        with pytest.raises(RequestError, match=r"damaged|not a safetensors file, or not a whole one") as caught:
            load_weights(detector, path)
        assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_load_weights_of_damaged_files_is_refused_in_one_line_or_fits(
    detector: Detector, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    torch.save(detector.state_dict(), tmp_path / "w.pth")
    (tmp_path / "w.safetensors").write_bytes(model_bytes(detector))
    shapes = {key: value.shape for key, value in detector.state_dict().items()}
    whole, draw, refused = path.read_bytes(), random.Random(0), list[str]()
    for _ in range(100):
        path.write_bytes(damaged(whole, draw))
        try:
            load_weights(detector, path)
        except RequestError as error:
            refused.append(str(error))
    assert len(refused) > 30
    assert not any("\n" in reason for reason in refused)
    assert {key: value.shape for key, value in detector.state_dict().items()} == shapes
