"""LWBN: the published module's numbers, a plain loop over the layers, memory, initial values and errors."""

from __future__ import annotations

import pytest
import safetensors.torch
import torch
from torch import Tensor

from grid.core.errors import RequestError
from grid.detectors.backends.lwbn import LwbnOptions
from grid.detectors.contract import BACKENDS, Features
from grid.detectors.network import build_detector, scores_of
from grid.detectors.networks.lwbn import LwbnNetwork
from grid.detectors.spec import load_detector_spec, parse_detector_spec
from grid.detectors.weights import model_bytes
from grid.training.losses import detection_loss, oc_softmax
from tests.support.tiny_encoders import TINY_XLSR

SMALL = LwbnOptions(layers=3, heads=2, bottleneck=5, dropout=0.0)
SIZE = 12


def wave(step: float, *shape: int) -> Tensor:
    """sin(step), sin(2 step), ... in this shape: values that any program can make again."""
    return torch.sin(step * torch.arange(1, 1 + torch.Size(shape).numel(), dtype=torch.float64)).float().view(shape)


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7))


def by_layer(network: LwbnNetwork, hidden: Tensor) -> Tensor:
    """The formulas of the paper as they stand, one layer after the other."""
    cosines = []
    for states, vectors, centre in zip(hidden, network.attention, network.centres, strict=True):
        energies = (states @ vectors).exp().sum(dim=2).log()
        weights = energies.exp() / energies.exp().sum(dim=1, keepdim=True)
        pooled = (weights.unsqueeze(2) * states).sum(dim=1)
        bottleneck = network.bottleneck(network.dropout(pooled.clamp(min=0)))
        cosines.append((bottleneck @ centre) / (bottleneck.norm(dim=1) * centre.norm()))
    return torch.stack(cosines, dim=1)


def test_published_module_gives_the_same_cosines_scores_loss_and_gradients() -> None:
    # Golden values: LWBN and OCSoftmaxK of XIAOYixuan/IMS-ADD@8bc6e98 (onebit/model/backend/lw_bn.py, layer_wise.py,
    # onebit/loss/ocsoftmaxK.py), run with input_dim 12, layer_attn_head 2, num_layers 3, bottleneck_dim 5 on the
    # values below, in eval mode, torch 2.11.
    network = LwbnNetwork(SIZE, **SMALL.model_dump())
    with torch.no_grad():
        network.attention.copy_(wave(0.37, 3, SIZE, 2))
        network.bottleneck.weight.copy_(wave(0.71, 5, SIZE))
        network.bottleneck.bias.copy_(wave(1.3, 5))
        network.centres.copy_(wave(0.53, 3, 5))
    cosines = network(3 * wave(1.7, 3, 4, 7, SIZE) * wave(0.29, 3, 4, 7, SIZE))
    golden = [
        [-0.0132110, 0.1934008, -0.4259892],
        [-0.0909148, 0.3684442, -0.4378938],
        [-0.0044014, 0.1189472, -0.5161995],
        [-0.0340626, 0.2375734, -0.4289857],
    ]
    assert torch.allclose(cosines, torch.tensor(golden), atol=1e-6)
    scores = torch.tensor([-0.2457994, -0.1603644, -0.4016538, -0.2254749])
    assert torch.allclose(scores_of(cosines, "cosines"), scores, atol=1e-6)
    loss = oc_softmax(cosines, torch.tensor([1.0, 0.0, 0.0, 1.0]))
    loss.backward()
    assert loss.item() == pytest.approx(60.514107, rel=1e-6)
    norms = {name: value.grad.norm().item() for name, value in network.named_parameters() if value.grad is not None}
    expected = {
        "attention": 6.304287,
        "centres": 17.626160,
        "bottleneck.weight": 15.789433,
        "bottleneck.bias": 5.771788,
    }
    assert norms == pytest.approx(expected, rel=1e-5)


