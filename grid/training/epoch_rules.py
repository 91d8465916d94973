"""The rules that the dev EER of the epochs decides: which weights are kept, and when a training stops.

Pure functions of the dev EERs so far, so that a resumed training needs nothing but its history.
"""

from __future__ import annotations

from collections.abc import Sequence

from grid.config.recipe import EarlyStopping, Recipe
from grid.core.vocabulary import AVERAGE_OF_IMPROVEMENTS, LAST


def is_kept(recipe: Recipe, dev_eer: float, best: float) -> bool:
    """Whether an epoch's weights are kept, alone or in the average; `best` is the dev EER of those kept so far.

    An average also includes epochs that equal the best one, as the published AASIST does.
    """
    if recipe.model_selection == LAST or dev_eer < best:
        return True
    return dev_eer == best and (recipe.model_selection == AVERAGE_OF_IMPROVEMENTS or recipe.ties == "last")


def best_epochs(recipe: Recipe, dev_eers: Sequence[float]) -> list[int]:
    """The `averaged_epochs` epochs with the lowest of `dev_eers`, one for each epoch so far; the recipe breaks ties."""
    later_first = -1 if recipe.ties == "last" else 1
    ranked = sorted(range(len(dev_eers)), key=lambda epoch: (dev_eers[epoch], later_first * epoch))
    return sorted(ranked[: recipe.averaged_epochs])


def epochs_without_gain(stopping: EarlyStopping, dev_eers: Sequence[float]) -> int:
    """How many epochs at the end of `dev_eers`, one for each epoch so far, did not gain; the first one always does."""
    compared, without = float("inf"), 0
    for dev_eer in dev_eers:
        gained = dev_eer < compared - stopping.minimum_change
        without = 0 if gained else without + 1
        if gained or (stopping.compared_with == "lowest" and dev_eer < compared):
            compared = dev_eer
    return without
