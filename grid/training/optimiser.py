"""The optimiser of a detector and its steps: parameter groups, learning rates, accumulation and clipping."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from grid.config.optimisation import Optimiser
from grid.detectors.network import Detector


def build_optimiser(options: Optimiser, detector: Detector) -> torch.optim.Optimizer:
    """The optimiser of all weights that learn; with an `encoder_factor` those of the frontend are a second group."""
    groups = [{"params": weights} for weights in _groups(options, detector)]
    rate, decay = options.learning_rate, options.weight_decay
    if options.kind == "sgd":
        return torch.optim.SGD(
            groups, lr=rate, momentum=options.momentum, nesterov=options.nesterov, weight_decay=decay
        )
    kind = torch.optim.AdamW if options.kind == "adamw" else torch.optim.Adam
    return kind(groups, lr=rate, betas=options.betas, weight_decay=decay)


def set_learning_rate(optimiser: torch.optim.Optimizer, options: Optimiser, rate: float) -> None:
    """`rate` for the first group; the second, of a fine-tuned frontend, gets its part of it."""
    for group, factor in zip(optimiser.param_groups, (1.0, options.encoder_factor), strict=False):
        group["lr"] = rate * factor


def backward_and_step(
    optimiser: torch.optim.Optimizer, options: Optimiser, loss: Tensor, *, step: int, steps: int
) -> None:
    """The gradient of the loss of batch `step` of `steps` in an epoch, and a step at the last batch of each group.

    A group is `batches_per_step` batches, fewer at the end of an epoch, so that no gradient outlives an epoch; the
    gradient is that of their mean loss, and is freed after the step.
    """
    first = step - step % options.batches_per_step
    batches = min(options.batches_per_step, steps - first)
    (loss / batches).backward()
    if step + 1 < first + batches:
        return
    if options.largest_norm is not None:
        weights = [weight for group in optimiser.param_groups for weight in group["params"]]
        nn.utils.clip_grad_norm_(weights, options.largest_norm)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)


def _groups(options: Optimiser, detector: Detector) -> list[list[Tensor]]:
    learned = {name: weight for name, weight in detector.named_parameters() if weight.requires_grad}
    encoder = [name for name in learned if name.startswith("frontend.")]
    if options.encoder_factor == 1 or not encoder:
        return [list(learned.values())]
    return [
        [weight for name, weight in learned.items() if name not in encoder],
        [learned[name] for name in encoder],
    ]
