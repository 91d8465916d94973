"""Items of different lengths that pass recurrent layers together, and every other layer one at a time.

A recurrent layer of 1536 units reads 38 MB of weights for each time step, however many items take that step. CPU
milliseconds for each item and step of one LSTM layer of that size, one thread of a busy AMD EPYC, alone and 2, 3, 4, 5,
8 and 16 items at once: 2.5, 2.0, 1.4, 1.0, 0.8, 0.7 and 0.5. Convolutions lose by more than one item: the activations
leave the caches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

import torch


def pass_in_step(
    layers: Iterable[torch.nn.Module], items: Sequence[torch.Tensor], is_joint: Callable[[torch.nn.Module], bool]
) -> list[torch.Tensor]:
    """Each of `items` `(batch, channels, time)` through all of `layers` in turn; those that `is_joint` names see all.

    Such a layer keeps the shape, and what it gives at a time depends on nothing behind that time: zeros fill the ends
    of the shorter items. Between two such layers nothing is held but one tensor for each item.
    """
    found = list(items)
    for joint, run in groupby(layers, is_joint):
        for layer in run if joint else [torch.nn.Sequential(*run)]:
            found = _together(layer, found) if joint else [layer(item) for item in found]
    return found


def _together(layer: torch.nn.Module, items: list[torch.Tensor]) -> list[torch.Tensor]:
    if len(items) == 1:
        return [layer(items[0])]
    longest = max(item.shape[-1] for item in items)
    rows = [torch.nn.functional.pad(item.transpose(1, 2), (0, 0, 0, longest - item.shape[-1])) for item in items]
    made = layer(torch.cat(rows).transpose(1, 2)).split([len(item) for item in items])
    return [part[..., : item.shape[-1]] for part, item in zip(made, items, strict=True)]
