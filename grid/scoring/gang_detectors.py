"""Builds the detectors of the cells of a gang, around one frozen encoder where they agree, and their forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from grid.cells.job import CellJob
from grid.core.identity import canonical_json, plain
from grid.detectors.gang_forward import GangForward, SeparateForward, SharedEncoderForward
from grid.detectors.network import Detector, build_detector


def build_gang_detectors(jobs: Sequence[CellJob]) -> list[Detector]:
    """A detector for each cell, with the initial weights of its seed; equal frozen encoders are one in memory."""
    encoders: dict[bytes, nn.Module] = {}
    frontends: dict[bytes, nn.Module] = {}
    detectors = []
    for job in jobs:
        declared = job.detector_spec.resolved_frontend()
        if declared.shared_pass is None:
            detectors.append(build_detector(job.detector_spec, job.seed, bonafide=job.bonafide_classes))
            continue
        options = canonical_json(plain(declared.options))
        if options not in frontends:
            built: Any = declared.build()  # its encoder is an attribute, see FrozenEncoder
            built.encoder = encoders.setdefault(canonical_json(declared.shared_pass), built.encoder)
            frontends[options] = built
        detectors.append(
            build_detector(job.detector_spec, job.seed, frontend=frontends[options], bonafide=job.bonafide_classes)
        )
    return detectors


def build_gang_forward(jobs: Sequence[CellJob], detectors: Sequence[Detector]) -> GangForward:
    """The forward pass of these detectors: through their one frozen encoder, or through each detector as a whole."""
    frontends = [job.detector_spec.resolved_frontend() for job in jobs]
    if frontends[0].shared_pass is None:
        return SeparateForward()
    same_features = len({canonical_json(plain(frontend.options)) for frontend in frontends}) == 1
    return SharedEncoderForward(detectors, same_features=same_features, max_items=jobs[0].recipe.batch_size)
