"""LCNN: counts and shapes of the published network, shorter inputs, gradients."""

from __future__ import annotations

import pytest
import torch

from grid.core.errors import RequestError
from grid.detectors.backends.lcnn import LcnnOptions
from grid.detectors.contract import BACKENDS
from grid.detectors.networks.lcnn import LcnnNetwork, MaxFeatureMap


def frames(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7))


def count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_published_widths_have_the_published_count() -> None:
    # nii-yamagishilab/project-NN-Pytorch-scripts project/04-asvspoof2021-toy trained_network.pt: the tensors of its
    # convolutions, LSTM layers and last layer have 269,729 values (counted in the file).
    assert count(LcnnNetwork(60, **LcnnOptions().model_dump())) == 269_729


def test_published_convolutions_have_the_published_shapes() -> None:
    # Same file, in order of depth.
    network = LcnnNetwork(60, **LcnnOptions().model_dump())
    shapes = [tuple(layer.weight.shape) for layer in network.convolutions if isinstance(layer, torch.nn.Conv2d)]
    assert shapes == [
        (64, 1, 5, 5),
        (64, 32, 1, 1),
        (96, 32, 3, 3),
        (96, 48, 1, 1),
        (128, 48, 3, 3),
        (128, 64, 1, 1),
        (64, 64, 3, 3),
        (64, 32, 1, 1),
        (64, 32, 3, 3),
    ]


def test_convolutions_shrink_time_and_frequency_sixteen_times() -> None:
    assert LcnnNetwork(60, **LcnnOptions().model_dump()).convolutions(frames(2, 1, 201, 60)).shape == (2, 32, 12, 3)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("recurrent", [True, False])
def test_logits_have_the_declared_outputs(outputs: int, recurrent: bool) -> None:
    options = LcnnOptions(channels=(4, 4, 4, 4, 4), recurrent=recurrent, outputs=outputs)  # type: ignore[arg-type]
    backend = BACKENDS.get("lcnn")(options)
    assert LcnnNetwork(60, **options.model_dump())(frames(3, 50, 60)).shape == (3, backend.outputs)


def test_without_recurrence_only_the_lstm_is_missing() -> None:
    # Two bidirectional layers of 48 units each way on 96 inputs: 2 x 2 x 4 x 48 x (96 + 48 + 2).
    plain = count(LcnnNetwork(60, **LcnnOptions(recurrent=False).model_dump()))
    assert count(LcnnNetwork(60, **LcnnOptions().model_dump())) - plain == 2 * 2 * 4 * 48 * (96 + 48 + 2)


def test_max_feature_map_takes_the_larger_of_the_halves() -> None:
    picture = torch.tensor([1.0, 5.0, 4.0, 2.0]).view(1, 4, 1, 1)
    assert MaxFeatureMap()(picture).flatten().tolist() == [4.0, 5.0]


def test_gradient_reaches_every_parameter() -> None:
    network = LcnnNetwork(60, **LcnnOptions(dropout=0.0).model_dump())
    network(frames(4, 64, 60)).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


def test_fewer_than_sixteen_frames_are_refused() -> None:
    network = LcnnNetwork(60, **LcnnOptions(channels=(4, 4, 4, 4, 4)).model_dump()).eval()
    assert torch.isfinite(network(frames(1, 16, 60))).all()
    with pytest.raises(RequestError, match="at least 16 frames, not 15"):
        network(frames(1, 15, 60))
