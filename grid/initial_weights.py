"""Starts a training from a published checkpoint, where the recipe names one."""

from __future__ import annotations

from pathlib import Path

from grid.codecs.entry import WeightFile
from grid.codecs.weights import WeightFinder
from grid.config.recipe import Recipe
from grid.detector_network import Detector
from grid.detector_weights import load_weights


def find_initial_weights(recipe: Recipe) -> Path | None:
    """The file the recipe starts from, its digest checked; MissingRequirementError says where to put it."""
    if recipe.initial_weights is None:
        return None
    return WeightFinder().find(WeightFile(**recipe.initial_weights.model_dump()))


def start_from(model: Detector, recipe: Recipe) -> None:
    """Puts the recipe's initial weights into `model`; nothing without them."""
    path = find_initial_weights(recipe)
    if path is not None:
        load_weights(model, path)
