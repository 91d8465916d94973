"""The weights file of a member: half-precision tensors, and in its header what network they belong to."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.torch
import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from grid.errors import RequestError
from grid.identity import canonical_json
from grid.small_codecs.network import SmallCodec, released_state
from grid.small_codecs.spec import Network

HEADER = "network"


def weights_bytes(codec: SmallCodec, network: Network) -> bytes:
    """The tensors that coding needs, floating ones as float16, as a safetensors file."""
    state = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in released_state(codec).items()
    }
    header = canonical_json(network.model_dump(mode="json")).decode()
    return safetensors.torch.save(state, metadata={HEADER: header})


def load_codec(path: Path) -> tuple[SmallCodec, Network]:
    """The codec of a file that `weights_bytes` made, in float32 and evaluation mode, and its network's description.

    Raises RequestError when the file is none, or does not hold exactly the tensors of the network that it names.
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
    given = {name: tuple(value.shape) for name, value in state.items()}
    if own != given:
        wrong = sorted(name for name in own.keys() | given.keys() if own.get(name) != given.get(name))
        raise RequestError(f"{path} does not fit the network in its header: {', '.join(wrong[:3])}")
    codec.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in state.items()}, strict=False
    )
    return codec.eval(), network
