"""The shortcut conditions of every finished cell of a grid, read from its store."""

from __future__ import annotations

from dataclasses import dataclass, field

from grid.cells.status import cell_states
from grid.core.errors import RequestError, one_line
from grid.core.store import Store
from grid.experiment.grid import Grid
from grid.measuring.shortcut_conditions import ControlledCondition, EncodingCondition, shortcut_conditions


@dataclass(frozen=True)
class CellShortcuts:
    """One finished cell."""

    cell_id: str
    selection: str
    policy: str
    detector: str
    seed: int
    encoding: tuple[EncodingCondition, ...] = ()
    controlled: tuple[ControlledCondition, ...] = ()


@dataclass(frozen=True)
class ShortcutResults:
    """Finished cells, and the reason, by id, for each whose conditions could not be measured."""

    cells: tuple[CellShortcuts, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)


def shortcut_results(store: Store, grid: Grid) -> ShortcutResults:
    """Those of every finished cell, computed now where a cell lacks them; empty where the experiment asks for none."""
    if grid.experiment.encoding_shortcut is None and grid.experiment.shortcut_controls is None:
        return ShortcutResults()
    cells: list[CellShortcuts] = []
    missing: dict[str, str] = {}
    for job in (state.job for state in cell_states(store, grid.cells) if state.status == "done"):
        try:
            found = shortcut_conditions(store, job, grid.experiment)
        except (RequestError, OSError) as error:  # damaged scores, or renditions that are not in this store
            missing[job.cell_id] = one_line(error, kind=False)
            continue
        facts = (job.cell_id, job.selection, job.policy, job.detector, job.seed)
        cells.append(CellShortcuts(*facts, found.encoding, found.controlled))
    return ShortcutResults(tuple(cells), missing)
