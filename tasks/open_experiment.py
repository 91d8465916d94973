"""Opens an experiment for a command: its store, its grid and the states of its cells."""

from __future__ import annotations

from grid.cells.status import CellState, progress
from grid.config.experiment import Experiment
from grid.core.store import Store
from grid.experiment.grid import Grid, load_experiment, resolve
from tasks.places import open_root


def open_store(config: str, root: str | None, *, writes: bool = True) -> tuple[Experiment, Store]:
    """The experiment and its store: `root` if given, else the root that the file names, from the working directory.

    Raises RequestError for a local root that is no folder, or that cannot be written although the command `writes`.
    """
    experiment, _ = load_experiment(config)
    return experiment, open_root(experiment.root if root is None else root, writes=writes)


def open_grid(config: str, root: str | None) -> tuple[Grid, Store]:
    """The experiment with its cells, and its store."""
    _, store = open_store(config, root, writes=False)
    return resolve(config, store), store


def open_states(config: str, root: str | None) -> tuple[Grid, Store, list[CellState]]:
    """The grid, its store and the state of each cell, as `grid.cells.status.progress` gives it."""
    grid, store = open_grid(config, root)
    return grid, store, progress(store, grid.cells)
