"""Tests of cluster.tracking.mirror_thread: MLflow follows a run, and no error of it stops the run."""

from __future__ import annotations

import pytest

from cluster.tracking.desired_run import logged_marks
from cluster.tracking.mirror_thread import MirrorThread
from grid.core.record import finish
from grid.core.store import Store
from tests.support.mirrored import CELLS, logged_runs, mirror
from tests.support.tracking_cells import (
    alive,
    wait_for,
    write_done,
    write_epochs,
)

pytestmark = pytest.mark.slow  # MLflow takes 4 s to import


def test_thread_mirrors_while_it_runs_and_at_its_end(store: Store) -> None:
    synced = mirror(store)
    with MirrorThread(synced, every_seconds=0.05):
        with alive(store, CELLS[0]):
            write_epochs(store, CELLS[0], 2)
            wait_for(lambda: logged_marks(logged_runs(store)[CELLS[0].cell_id].data.tags)["epochs"] == "2")
        write_done(store, CELLS[1])
    assert {run.info.status for run in logged_runs(store).values()} == {"KILLED", "FINISHED"}


def test_thread_damaged_store_does_not_stop_the_grid(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    finish(store, CELLS[0].folder, kind="cell", identity={}, outputs=[], results={})
    store.write_bytes(f"{CELLS[0].folder}/record.json", b"{")
    thread = MirrorThread(mirror(store), every_seconds=0.01)
    thread.start()
    wait_for(lambda: "damaged" in caplog.text)
    assert "is damaged" in thread.stop().failed_reason
