"""The W2V2-AASIST head against golden logits of the authors' classes, its counts, its shortest input, gradients."""

from __future__ import annotations

import pytest
import torch

from grid.core.errors import RequestError
from grid.detectors.backends.w2v2_aasist import W2v2AasistOptions
from grid.detectors.contract import BACKENDS
from grid.detectors.networks.aasist import W2v2AasistNetwork
from tests.support.pseudo_random import pseudo_random, pseudo_random_state

TWO_LOGITS = W2v2AasistOptions()
ONE_LOGIT = W2v2AasistOptions(temporal_ratio=0.7, outputs=1)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def network(options: W2v2AasistOptions, size: int = 1024) -> W2v2AasistNetwork:
    made = W2v2AasistNetwork(size, **options.model_dump())
    made.load_state_dict(pseudo_random_state(made.state_dict()))
    return made.eval()


# Golden logits: the authors' head classes with `pseudo_random_state`, in eval mode, on `pseudo_random((2, frames,
# 1024), 1)` in place of the encoder's output; float32, CPU, torch 2.11. Two logits: `Model` of TakHemlata/
# SSL_Anti-spoofing@4acaa61 model.py. One logit: `AASIST` of XIAOYixuan/IMS-ADD@8bc6e98 onebit/model/backend/AASIST.py.
GOLDEN = [
    (TWO_LOGITS, 199, [[-0.2843505, -2.8349683], [-1.4914633, -3.0955446]]),
    (TWO_LOGITS, 201, [[-0.2195541, -2.9434974], [-1.1591324, -3.1386788]]),
    (TWO_LOGITS, 60, [[2.9928875, -4.6242366], [1.0018148, -3.5233772]]),
    (ONE_LOGIT, 199, [[-0.8049882], [-1.8173970]]),
    (ONE_LOGIT, 201, [[-0.9500336], [-1.4572994]]),
    (ONE_LOGIT, 60, [[2.1559672], [0.3064321]]),
]


@pytest.mark.parametrize(("options", "frames", "logits"), GOLDEN)
def test_authors_classes_gave_the_same_logits(
    options: W2v2AasistOptions, frames: int, logits: list[list[float]]
) -> None:
    with torch.no_grad():
        given = network(options)(pseudo_random((2, frames, 1024), 1))
    assert (given - torch.tensor(logits)).abs().max() < 2e-4


@pytest.mark.parametrize(("options", "parameters"), [(TWO_LOGITS, 447_242), (ONE_LOGIT, 447_081)])
def test_counts_are_the_published_ones(options: W2v2AasistOptions, parameters: int) -> None:
    # Counted in the two classes above; both have 245 tensors in their state dict.
    head = W2v2AasistNetwork(1024, **options.model_dump())
    assert sum(parameter.numel() for parameter in head.parameters()) == parameters
    assert len(head.state_dict()) == 245


@pytest.mark.parametrize("outputs", [1, 2])
def test_declared_outputs_and_other_sizes_fit_together(outputs: int) -> None:
    options = W2v2AasistOptions(bands=20, encoder_channels=(4, 4, 8, 8, 8, 8), outputs=outputs)  # type: ignore[arg-type]
    backend = BACKENDS.get("w2v2-aasist")(options)
    assert W2v2AasistNetwork(16, **options.model_dump())(pseudo_random((3, 9, 16), 0)).shape == (3, backend.outputs)


def test_three_frames_are_enough_and_two_are_refused() -> None:
    head = network(TWO_LOGITS, size=16)
    assert torch.isfinite(head(pseudo_random((1, 3, 16), 0))).all()
    with pytest.raises(RequestError, match="at least 3 frames, not 2"):
        head(pseudo_random((1, 2, 16), 0))


def test_logits_do_not_depend_on_the_rest_of_the_batch() -> None:
    head, frames = network(TWO_LOGITS, size=16), pseudo_random((3, 60, 16), 0)
    alone = torch.cat([head(frames[index : index + 1]) for index in range(3)])
    assert torch.allclose(head(frames), alone, atol=1e-4)


def test_gradient_reaches_every_parameter_but_the_discarded_batch_norms() -> None:
    # Without dropout, so that no node is lost by chance; several items, so that each maximum is taken somewhere.
    dropouts = dict.fromkeys(("node_dropout", "pool_dropout", "branch_dropout", "output_dropout"), 0.0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = W2v2AasistNetwork(16, **W2v2AasistOptions(**dropouts).model_dump())  # type: ignore[arg-type]
    frames = torch.randn(6, 60, 16, generator=torch.Generator().manual_seed(7)).requires_grad_()
    head(frames).square().sum().backward()
    still = {name for name, value in head.named_parameters() if value.grad is None or not value.grad.any()}
    bypassed = {f"encoder.{block}.0.bn1.{part}" for block in range(1, 6) for part in ("weight", "bias")}
    # The last bias of the attention is the same for all frames and bands of a channel: each softmax cancels it.
    assert still - {"attention.3.bias"} == bypassed
    assert frames.grad is not None
    assert frames.grad.any()
