"""Resolves the `top` selections of an experiment file: the codecs on which another grid trains the best detectors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from grid.cells.job import CellJob, renditions_to_score
from grid.cells.measurements import stored_measurements
from grid.config.experiment import DEV_EER, Experiment, Selection
from grid.config.yaml_file import YamlFile
from grid.core.errors import RequestError, unknown_name
from grid.core.record import read_record
from grid.core.store import Store
from grid.core.vocabulary import POOLED
from grid.metrics.evaluation import Measurement


class OtherGrid(Protocol):
    """The grid that a `top` selection chooses from."""

    @property
    def experiment(self) -> Experiment: ...
    @property
    def cells(self) -> tuple[CellJob, ...]: ...


GridOf = Callable[[Path], OtherGrid]
"""Gives the grid that an experiment file makes over this store."""


def with_top_codecs(experiment: Experiment, file: YamlFile, store: Store, grid_of: GridOf) -> Experiment:
    """The experiment with the codecs of its `top` selections; RequestError, with the line, for one that has none yet.

    The codecs of the other grid that are trained on one by one are ranked by the mean over seeds of the EER that the
    selection's `by` names; ties are ordered by name. That EER is read from the records of finished trainings, or from
    what was measured of them. A cell's identity contains the codecs, not where they come from.
    """
    selections = []
    for i, selection in enumerate(experiment.grid.selections):
        if selection.top is not None and not selection.codecs:
            where = file.where("grid", "selections", i)
            codecs = _best(selection, experiment.folder / str(selection.of), store, grid_of, where)
            selection = selection.model_copy(update={"codecs": codecs})
        selections.append(selection)
    return experiment.with_selections(selections)


@dataclass(frozen=True)
class Ranking:
    """What codecs are ranked by: the EER on one condition of an evaluation, or on dev, for which `evaluation` is None.

    `experiment` and `path` are those of the other grid, `where` is the line of the selection.
    """

    evaluation: str | None
    condition: str
    experiment: Experiment
    path: Path
    where: str

    @classmethod
    def of(cls, by: str, experiment: Experiment, path: Path, where: str) -> Ranking:
        """From the selection's `by`; RequestError, with the choices, for an evaluation that the other grid has not."""
        if by == DEV_EER:
            return cls(None, POOLED, experiment, path, where)
        evaluation, condition = (by, "") if by in experiment.evaluations else by.partition("/")[::2]
        if evaluation not in experiment.evaluations:
            raise unknown_name("evaluation", evaluation, [DEV_EER, *experiment.evaluations], where=f"{where}: by")
        return cls(evaluation, condition or POOLED, experiment, path, where)

    def eers(self, store: Store, cells: Sequence[CellJob]) -> list[float]:
        """The EER (fraction) of each cell; RequestError, with the command that makes it, where one is not known."""
        records = [read_record(store, cell.folder) for cell in cells]
        self._require(sum(record is not None for record in records), len(cells), "trained", "run")
        if self.evaluation is None:
            return [float(record.results["dev_eer"]) for record in records if record is not None]
        self._require(sum(not renditions_to_score(store, cell) for cell in cells), len(cells), "scored", "run")
        found = [stored_measurements(store, cell, self.experiment) for cell in cells]
        self._require(sum(item is not None for item in found), len(cells), "measured", "report")
        return [self._measured(measurements) for measurements in found if measurements is not None]

    def _require(self, done: int, cells: int, what: str, command: str) -> None:
        if done < cells:
            raise RequestError(
                f"{self.where}: the best codecs of {self.path} are not known before all are {what}; "
                f"{cells - done} of {cells} cells are not. Run: codecgrid {command} {self.path}"
            )

    def _measured(self, measurements: Sequence[Measurement]) -> float:
        by_condition = {item.condition: item.eer for item in measurements if item.evaluation == self.evaluation}
        if self.condition not in by_condition:
            kind = f"condition of {self.evaluation}"
            raise unknown_name(kind, self.condition, by_condition, where=f"{self.where}: by")
        return by_condition[self.condition]


def _best(selection: Selection, path: Path, store: Store, grid_of: GridOf, where: str) -> tuple[str, ...]:
    other = grid_of(path)
    ranking = Ranking.of(selection.by, other.experiment, path, where)
    cells = [cell for cell in other.cells if len(cell.codecs) == 1 and cell.cors]
    cells = _chosen(cells, "detector", selection.detector, where)
    cells = _chosen(cells, "policy", selection.policy, where)
    rates: defaultdict[str, list[float]] = defaultdict(list)
    for cell, eer in zip(cells, ranking.eers(store, cells), strict=True):
        rates[cell.codecs[0]].append(eer)
    ranked = sorted(rates, key=lambda codec: (sum(rates[codec]) / len(rates[codec]), codec))
    if selection.top is None or len(ranked) < selection.top:
        raise RequestError(f"{where}: top {selection.top} of {path}, which trains on {len(ranked)} codecs one by one")
    return tuple(ranked[: selection.top])


def _chosen(cells: list[CellJob], field: str, choice: str | None, where: str) -> list[CellJob]:
    """The cells of one detector or policy: those of `choice`, or of the only one that the cells have."""
    choices = list(dict.fromkeys(str(getattr(cell, field)) for cell in cells))
    if choice is None and len(choices) > 1:
        raise RequestError(f"{where}: the other grid has more than one {field}; give `{field}`: {', '.join(choices)}")
    if choice is not None and choice not in choices:
        raise unknown_name(field, choice, choices, where=where)
    return [cell for cell in cells if choice is None or getattr(cell, field) == choice]
