"""Owns the input of a report: the cells of a grid with their measurements, and the facts of the codecs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from grid.baseline import baselines
from grid.metrics.differences import Difference
from grid.metrics.evaluation import Measurement
from grid.metrics.mos import SystemMos
from grid.metrics.shortcuts import Shortcut
from grid.report.artefacts import ArtefactResults
from grid.report.effects import Effects
from grid.report.significance import Significance

Status = Literal["done", "failed", "missing", "running"]

POOLED = "pooled"


@dataclass(frozen=True)
class CodecFacts:
    """A codec's place in the taxonomy of CodecFake+: quantiser, auxiliary objective, decoder domain; None = unknown.

    `group` is `transmission` for telephone and streaming codecs, which have no such place. `letter` is the name the
    paper gives it, where it has one.
    """

    name: str
    qua: str | None = None
    aux: str | None = None
    dec: str | None = None
    group: Literal["neural", "transmission"] = "neural"
    letter: str = ""


@dataclass(frozen=True)
class DetectorFacts:
    """What a report has to know of a detector; `cosines` is how many its score is the sum of, 0 for a logit."""

    name: str
    cosines: int = 0


@dataclass(frozen=True)
class CellResult:
    """One training of the grid and what it measured; `error` says why it failed, in the words of its log.

    `differences` are from the baseline of its seed; there are none where that is absent or not done.
    """

    cell_id: str
    selection: str
    codecs: tuple[str, ...]
    policy: str
    detector: str
    seed: int
    status: Status
    error: str = ""
    measurements: tuple[Measurement, ...] = ()
    differences: tuple[Difference, ...] = ()

    def measurement(self, evaluation: str, condition: str) -> Measurement | None:
        """The measurement of one condition, or None if this cell has none."""
        for item in self.measurements:
            if item.evaluation == evaluation and item.condition == condition:
                return item
        return None

    def difference(self, evaluation: str, condition: str) -> Difference | None:
        """The difference from the baseline on one condition, or None if this cell has none."""
        for item in self.differences:
            if item.evaluation == evaluation and item.condition == condition:
                return item
        return None


@dataclass(frozen=True)
class GridResults:
    """All cells of a grid, in the order in which tables show them, and the codecs they train and test on.

    `compared` are the grids of other experiments whose results stand beside this one's; `trouble` says why the results
    of such a grid are not here. `artefacts` is the comparison of codec residuals, `shortcuts` what duration, level and
    bandwidth alone tell, `significance` the tests against the best baseline, `effects` what one attribute of a codec
    does; these are read from the store, for MLflow does not hold them.
    """

    name: str
    cells: tuple[CellResult, ...]
    codecs: dict[str, CodecFacts] = field(default_factory=dict)
    detector_facts: dict[str, DetectorFacts] = field(default_factory=dict)
    compared: tuple[GridResults, ...] = ()
    trouble: str = ""
    artefacts: ArtefactResults | None = None
    significance: tuple[Significance, ...] = ()
    effects: tuple[Effects, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()
    mos: tuple[SystemMos, ...] = ()
    mos_threshold: float = math.nan

    def selections(self) -> list[str]:
        return _distinct(cell.selection for cell in self.cells)

    def policies(self) -> list[str]:
        return _distinct(cell.policy for cell in self.cells)

    def detectors(self) -> list[str]:
        return _distinct(cell.detector for cell in self.cells)

    def evaluations(self, measured: Callable[[str], bool] = lambda condition: condition == POOLED) -> list[str]:
        """The evaluations that some cell measured on a condition for which `measured` holds (default: pooled)."""
        return _distinct(m.evaluation for cell in self.cells for m in cell.measurements if measured(m.condition))

    def conditions(self, evaluation: str) -> list[str]:
        """The conditions of `evaluation` that some cell measured."""
        return _distinct(m.condition for cell in self.cells for m in cell.measurements if m.evaluation == evaluation)

    def test_codecs(self, evaluation: str) -> list[str]:
        """The codecs that `evaluation` has a condition for: those of the catalogue in its order, then the others."""
        names = [name for name in map(condition_codec, self.conditions(evaluation)) if name is not None]
        known = [name for name in self.codecs if name in names]
        return known + [name for name in names if name not in self.codecs]

    def select(
        self, *, selection: str | None = None, policy: str | None = None, detector: str | None = None
    ) -> tuple[CellResult, ...]:
        """The cells that have every value given: the seeds of one training, when all three are."""
        wanted = {"selection": selection, "policy": policy, "detector": detector}
        given = {name: value for name, value in wanted.items() if value is not None}
        return tuple(c for c in self.cells if all(getattr(c, name) == value for name, value in given.items()))

    def baseline(self, selection: str, detector: str) -> tuple[CellResult, ...]:
        """The cells without CoRS to compare with: those of the selection, else those trained on no codec at all."""
        return baselines(self.cells, selection, detector)


def codec_condition(codec: str) -> str:
    """The condition of the trials of one codec."""
    return f"codec={codec}"


def condition_codec(condition: str) -> str | None:
    """The codec of a condition that is about a codec only, else None."""
    name, separator, value = condition.partition("=")
    return value if separator and name == "codec" and "," not in value else None


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
