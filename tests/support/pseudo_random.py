"""Pseudo-random numbers from a formula, without a generator: golden values can be recomputed with them anywhere."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch


def pseudo_random(shape: tuple[int, ...], number: int) -> torch.Tensor:
    """Values in -1 .. 1 by integer arithmetic alone, so the same on every machine: a quadratic in k modulo 10,007."""
    k = torch.arange(math.prod(shape), dtype=torch.int64)
    return (((k * k % 10007 * 31 + k * 7919 + number * 1729) % 10007) / 5003.0 - 1).to(torch.float32).view(shape)


def pseudo_random_state(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A tensor for each name of a state dict, by its shape and place in the alphabet, at a trained network's scale."""
    made = {}
    for number, (name, tensor) in enumerate(sorted(state.items())):
        value = pseudo_random(tuple(tensor.shape), number)
        if name.endswith("num_batches_tracked"):
            made[name] = torch.tensor(0)
        elif name.endswith("running_var"):
            made[name] = 1 + 0.5 * value
        elif tensor.dim() == 1:
            made[name] = 0.2 * value + (1 if name.endswith("weight") else 0)
        else:
            made[name] = value * (3 * tensor.shape[0] / tensor.numel()) ** 0.5
    return made
