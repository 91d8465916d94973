"""Values of a recipe or a detector as axes of the grid: each combination makes a variant of every detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from grid.config.experiment import Experiment
from grid.config.yaml_file import YamlFile
from grid.core.errors import RequestError

RECIPE, DETECTOR = "recipe", "detector"
"""What the first word of an axis says: whose value it is."""


@dataclass(frozen=True)
class Variant:
    """A detector of the experiment file under one combination of values.

    Its name in the grid is that of the detector, a space, and the values: `lfcc-lcnn-small learning_rate=0.0001`.
    """

    name: str
    detector: str
    recipe: dict[str, Any]
    """Changes of its recipe, nested as in the file."""
    spec: dict[str, Any]
    """Changes of its specification."""


def variants_of(experiment: Experiment, file: YamlFile) -> list[Variant]:
    """The variants of all detectors, in the order of the detectors; each detector alone where there are no axes.

    Raises RequestError, with the line, for an axis that names no value of a recipe or a detector.
    """
    axes = experiment.grid.axes
    for axis in axes:
        whose, *path = axis.split(".")
        if whose not in (RECIPE, DETECTOR) or not all(path) or not path:
            raise RequestError(
                f"{file.where('grid', 'axes', axis)}: axis {axis!r} names no value; write `recipe.KEY` or "
                "`detector.KEY`, such as recipe.optimiser.learning_rate or detector.backend.options.heads"
            )
    words = _short_words(list(axes))
    return [
        Variant(
            name=" ".join([detector, *(f"{words[axis]}={value}" for axis, value in zip(axes, values, strict=True))]),
            detector=detector,
            recipe=_nested(RECIPE, axes, values),
            spec=_nested(DETECTOR, axes, values),
        )
        for detector in experiment.grid.detectors
        for values in product(*axes.values())
    ]


def with_variants(experiment: Experiment, variants: Sequence[Variant]) -> Experiment:
    """The experiment whose detectors are the variants; rules that name a detector are about all its variants."""
    if not experiment.grid.axes:
        return experiment
    names: dict[str, tuple[str, ...]] = {}
    for variant in variants:
        names[variant.detector] = (*names.get(variant.detector, ()), variant.name)

    def spread(detectors: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for detector in detectors for name in names.get(detector, (detector,)))

    exclude = tuple(
        rule if rule.detectors is None else rule.model_copy(update={"detectors": spread(rule.detectors)})
        for rule in experiment.grid.exclude
    )
    changes = {"detectors": spread(experiment.grid.detectors), "exclude": exclude, "axes": {}}
    grid = experiment.grid.model_copy(update=changes)
    tests = experiment.significance
    if tests is not None:
        tests = tests.model_copy(update={"baselines": spread(tests.baselines)})
    return experiment.model_copy(update={"grid": grid, "significance": tests})


def _short_words(axes: list[str]) -> dict[str, str]:
    """The last word of each axis, or the whole where two axes end alike."""
    last = [axis.rpartition(".")[2] for axis in axes]
    return {axis: word if last.count(word) == 1 else axis for axis, word in zip(axes, last, strict=True)}


def _nested(whose: str, axes: Mapping[str, Sequence[Any]], values: Sequence[Any]) -> dict[str, Any]:
    """The values of the axes of a recipe or a detector, as nested mappings."""
    result: dict[str, Any] = {}
    for axis, value in zip(axes, values, strict=True):
        first, *path = axis.split(".")
        if first == whose:
            inner = result
            for key in path[:-1]:
                inner = inner.setdefault(key, {})
            inner[path[-1]] = value
    return result
