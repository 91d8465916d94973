"""The learning rate at each batch, a pure function of the recipe, so a resumed training restores nothing."""

from __future__ import annotations

import math

from grid.config.optimisation import Cosine, Exponential, Staircase, warm_up_epochs
from grid.config.recipe import Recipe


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """The rate at batch `step` (from 0), of `steps_per_epoch` in an epoch."""
    rate, schedule = recipe.optimiser.learning_rate, recipe.schedule
    steps, warm_up = recipe.epochs * steps_per_epoch, warm_up_epochs(schedule) * steps_per_epoch
    if isinstance(schedule, Exponential):
        return rate * (schedule.final / rate) ** (step / max(1, steps)) * (step / warm_up if step < warm_up else 1)
    if isinstance(schedule, Cosine):
        if step < warm_up:
            return rate * step / warm_up
        progress = (step - warm_up) / max(1, steps - warm_up)
        return schedule.floor + (rate - schedule.floor) * 0.5 * (1 + math.cos(math.pi * progress))
    if isinstance(schedule, Staircase):
        for _ in range(step // steps_per_epoch // schedule.every_epochs):
            rate = rate if rate <= schedule.floor else rate * schedule.factor
    return rate
