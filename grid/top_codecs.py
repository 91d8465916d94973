"""Selections of the best codecs of another grid: resolved from its finished cells, by dev EER."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from grid.config.experiment import Experiment, Selection
from grid.config.yaml_file import YamlFile
from grid.errors import RequestError, unknown_name
from grid.job import CellJob
from grid.record import read_record
from grid.store import Store

Cells = Callable[[Path], tuple[CellJob, ...]]
"""The cells of the grid that an experiment file makes over this store."""


def with_top_codecs(experiment: Experiment, file: YamlFile, store: Store, cells_of: Cells) -> Experiment:
    """The experiment with the codecs of its `top` selections; RequestError, with the line, for one that has none yet.

    The codecs of the other grid that train a detector alone are ranked by the EER on their own development set, the
    mean over seeds; of equal ones the first by name is better. So what the best are follows from records alone, and
    a cell's identity holds the codecs, not where they come from.
    """
    selections = []
    for i, selection in enumerate(experiment.grid.selections):
        if selection.top is not None and not selection.codecs:
            where = file.where("grid", "selections", i)
            codecs = _best(selection, experiment.folder / str(selection.of), store, cells_of, where)
            selection = selection.model_copy(update={"codecs": codecs})
        selections.append(selection)
    return experiment.with_selections(selections)


def _best(selection: Selection, path: Path, store: Store, cells_of: Cells, where: str) -> tuple[str, ...]:
    cells = [cell for cell in cells_of(path) if len(cell.codecs) == 1 and cell.cors]
    cells = _chosen(cells, "detector", selection.detector, where)
    cells = _chosen(cells, "policy", selection.policy, where)
    rates: defaultdict[str, list[float]] = defaultdict(list)
    missing = 0
    for cell in cells:
        record = read_record(store, cell.folder)
        if record is None:
            missing += 1
        else:
            rates[cell.codecs[0]].append(float(record.results["dev_eer"]))
    if missing:
        raise RequestError(
            f"{where}: the best codecs of {path} are not known before all are trained; {missing} of {len(cells)} "
            f"cells are not finished. Run: codecgrid run {path}"
        )
    ranked = sorted(rates, key=lambda codec: (sum(rates[codec]) / len(rates[codec]), codec))
    if selection.top is None or len(ranked) < selection.top:
        raise RequestError(f"{where}: top {selection.top} of {path}, which trains on {len(ranked)} codecs one by one")
    return tuple(ranked[: selection.top])


def _chosen(cells: list[CellJob], field: str, asked: str | None, where: str) -> list[CellJob]:
    """The cells of one detector or policy: the one asked for, or the only one there is."""
    there = list(dict.fromkeys(str(getattr(cell, field)) for cell in cells))
    if asked is None and len(there) > 1:
        raise RequestError(f"{where}: the other grid has more than one {field}; give `{field}`: {', '.join(there)}")
    if asked is not None and asked not in there:
        raise unknown_name(field, asked, there, where=where)
    return [cell for cell in cells if asked is None or getattr(cell, field) == asked]
