"""Runs the comparison of codec artefacts on Ray Data: renders missing audio, then measures one item for each piece."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from cluster.preflight import check_and_prepare
from cluster.runtime.quiet import quiet_data, stdout_on_stderr
from cluster.runtime.session import check_address, graceful_termination, session
from cluster.runtime.watch import cluster_watch
from cluster.stages.events import ProgressListener
from cluster.stages.importing import driver_lock, import_corpora
from cluster.stages.resynthesis import render_all
from grid.analysis.artefacts import (
    ArtefactJob,
    artefact_choice,
    compared_renditions,
    finish_artefacts,
    finished_artefacts,
    measure_piece,
    plan_artefacts,
    unmeasured_pieces,
)
from grid.core.errors import RequestError
from grid.core.record import Record, read_record
from grid.core.store import Store
from grid.experiment.grid import load_experiment, resolve
from grid.experiment.plugin_packages import plugin_folders
from grid.experiment.work import Work

log = logging.getLogger(__name__)


def run_artefacts(config: str | Path, store: Store, *, address: str, listener: ProgressListener) -> Record:
    """Runs the comparison that the experiment at `config` configures; returns its record. Running again resumes.

    Raises RequestError when the experiment configures none, and when a rendition or a piece fails. Ends the process
    when the cluster is lost (see `cluster_watch`).
    """
    check_address(address)
    experiment, _ = load_experiment(config)
    with driver_lock(store, experiment.name):
        corpora = import_corpora(config, store, listener)
        grid = resolve(config, store)
        artefact_choice(grid)
        if (record := finished_artefacts(store, grid)) is not None:
            return record
        compared = compared_renditions(grid)
        renditions = tuple(rendition for of in compared for rendition in (of.recordings, *of.resynthesised))
        unfinished = [rendition for rendition in renditions if read_record(store, rendition.folder) is None]
        plugins = plugin_folders(experiment.plugins, experiment.folder)
        check_and_prepare(Work(grid, store, tuple(unfinished), ()), address)
        with stdout_on_stderr(), session(address, plugin_folders=plugins), graceful_termination(), cluster_watch():
            if unfinished:
                listener.stage("resynthesis")
                errors = render_all(
                    store,
                    renditions,
                    corpora,
                    resources=experiment.resources,
                    max_failed_share=experiment.max_failed_share,
                    progress=listener.rendering,
                )
                if errors:
                    raise RequestError("resynthesis failed: " + "; ".join(f"{at}: {e}" for at, e in errors.items()))
            job = plan_artefacts(store, grid)
            listener.stage("artefacts")
            measure_all(store, job, say=listener.stage)
        return finish_artefacts(store, grid, job)


def measure_all(store: Store, job: ArtefactJob, *, say: Callable[[str], None]) -> None:
    """Measures the missing pieces; RequestError, with the reason of the first, when some fail."""
    import ray

    todo = unmeasured_pieces(store, job)
    if not todo:
        return
    quiet_data()
    items = [{"piece": number} for number in todo]
    dataset = ray.data.from_items(items, override_num_blocks=len(items)).map(partial(_measured, job))
    failed = []
    for done, row in enumerate(dataset.iter_rows(), 1):
        say(f"artefacts: {done} of {len(items)} shards")
        if row["error"]:
            failed.append(f"piece {row['piece']}: {row['error']}")
    if failed:
        raise RequestError(f"{len(failed)} of {len(items)} shards failed, the others are kept: {failed[0]}")


def _measured(job: ArtefactJob, row: dict[str, Any]) -> dict[str, Any]:
    """Measures one piece in a worker; returns its number and the error, "" for none."""
    try:
        measure_piece(job, int(row["piece"]))
    except Exception as error:  # an exception here would end the others
        log.error("piece %d failed: %s", row["piece"], traceback.format_exc())
        return {"piece": row["piece"], "error": f"{type(error).__name__}: {error}"}
    return {"piece": row["piece"], "error": ""}
