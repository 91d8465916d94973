"""Builds what the cells of a gang need in common: their detectors around one encoder, and how they are fed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from grid.cells.job import CellJob
from grid.core.identity import canonical_json, plain
from grid.detectors.network import Detector, build_detector
from grid.detectors.passes import OneEncoder, Passes, WholeDetectors


def build_together(jobs: Sequence[CellJob]) -> list[Detector]:
    """A detector for each cell, with the initial weights of its seed; frozen encoders that agree are one in memory."""
    encoders: dict[bytes, nn.Module] = {}
    frontends: dict[bytes, nn.Module] = {}
    detectors = []
    for job in jobs:
        declared = job.detector_spec.resolved_frontend()
        if declared.shared_pass is None:
            detectors.append(build_detector(job.detector_spec, job.seed))
            continue
        options = canonical_json(plain(declared.options))
        if options not in frontends:
            built: Any = declared.build()  # its encoder is an attribute, see FrozenEncoder
            built.encoder = encoders.setdefault(canonical_json(declared.shared_pass), built.encoder)
            frontends[options] = built
        detectors.append(build_detector(job.detector_spec, job.seed, frontend=frontends[options]))
    return detectors


def shared_passes(jobs: Sequence[CellJob], detectors: Sequence[Detector]) -> Passes:
    """How waveforms reach these detectors: through one frozen encoder, or through each detector as a whole."""
    declared = [job.detector_spec.resolved_frontend() for job in jobs]
    if declared[0].shared_pass is None:
        return WholeDetectors()
    alike = len({canonical_json(plain(each.options)) for each in declared}) == 1
    return OneEncoder(detectors, alike=alike, most=jobs[0].recipe.batch_size)
