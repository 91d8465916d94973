"""Takes the README's picture of MLflow's page: `python -m tests.support.mlflow_picture ROOT PICTURE`.

ROOT has the results of configs/demo.yaml; its MLflow is brought up to date first. Needs Chromium.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from cluster.tracking.mirror import Mirror
from cluster.tracking.server import cells_page, serve
from grid.core.store import Store
from grid.experiment.grid import resolve
from tests.support.browser import browser

DEMO = Path(__file__).parents[2] / "configs" / "demo.yaml"
WIDTH, HEIGHT = 1860, 1000
DRAWING_SECONDS = 3.0
"""What a page takes to draw its table after it has the numbers."""


def take(root: str, path: Path) -> None:
    """Writes the picture of the cells of the demo in `root`."""
    store = Store.open(root)
    grid = resolve(DEMO, store)
    if reason := Mirror(grid.experiment, grid.cells, store).sync().failed_reason:
        sys.exit(reason)
    with serve(grid.experiment, store) as server, browser(WIDTH, HEIGHT) as page:
        page.open(cells_page(grid.experiment, server.address), f"{len(grid.cells)} matching runs")
        time.sleep(DRAWING_SECONDS)
        page.picture(path)


if __name__ == "__main__":
    take(sys.argv[1], Path(sys.argv[2]))
