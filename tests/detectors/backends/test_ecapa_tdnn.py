"""ECAPA-TDNN: a file of Spectra-0's form gives what its network gives, restated from its own names; any length."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from grid.core.errors import RequestError
from grid.detectors.backends.ecapa_tdnn import EcapaTdnnOptions
from grid.detectors.contract import BACKENDS, Features
from grid.detectors.network import Detector, build_detector
from grid.detectors.networks.ecapa_tdnn import EcapaTdnnNetwork
from grid.detectors.spec import parse_detector_spec
from grid.detectors.weights import load_weights
from tests.support.pseudo_random import pseudo_random
from tests.support.tiny_encoders import SIZE, TINY_XLSR

CHANNELS, SCALE, POOLED, ATTENTION, SQUEEZED = 16, 4, 24, 12, 128
OPTIONS = {"channels": CHANNELS, "scale": SCALE, "pooled": POOLED, "attention": ATTENTION}
State = dict[str, Tensor]


def spectra(seed: int) -> State:
    """Random tensors of the head under the names and in the shapes of lab260/spectra_0 model.py."""
    width = CHANNELS // SCALE
    shapes: dict[str, tuple[int, ...]] = {
        "bridge.mlp.0": (CHANNELS, SIZE),
        "bridge.mlp.3": (CHANNELS, CHANNELS),
        "ecapa_tdnn.conv1": (CHANNELS, CHANNELS, 5),
        "ecapa_tdnn.layer5": (POOLED, 4 * CHANNELS, 1),
        "ecapa_tdnn.attention.0": (ATTENTION, 3 * POOLED, 1),
        "ecapa_tdnn.attention.4": (POOLED, ATTENTION, 1),
        "ecapa_tdnn.fc6": (2, 2 * POOLED),
    }
    norms = {"ecapa_tdnn.bn1": CHANNELS, "ecapa_tdnn.attention.2": ATTENTION, "ecapa_tdnn.bn5": 2 * POOLED}
    for number in range(1, 5):
        block = f"ecapa_tdnn.layer{number}"
        shapes |= {f"{block}.conv1": (CHANNELS, CHANNELS, 1), f"{block}.conv3": (CHANNELS, CHANNELS, 1)}
        shapes |= {f"{block}.convs.{i}": (width, width, 3) for i in range(SCALE - 1)}
        shapes |= {f"{block}.se.se.1": (SQUEEZED, CHANNELS, 1), f"{block}.se.se.3": (CHANNELS, SQUEEZED, 1)}
        norms |= {f"{block}.bn1": CHANNELS, f"{block}.bn3": CHANNELS}
        norms |= {f"{block}.bns.{i}": width for i in range(SCALE - 1)}
    draw = torch.Generator().manual_seed(seed)
    state: State = {}
    for name, shape in shapes.items():
        state[f"{name}.weight"] = torch.randn(shape, generator=draw) / shape[1] ** 0.5
        state[f"{name}.bias"] = torch.randn(shape[0], generator=draw) * 0.1
    for name, size in norms.items():
        for part in ("weight", "bias", "running_mean"):
            state[f"{name}.{part}"] = torch.randn(size, generator=draw)
        state[f"{name}.running_var"] = torch.rand(size, generator=draw) + 0.5
        state[f"{name}.num_batches_tracked"] = torch.tensor(3)
    return state


def restated(state: State, frames: Tensor) -> Tensor:
    """The logits of Spectra-0's head for frames `(batch, frames, size)`, in evaluation, straight from its tensors."""

    def conv(name: str, given: Tensor, dilation: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        padding = weight.shape[2] // 2 * dilation
        return functional.conv1d(given, weight, state[f"{name}.bias"], padding=padding, dilation=dilation)

    def norm(name: str, given: Tensor) -> Tensor:
        mean, variance, weight, bias = (
            state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return functional.batch_norm(given, mean, variance, weight, bias)

    def linear(name: str, given: Tensor) -> Tensor:
        return given @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def block(name: str, given: Tensor, dilation: int) -> Tensor:
        slices = norm(f"{name}.bn1", conv(f"{name}.conv1", given).relu()).chunk(SCALE, dim=1)
        done = [norm(f"{name}.bns.0", conv(f"{name}.convs.0", slices[0], dilation).relu())]
        for i in range(1, SCALE - 1):
            done.append(norm(f"{name}.bns.{i}", conv(f"{name}.convs.{i}", done[-1] + slices[i], dilation).relu()))
        out = norm(f"{name}.bn3", conv(f"{name}.conv3", torch.cat([*done, slices[-1]], 1)).relu())
        channel_mean = out.mean(2, keepdim=True)
        return out * conv(f"{name}.se.se.3", conv(f"{name}.se.se.1", channel_mean).relu()).sigmoid() + given

    head = "ecapa_tdnn"
    x = linear("bridge.mlp.3", functional.selu(linear("bridge.mlp.0", frames))).transpose(1, 2)
    x = norm(f"{head}.bn1", conv(f"{head}.conv1", x).relu())
    x1 = block(f"{head}.layer1", x, 2)
    x2 = block(f"{head}.layer2", x + x1, 3)
    x3 = block(f"{head}.layer3", x + x1 + x2, 4)
    x4 = block(f"{head}.layer4", x + x1 + x2 + x3, 5)
    x = conv(f"{head}.layer5", torch.cat([x1, x2, x3, x4], 1)).relu()
    deviation = x.var(2, keepdim=True).clamp(min=1e-4).sqrt()
    context = torch.cat([x, x.mean(2, keepdim=True).expand_as(x), deviation.expand_as(x)], 1)
    scores = norm(f"{head}.attention.2", conv(f"{head}.attention.0", context).relu()).tanh()
    w = conv(f"{head}.attention.4", scores).softmax(2)
    mean = (x * w).sum(2)
    spread = ((x**2 * w).sum(2) - mean**2).clamp(min=1e-4).sqrt()
    return linear(f"{head}.fc6", norm(f"{head}.bn5", torch.cat([mean, spread], 1)))


def detector(seed: int) -> Detector:
    unmasked = TINY_XLSR | {"mask_time_prob": 0.0, "mask_feature_prob": 0.0}  # as in configs/detectors/spectra-0.yaml
    frontend = {"name": "ssl", "options": {"configuration": unmasked, "weights": "random", "frozen": False}}
    values = {"name": "tiny", "frontend": frontend, "backend": {"name": "ecapa-tdnn", "options": OPTIONS}}
    return build_detector(parse_detector_spec(values), seed).eval()


@pytest.mark.slow
def test_file_of_spectra_gives_the_logits_of_its_network(tmp_path: Path) -> None:
    authors, model = detector(seed=1), detector(seed=2)
    head = spectra(seed=3)
    encoder = {f"ssl_encoder.model.{name}": t for name, t in authors.frontend.encoder.state_dict().items()}  # type: ignore[union-attr, operator]
    assert "ssl_encoder.model.masked_spec_embed" not in encoder  # set to None there, and not saved
    save_file({name: tensor.contiguous() for name, tensor in (encoder | head).items()}, tmp_path / "model.safetensors")
    load_weights(model, tmp_path / "model.safetensors")
    waveforms = pseudo_random((2, 8000), 0)
    with torch.no_grad():
        expected = restated(head, authors.frontend(waveforms))
        assert torch.allclose(model(waveforms), expected, atol=1e-4)
    assert torch.allclose(model.score(waveforms), expected[:, 1], atol=1e-4)  # index 1 is bona fide


def test_any_number_of_frames_and_every_parameter_has_a_gradient() -> None:
    head = BACKENDS.get("ecapa-tdnn")(EcapaTdnnOptions(**OPTIONS)).build(Features("frames", size=SIZE))  # type: ignore[arg-type]
    assert isinstance(head, EcapaTdnnNetwork)
    for frames in (2, 7, 50):
        assert head(torch.randn(3, frames, SIZE)).shape == (3, 2)
    head(torch.randn(3, 20, SIZE)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in head.parameters())


def test_channels_that_do_not_split_are_named() -> None:
    backend = BACKENDS.get("ecapa-tdnn")(EcapaTdnnOptions(channels=100))
    with pytest.raises(RequestError, match=r"scale 8 does not divide channels 100"):
        backend.check(Features("frames", size=1024))
