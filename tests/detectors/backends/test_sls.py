"""SLS: golden outputs of the authors' class, its count, gradients, and the one length that it can score."""

from __future__ import annotations

import pytest
import torch

from grid.core.errors import RequestError
from grid.detectors.backends.sls import SlsOptions
from grid.detectors.contract import BACKENDS, Features
from grid.detectors.networks.sls import SlsNetwork
from grid.detectors.spec import load_detector_spec
from grid.training.losses import cross_entropy
from tests.support.pseudo_random import pseudo_random, pseudo_random_state


def small(frames: int = 20) -> SlsNetwork:
    made = BACKENDS.get("sls")(SlsOptions(frames=frames)).build(Features("layers", size=32, layers=5))
    assert isinstance(made, SlsNetwork)
    return made


def test_authors_class_gave_the_same_log_probabilities() -> None:
    # Golden values: `Model` of QiShanZhang/SLSforASVspoof-2021-DF@82e8af0 model.py, its layers made for 32 values and
    # 20 frames, with `pseudo_random_state` of our names, in eval mode, on states 1 to 4 of `pseudo_random((5, 2, 20,
    # 32), 1)` in place of the encoder's layers; float32, CPU, torch 2.11. The published sizes agreed within 8e-7.
    head = small().eval()
    head.load_state_dict(pseudo_random_state(head.state_dict()))
    with torch.no_grad():
        given = head(pseudo_random((5, 2, 20, 32), 1))
    golden = [[-0.8077187, -0.5903633], [-0.4438302, -1.0260341]]
    assert (given - torch.tensor(golden)).abs().max() < 1e-6


def test_count_is_the_published_one() -> None:
    # 23,399 k in the table of Nes2Net (Liu et al. 2025); counted in the class above at 201 frames of 1,024 values.
    head = BACKENDS.get("sls")(SlsOptions()).build(Features("layers", size=1024, layers=25))
    assert sum(parameter.numel() for parameter in head.parameters()) == 23_399_429


def test_the_input_embedding_does_not_matter_and_every_layer_does() -> None:
    head, hidden = small(), pseudo_random((5, 3, 20, 32), 0).requires_grad_()
    outputs = head(hidden)
    assert outputs.shape == (3, 2)
    outputs[:, 0].square().sum().backward()
    assert hidden.grad is not None
    assert hidden.grad.any(dim=(1, 2, 3)).tolist() == [False, True, True, True, True]
    assert not [name for name, value in head.named_parameters() if value.grad is None or not value.grad.any()]


def test_cross_entropy_of_log_probabilities_is_that_of_logits() -> None:
    outputs, targets = small()(pseudo_random((5, 3, 20, 32), 0)), torch.tensor([1.0, 0.0, 1.0])
    assert torch.allclose(outputs.exp().sum(dim=1), torch.ones(3))
    expected = -(outputs[:, 1] * targets + outputs[:, 0] * (1 - targets)).mean()
    assert torch.allclose(cross_entropy(outputs, targets), expected)


@pytest.mark.parametrize("frames", [19, 21])
def test_another_length_names_the_one_it_was_built_for(frames: int) -> None:
    with pytest.raises(RequestError, match=rf"built for 20 frames and got {frames}: .* option frames: {frames}"):
        small()(pseudo_random((5, 2, frames, 32), 0))


@pytest.mark.parametrize(("name", "samples"), [("sls", 64_000), ("sls-finetuned", 64_600)])
def test_committed_lengths_are_those_of_the_crops_they_name(name: str, samples: int) -> None:
    # wav2vec 2.0: the first frame needs 400 samples and each of the others 320 more
    assert load_detector_spec(name).resolved_backend().options.frames == (samples - 400) // 320 + 1
