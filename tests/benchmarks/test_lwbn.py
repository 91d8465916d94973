"""LWBN over 25 layers at once, beside a loop over the layers and a weighted copy of all hidden states."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from grid.detectors.backends.lwbn import LwbnOptions
from grid.detectors.networks.lwbn import LwbnNetwork
from tests.benchmarks.comparison import Contest
from tests.detectors.backends.test_lwbn import by_layer

LAYERS, BATCH, FRAMES, SIZE = 25, 8, 199, 1024
"""XLS-R on 64,000 samples."""


@pytest.fixture(scope="module")
def hidden() -> Tensor:
    return torch.randn(LAYERS, BATCH, FRAMES, SIZE, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def network() -> LwbnNetwork:
    torch.manual_seed(0)
    return LwbnNetwork(SIZE, **LwbnOptions(layers=LAYERS, dropout=0.0).model_dump())


def with_weighted_copy(network: LwbnNetwork, hidden: Tensor) -> Tensor:
    """The usual way to batch it: every hidden state times its weight, then the sum over time."""
    energies = torch.bmm(hidden.flatten(1, 2), network.attention).logsumexp(dim=2)
    weights = energies.view(hidden.shape[:3]).softmax(dim=2)
    pooled = (hidden * weights.unsqueeze(3)).sum(dim=2)
    bottlenecks = functional.normalize(network.bottleneck(pooled.relu()), dim=2)
    return (bottlenecks * functional.normalize(network.centres, dim=1).unsqueeze(1)).sum(dim=2).T


def test_lwbn_forward_and_backward(contest: Contest, network: LwbnNetwork, hidden: Tensor) -> None:
    def trained(way: Callable[[], Tensor]) -> Callable[[], list[Tensor]]:
        return lambda: list(torch.autograd.grad(way().square().sum(), list(network.parameters())))

    ours = trained(lambda: network(hidden))
    others = {
        "a loop over the layers": trained(lambda: by_layer(network, hidden)),
        "a weighted copy of all hidden states": trained(lambda: with_weighted_copy(network, hidden)),
    }
    contest.rate("LWBN forward and backward", "items/s", BATCH, ours, others, rounds=5)
    expected = ours()
    for other in others.values():
        for gradient, wanted in zip(other(), expected, strict=True):
            torch.testing.assert_close(gradient, wanted, rtol=1e-3, atol=1e-5)
