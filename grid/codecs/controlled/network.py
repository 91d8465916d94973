"""A codec of the controlled family as a torch module, and its weights file with the description of its network."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from torch import nn

from grid.codecs.controlled.blocks import HEADS, HOP, Encoder, stack
from grid.codecs.controlled.quantisers import Quantised, UtteranceVector, build_quantiser
from grid.codecs.controlled.spec import Network
from grid.core.errors import RequestError
from grid.core.identity import canonical_json

HEADER = "network"
"""The key of the network's description in the metadata of a weights file."""


@dataclass(frozen=True)
class Coded:
    """The result of a forward pass; `utterance` is the vector `(batch, 32)` of the whole item, if the codec has one."""

    samples: torch.Tensor
    quantised: Quantised
    utterance: torch.Tensor | None


class SmallCodec(nn.Module):
    """A codec at 16 kHz on frames of 10 ms; `Network` holds the attributes in which members of the family differ."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        size = network.size
        shape = {"kernel": size.kernel, "expansion": size.expansion}
        self.encoder = Encoder(size.channels, size.encoder_blocks, **shape)
        self.narrow = nn.Linear(size.channels, size.latent)
        self.quantiser = build_quantiser(size.latent, network.quantiser)
        self.utterance = UtteranceVector(size.channels) if network.auxiliary.kind == "disentangled" else None
        self.widen = nn.Conv1d(size.latent, size.channels, size.kernel, padding=size.kernel // 2)
        self.decoder = stack(size.channels, size.decoder_blocks, **shape)
        self.head = HEADS[network.decoder.kind](size.channels)

    def forward(self, samples: torch.Tensor) -> Coded:
        """`(batch, samples)` with whole frames of 160 samples to the same, with gradients through the codes."""
        features = self.encoder(samples)
        quantised: Quantised = self.quantiser(self.narrow(features.transpose(1, 2)))
        vector = None if self.utterance is None else self.utterance(features)
        return Coded(self._decoded(quantised.latents, vector), quantised, vector)

    def encode(self, samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Integers `(batch, frames, tokens)`, and the utterance's `(batch, scalars)` where the member has them."""
        features = self.encoder(samples)
        codes = self.quantiser(self.narrow(features.transpose(1, 2))).codes
        return codes, None if self.utterance is None else self.utterance.codes(features)

    def decode(self, codes: torch.Tensor, utterance: torch.Tensor | None = None) -> torch.Tensor:
        """What `encode` gave, as samples `(batch, 160 * frames)`."""
        vector = None if self.utterance is None else self.utterance.from_codes(utterance)
        return self._decoded(self.quantiser.latents_of(codes), vector)

    def _decoded(self, latents: torch.Tensor, vector: torch.Tensor | None) -> torch.Tensor:
        frames = self.widen(latents.transpose(1, 2))
        if self.utterance is not None and vector is not None:
            frames = self.utterance.applied(frames, vector)
        samples: torch.Tensor = self.head(self.decoder(frames))
        return samples

    @property
    def parameters_count(self) -> int:
        """The number of learned values, codebooks included."""
        return sum(value.numel() for value in released_state(self).values())


def released_state(model: SmallCodec) -> dict[str, torch.Tensor]:
    """The tensors needed for coding: without the running sums from which training updates the codebooks."""
    training_only = ("embed_avg", "cluster_size")
    return {name: value for name, value in model.state_dict().items() if name.rsplit(".", 1)[-1] not in training_only}


def whole_frames(samples: torch.Tensor) -> torch.Tensor:
    """`(batch, samples)` padded with zeros at its end to a multiple of 160."""
    return nn.functional.pad(samples, (0, -samples.shape[-1] % HOP))


def weights_bytes(codec: SmallCodec, network: Network) -> bytes:
    """A safetensors file of the tensors needed for coding, those of floating point as float16."""
    state = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in released_state(codec).items()
    }
    header = canonical_json(network.model_dump(mode="json")).decode()
    return safetensors.torch.save(state, metadata={HEADER: header})


def load_codec(path: Path) -> tuple[SmallCodec, Network]:
    """The codec in a file made by `weights_bytes`, in float32 and evaluation mode, and its network's description.

    Raises RequestError when it is no such file, or does not hold exactly the tensors of the network in its header.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
        network = Network.model_validate(json.loads(header[HEADER]))
    except (SafetensorError, KeyError, ValueError, ValidationError) as error:
        raise RequestError(f"{path} is not a weights file of a small codec: {error}") from error
    with torch.random.fork_rng(devices=[]):
        codec = SmallCodec(network)
    own = {name: tuple(value.shape) for name, value in released_state(codec).items()}
    stored = {name: tuple(value.shape) for name, value in state.items()}
    if own != stored:
        wrong = sorted(name for name in own.keys() | stored.keys() if own.get(name) != stored.get(name))
        raise RequestError(f"{path} does not fit the network in its header: {', '.join(wrong[:3])}")
    codec.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in state.items()}, strict=False
    )
    return codec.eval(), network
