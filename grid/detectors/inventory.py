"""The committed detectors: their parts, trained parameters and sources, and what they lack to run on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from grid.config.recipe import load_recipe, recipe_names
from grid.config.yaml_header import first_sentence, yaml_header
from grid.core.weights import WeightFinder
from grid.detectors.contract import Backend, Features
from grid.detectors.spec import DetectorSpec, detector_file, load_detector_spec

PUBLISHED = "-published"
"""`NAME-published` is the recipe that scores the detector NAME as its authors published it, and trains nothing."""


@dataclass(frozen=True)
class DetectorEntry:
    """One detector file. `trained_parameters` are those of the backend, counted as its publication counts them.

    `note` says what else is trained, `missing` what this machine lacks, a line for each, and `about` what the file's
    own comment opens with; `source` is the publication of the backend.
    """

    name: str
    frontend: str
    backend: str
    trained_parameters: int
    note: str
    missing: tuple[str, ...]
    about: str
    source: str

    @property
    def runnable(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing


def describe_detector(name: str) -> DetectorEntry:
    """The entry of the committed detector `name`; loads no weights, and raises RequestError for an unknown name."""
    spec = load_detector_spec(name)
    frontend, backend = spec.resolved_frontend(), spec.resolved_backend()
    counted, uncounted = count_parameters(backend, frontend.features)
    notes = [f"without the {uncounted:,} of its last layer, as published"] if uncounted else []
    if frontend.trained_encoder:
        notes.append(f"its encoder is trained too: {frontend.trained_encoder}")
    return DetectorEntry(
        name=name,
        frontend=spec.frontend.name,
        backend=spec.backend.name,
        trained_parameters=counted,
        note="; ".join(notes),
        missing=(*frontend.missing(), *_missing_weights(spec)),
        about=first_sentence(yaml_header(detector_file(name))),
        source=first_sentence((type(backend).__doc__ or "").splitlines()[0]),
    )


def count_parameters(backend: Backend[Any], features: Features) -> tuple[int, int]:
    """The trained parameters of a backend's part that its publication counts, and of the rest, without their values."""
    with torch.device("meta"):
        network = backend.build(features)
    part = network.get_submodule(backend.counted_part) if backend.counted_part else network
    everything, counted = (
        sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
        for module in (network, part)
    )
    return counted, everything - counted


def published_recipe(name: str) -> str | None:
    """The recipe that scores the detector `name` as it was published; None where there is none."""
    recipe = f"{name}{PUBLISHED}"
    return recipe if recipe in recipe_names() else None


def _missing_weights(spec: DetectorSpec) -> list[str]:
    """The weights of a published detector, where they are not here."""
    recipe = published_recipe(spec.name)
    weights = load_recipe(recipe).initial_weights if recipe else None
    finder = WeightFinder()
    if weights is None or finder.locate(weights.file) is not None:
        return []
    return [finder.missing_message(weights.file)]
