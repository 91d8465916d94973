"""The copy of an experiment that a run writes into the store: its file, its cells and their jobs."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from grid.config.experiment import Experiment
from grid.core.errors import RequestError
from grid.core.store import Store
from grid.experiment.grid import Grid


class FrozenExperiment(BaseModel):
    """What a run writes before its first training."""

    model_config = ConfigDict(frozen=True)

    experiment: Experiment
    cells: tuple[str, ...]


def _path(name: str) -> str:
    return f"experiments/{name}.json"


def freeze(store: Store, grid: Grid) -> None:
    """Writes the experiment and the job of each cell; an existing job has the same content."""
    for job in grid.cells:
        store.write_json(f"{job.folder}/cell.json", job.model_dump(mode="json"))
    frozen = FrozenExperiment(experiment=grid.experiment, cells=tuple(job.cell_id for job in grid.cells))
    store.write_json(_path(grid.experiment.name), frozen.model_dump(mode="json"))


def read_experiment(store: Store, name: str) -> Experiment:
    """The experiment `name` as it last ran in this store; RequestError when it never did."""
    return _read(store, name).experiment


def frozen_experiments(store: Store) -> list[str]:
    """The names of the experiments that ran in this store."""
    return [name.removesuffix(".json") for name in store.names("experiments") if name.endswith(".json")]


def frozen_cells(store: Store, name: str) -> tuple[str, ...]:
    """The ids of the cells of experiment `name` as it last ran in this store; RequestError when it never did."""
    return _read(store, name).cells


def _read(store: Store, name: str) -> FrozenExperiment:
    if not store.exists(_path(name)):
        raise RequestError(f"experiment {name!r} never ran in {store.root}; start it with `codecgrid run CONFIG`")
    return FrozenExperiment.model_validate(store.read_json(_path(name)))
