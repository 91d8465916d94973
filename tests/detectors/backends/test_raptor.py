"""RAPTOR: golden logits and parameter counts of DF-Arena's network under its own names; any length; gradients."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from grid.core.errors import RequestError
from grid.detectors.backends.raptor import RaptorOptions
from grid.detectors.contract import BACKENDS, Features
from grid.detectors.inventory import count_parameters
from grid.detectors.network import Detector, build_detector
from grid.detectors.networks.raptor import RaptorNetwork
from grid.detectors.published_names import to_detector_names
from grid.detectors.spec import load_detector_spec, parse_detector_spec
from grid.detectors.weights import load_weights
from tests.support.pseudo_random import pseudo_random, pseudo_random_state
from tests.support.tiny_encoders import SIZE, TINY_XLSR

HEADS, FEED_FORWARD, KERNEL, BLOCKS = 4, 2, 7, 2
INNER = 2 * SIZE
OPTIONS = RaptorOptions(blocks=BLOCKS, heads=HEADS, feed_forward=FEED_FORWARD, expansion=2, kernel=KERNEL)

GOLDEN = [[0.4339819, 1.7711482], [0.5613194, 1.4935882]]
"""backbone.py and conformer.py of the hub's Speech-Arena-2025/DF_Arena_1B_V_1 in this size, in evaluation, with
`pseudo_random_state` of its own state dict but for `conformer.positional_emb`, on the hidden states
`pseudo_random((5, 2, 9, 32), 7)`; CPU, float32, torch 2.11."""

PUBLISHED = {"df-arena-1b": (1_148_000_000, 962_497_408), "df-arena-500m": (436_000_000, 315_438_720)}
"""The parameters on the model cards, in millions, which count a table of 10,000 positions; those of the encoder alone
(transformers 5, Wav2Vec2Model)."""


def norm(name: str, size: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{part}": (size,) for part in ("weight", "bias")}


def batch_norm(name: str, size: int) -> dict[str, tuple[int, ...]]:
    running = {f"{name}.{part}": (size,) for part in ("running_mean", "running_var")}
    return norm(name, size) | running | {f"{name}.num_batches_tracked": ()}


def linear(name: str, outputs: int, *inputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, *inputs), f"{name}.bias": (outputs,)}


def published_shapes() -> dict[str, tuple[int, ...]]:
    """The names and shapes of the head in DF-Arena's files, in this size."""
    shapes: dict[str, tuple[int, ...]] = {"attn_scores.weight": (1, SIZE), "conformer.class_token": (1, SIZE)}
    shapes |= batch_norm("first_bn", 1) | linear("fc0", 1, SIZE) | linear("conformer.fc5", 2, SIZE)
    for number in range(BLOCKS):
        block = f"conformer.encoder_blocks.{number}"
        for module in ("ff1", "ff2"):
            shapes |= norm(f"{block}.{module}.fn.norm", SIZE)
            shapes |= linear(f"{block}.{module}.fn.fn.net.0", FEED_FORWARD * SIZE, SIZE)
            shapes |= linear(f"{block}.{module}.fn.fn.net.3", SIZE, FEED_FORWARD * SIZE)
        shapes |= norm(f"{block}.attn.norm", SIZE) | norm(f"{block}.attn.fn.ht_norm", SIZE // HEADS)
        shapes |= {f"{block}.attn.fn.qkv.weight": (3 * SIZE, SIZE), f"{block}.attn.fn.pos_embed": (1, HEADS, SIZE)}
        shapes |= linear(f"{block}.attn.fn.proj", SIZE, SIZE)
        shapes |= linear(f"{block}.attn.fn.ht_proj", SIZE, SIZE // HEADS)
        shapes |= norm(f"{block}.conv.net.0", SIZE) | linear(f"{block}.conv.net.2", 2 * INNER, SIZE, 1)
        shapes |= linear(f"{block}.conv.net.4.conv", INNER, 1, KERNEL) | batch_norm(f"{block}.conv.net.5", INNER)
        shapes |= linear(f"{block}.conv.net.7", SIZE, INNER, 1) | norm(f"{block}.post_norm", SIZE)
    return shapes


def published_state() -> dict[str, Tensor]:
    return pseudo_random_state({name: torch.empty(shape) for name, shape in published_shapes().items()})


def network() -> RaptorNetwork:
    built = BACKENDS.get("raptor")(OPTIONS).build(Features("layers", size=SIZE, layers=5))
    assert isinstance(built, RaptorNetwork)
    return built.eval()


def detector(seed: int) -> Detector:
    options = {"configuration": TINY_XLSR, "weights": "random", "frozen": False, "layers": "all"}
    values = {
        "name": "tiny",
        "score": "log odds",
        "frontend": {"name": "ssl", "options": options},
        "backend": {"name": "raptor", "options": OPTIONS.model_dump()},
    }
    return build_detector(parse_detector_spec(values), seed).eval()


def test_published_names_give_the_logits_of_the_published_network() -> None:
    model = network()
    file = {f"backbone.{name}": tensor for name, tensor in published_state().items()}
    encoder = {"backbone.ssl_model.masked_spec_embed": torch.zeros(SIZE)}  # it shows whose file this is
    renamed = to_detector_names(file | encoder, {f"backend.{name}" for name in model.state_dict()})
    model.load_state_dict({name.removeprefix("backend."): tensor for name, tensor in renamed.items()})
    with torch.no_grad():
        assert torch.allclose(model(pseudo_random((5, 2, 9, SIZE), 7)), torch.tensor(GOLDEN), atol=1e-5)


def test_file_of_df_arena_fills_every_tensor(tmp_path: Path) -> None:
    authors, model = detector(seed=1), detector(seed=2)
    encoder = authors.frontend.encoder.state_dict()  # type: ignore[union-attr, operator]
    state = published_state() | {"conformer.positional_emb": torch.zeros(1, 10, SIZE)}
    file = {f"backbone.{name}": tensor for name, tensor in state.items()}
    file |= {f"backbone.ssl_model.{name}": tensor for name, tensor in encoder.items()}
    torch.save(file, tmp_path / "pytorch_model.bin")
    load_weights(model, tmp_path / "pytorch_model.bin")
    assert torch.equal(model.backend.class_token, state["conformer.class_token"])
    for name, tensor in encoder.items():
        assert torch.equal(model.state_dict()[f"frontend.encoder.{name}"], tensor), name
    waveforms = pseudo_random((2, 8000), 0)
    with torch.no_grad():
        logits = model(waveforms)
    assert torch.allclose(model.score(waveforms), (logits[:, 1] - logits[:, 0]).double())  # spoof is 0, bona fide 1


@pytest.mark.parametrize(("name", "published", "encoder"), [(name, *counts) for name, counts in PUBLISHED.items()])
def test_committed_detectors_have_the_published_number_of_parameters(name: str, published: int, encoder: int) -> None:
    spec = load_detector_spec(name)
    features = spec.resolved_frontend().features
    head, _ = count_parameters(spec.resolved_backend(), features)
    assert head + encoder + 10_000 * features.size == pytest.approx(published, abs=500_000)


def test_any_number_of_frames_and_every_parameter_has_a_gradient() -> None:
    head = network().train()
    for frames in (1, 7, 50):
        assert head(torch.randn(3, 2, frames, SIZE)).shape == (2, 2)
    head(torch.randn(3, 2, 20, SIZE)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in head.parameters())


def test_frames_that_do_not_split_among_the_heads_are_named() -> None:
    with pytest.raises(RequestError, match=r"heads 3 does not divide the 32 values of a frame"):
        BACKENDS.get("raptor")(RaptorOptions(heads=3)).check(Features("layers", size=32, layers=3))