def test_plain_loop_over_layers_gives_the_same_cosines_and_gradients() -> None:
    torch.manual_seed(3)
    network = LwbnNetwork(64, **LwbnOptions(layers=4, dropout=0.0).model_dump())
    results = []
    for way in (network, lambda hidden: by_layer(network, hidden)):
        hidden = noise(4, 3, 20, 64).requires_grad_()
        cosines = way(hidden)
        gradients = torch.autograd.grad((cosines * noise(3, 4)).sum(), [hidden, *network.parameters()])
        results.append([cosines, *gradients])
    for ours, theirs in zip(*results, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_published_sizes_have_the_published_count() -> None:
    # The released lwbn.asvspoof5/23143/best.pt, 1,896,959 bytes, is 473,600 values of 4 bytes and their names.
    network = BACKENDS.get("lwbn")(LwbnOptions()).build(Features("layers", size=1024, layers=25))
    assert sum(parameter.numel() for parameter in network.parameters()) == 473_600
    assert not list(network.buffers())


def test_initial_attention_and_centres_are_the_published_ones() -> None:
    # The published class, built with its defaults, had a largest absolute attention of 0.026739: torch's Xavier bound
    # sqrt(6 / (8 * 1024 + 8 * 25)) for a tensor of this shape.
    torch.manual_seed(0)
    network = LwbnNetwork(1024, **LwbnOptions().model_dump())
    assert network.attention.abs().max().item() == pytest.approx(0.026739, abs=1e-6)
    assert torch.allclose(network.centres.norm(dim=1), torch.ones(25))


@pytest.mark.parametrize("autocast", [False, True])
def test_backward_pass_keeps_no_copy_of_the_hidden_states(autocast: bool) -> None:
    network, hidden = LwbnNetwork(1024, **LwbnOptions().model_dump()), noise(25, 2, 100, 1024)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast),
    ):
        cosines = network(hidden)
    assert kept.pop(hidden.untyped_storage().data_ptr()) == hidden.nbytes
    assert sum(kept.values()) < hidden.nbytes / 8
    cosines.sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


def test_utterance_alone_gives_its_cosines_of_the_batch_in_training_too() -> None:
    network, hidden = LwbnNetwork(SIZE, **SMALL.model_dump()).train(), noise(3, 4, 9, SIZE)
    alone = torch.cat([network(hidden[:, i : i + 1]) for i in range(4)])
    assert torch.allclose(alone, network(hidden), atol=1e-6)


def test_repeated_frames_change_nothing() -> None:
    network, hidden = LwbnNetwork(SIZE, **SMALL.model_dump()), noise(3, 2, 9, SIZE)
    assert torch.allclose(network(hidden.repeat(1, 1, 3, 1)), network(hidden), atol=1e-6)


def test_dropout_acts_in_training_alone() -> None:
    network, hidden = LwbnNetwork(SIZE, **LwbnOptions(layers=3).model_dump()), noise(3, 2, 9, SIZE)
    assert not torch.equal(network(hidden), network(hidden))
    network.eval()
    assert torch.equal(network(hidden), network(hidden))


def test_hidden_states_in_bfloat16_give_nearly_the_same_cosines_in_float32() -> None:
    network, hidden = LwbnNetwork(64, **LwbnOptions(layers=3).model_dump()).eval(), noise(3, 2, 50, 64)
    cosines = network(hidden.bfloat16())
    assert cosines.dtype == torch.float32
    assert (cosines - network(hidden)).abs().max() < 0.01


def test_large_hidden_states_stay_finite() -> None:
    network = LwbnNetwork(SIZE, **SMALL.model_dump())
    network(1e4 * noise(3, 2, 9, SIZE)).sum().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in network.parameters())


def test_outputs_are_one_cosine_for_each_layer() -> None:
    backend = BACKENDS.get("lwbn")(SMALL)
    network = backend.build(Features("layers", size=SIZE, layers=3))
    assert network(noise(3, 4, 9, SIZE)).shape == (4, backend.outputs)
    assert backend.head == "cosines"


def test_other_number_of_layers_names_the_option() -> None:
    with pytest.raises(RequestError, match=r"has layers: 25, but the frontend gives 13; .* layers: 13"):
        BACKENDS.get("lwbn")(LwbnOptions()).build(Features("layers", size=768, layers=13))


def test_committed_detector_on_a_tiny_encoder_trains_its_backend_alone() -> None:
    values = load_detector_spec("lwbn").model_dump()
    tiny = {"configuration": TINY_XLSR | {"num_hidden_layers": 24}, "weights": "random"}
    values["frontend"]["options"] |= tiny
    model = build_detector(parse_detector_spec(values), seed=0)
    cosines = model(0.1 * noise(4, 3200))
    assert cosines.shape == (4, 25)
    detection_loss(cosines, torch.tensor([1.0, 0.0, 0.0, 1.0]), head=model.head).backward()
    trained = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert trained == {f"backend.{name}" for name in ("attention", "bottleneck.weight", "bottleneck.bias", "centres")}
    assert set(safetensors.torch.load(model_bytes(model))) == trained


def test_committed_detector_has_as_many_layers_as_its_encoder() -> None:
    spec = load_detector_spec("lwbn")
    assert spec.resolved_frontend().features == Features("layers", size=1024, layers=spec.resolved_backend().outputs)
