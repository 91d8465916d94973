"""The learning rate of each optimiser step, a pure function of the recipe, so a resumed training restores nothing."""

from __future__ import annotations

import math

from grid.config.recipe import Cosine, Recipe, Staircase


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """The rate of optimiser step `step` (from 0), of `steps_per_epoch` in an epoch."""
    rate, schedule = recipe.optimiser.learning_rate, recipe.schedule
    if isinstance(schedule, Cosine):
        progress = step / max(1, recipe.epochs * steps_per_epoch)
        return schedule.floor + (rate - schedule.floor) * 0.5 * (1 + math.cos(math.pi * progress))
    if isinstance(schedule, Staircase):
        for _ in range(step // steps_per_epoch // schedule.every_epochs):
            rate = rate if rate <= schedule.floor else rate * schedule.factor
    return rate
