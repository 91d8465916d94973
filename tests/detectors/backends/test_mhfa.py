"""MHFA: golden logits of the authors' class, the published counts, memory, gradients, any number of frames."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from grid.detectors.backends.mhfa import MhfaOptions
from grid.detectors.contract import BACKENDS, Features
from grid.detectors.networks.mhfa import MhfaNetwork
from tests.support.pseudo_random import pseudo_random, pseudo_random_state

# Golden values: SSL_BACKEND_MHFA of zlin0/wedefense@e7287fe wedefense/models/ssl_backend/MHFA.py with
# `pseudo_random_state` of our names, on `pseudo_random((layers, 2, frames, size), 1)`; float32, CPU, torch 2.11. The
# first four values of each embedding.
GOLDEN = [
    (
        Features("layers", size=1024, layers=25),
        50,
        32,
        [[-0.0538331, -0.0633767, 0.0850000, -0.0632898], [-0.0450681, -0.0954766, 0.0895729, -0.0734019]],
    ),
    (
        Features("layers", size=32, layers=4),
        20,
        8,
        [[0.0634165, -0.0057566, -0.0124576, -0.3347080], [0.1127072, -0.0175325, -0.2396502, -0.3925796]],
    ),
]


def network(features: Features, **options: int) -> MhfaNetwork:
    made = BACKENDS.get("mhfa")(MhfaOptions(**options)).build(features)  # type: ignore[arg-type]
    assert isinstance(made, MhfaNetwork)
    return made


@pytest.mark.parametrize(("features", "frames", "heads", "embeddings"), GOLDEN)
def test_authors_class_gave_the_same_embeddings(
    features: Features, frames: int, heads: int, embeddings: list[list[float]]
) -> None:
    head = network(features, heads=heads)
    head.load_state_dict(pseudo_random_state(head.state_dict()))
    with torch.no_grad():
        given = head.pooling(pseudo_random((features.layers, 2, frames, features.size), 1))
    assert given.shape == (2, 256)
    assert (given[:, :4] - torch.tensor(embeddings)).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("layers", "size", "heads", "parameters"),
    [(25, 1024, 8, 525_882), (25, 1024, 32, 1_315_410), (13, 768, 32, 1_249_850)],
)
def test_counts_are_the_published_ones_and_the_layer_of_the_classes(
    layers: int, size: int, heads: int, parameters: int
) -> None:
    # Counted in the class above: it ends at the embedding, and WeDefense adds the layer of the classes to it.
    head = network(Features("layers", size=size, layers=layers), heads=heads)
    assert sum(parameter.numel() for parameter in head.pooling.parameters()) == parameters
    assert sum(parameter.numel() for parameter in head.parameters()) == parameters + 256 * 2 + 2
    assert not list(head.buffers())


def test_layers_weigh_the_same_at_first() -> None:
    weights = network(Features("layers", size=8, layers=5)).pooling.layer_weights
    assert torch.equal(weights.softmax(dim=1), torch.full((2, 5), 0.2))


@pytest.mark.parametrize("outputs", [1, 2])
def test_declared_outputs_gradients_and_any_number_of_frames(outputs: int) -> None:
    head = network(Features("layers", size=16, layers=3), heads=2, outputs=outputs)
    hidden = pseudo_random((3, 4, 9, 16), 0).requires_grad_()
    logits = head(hidden)
    assert logits.shape == (4, outputs)
    logits.square().sum().backward()
    assert hidden.grad is not None
    # Both shift all energies of a head alike, which its softmax cancels.
    still = {name for name, value in head.named_parameters() if value.grad is None or value.grad.abs().max() < 1e-7}
    assert still == {"pooling.attention.bias", "pooling.keys.bias"}
    assert head(hidden[:, :, :1]).isfinite().all()


def test_utterance_alone_gives_its_logits_of_the_batch_in_training_too() -> None:
    head, hidden = network(Features("layers", size=16, layers=3), heads=2).train(), pseudo_random((3, 4, 9, 16), 0)
    alone = torch.cat([head(hidden[:, index : index + 1]) for index in range(4)])
    assert torch.allclose(head(hidden), alone, atol=1e-6)


@pytest.mark.parametrize("autocast", [False, True])
def test_backward_pass_keeps_no_copy_of_the_hidden_states(autocast: bool) -> None:
    head, hidden = network(Features("layers", size=256, layers=25)), pseudo_random((25, 2, 50, 256), 0)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast),
    ):
        head(hidden)
    assert kept.pop(hidden.untyped_storage().data_ptr()) == hidden.nbytes
    weights = sum(parameter.nbytes for parameter in head.parameters())
    assert sum(kept.values()) < hidden.nbytes / 2 + 2 * weights
