"""`codecgrid sync`: updates MLflow from the store; repairs missing, duplicate and outdated runs."""

from __future__ import annotations

from grid.core.errors import RequestError
from tasks.console import Config, Root, out, single


def sync(config: Config, root: Root = None) -> None:
    """Bring MLflow up to date with the store."""
    from cluster.tracking.mirror import Mirror
    from tasks.open_experiment import open_grid

    grid, store = open_grid(config, root)
    result = Mirror(grid.experiment, grid.cells, store).sync()
    if result.failed_reason:
        raise RequestError(f"MLflow was not written: {result.failed_reason}")
    out.print(f"{result.created} created, {result.updated} updated, {result.unchanged} unchanged", highlight=False)


if __name__ == "__main__":
    single(sync)
