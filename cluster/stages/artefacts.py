"""Runs the comparison of codec artefacts on Ray Data: renders what is missing, then one item for each shard."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from cluster.runtime.quiet import quiet_data, stdout_on_stderr
from cluster.runtime.session import graceful_termination, session
from cluster.stages.events import Watcher
from cluster.stages.importing import import_corpora, only_driver
from cluster.stages.resynthesis import render_all
from grid.analysis.artefacts import (
    ArtefactJob,
    artefact_choice,
    finish_artefacts,
    finished_artefacts,
    measure_piece,
    pieces_to_do,
    plan_artefacts,
    wanted_renditions,
)
from grid.core.errors import RequestError
from grid.core.record import Record, read_record
from grid.core.store import Store
from grid.experiment.grid import load_experiment, resolve
from grid.resynthesis.processor import fetch_requirements
from grid.resynthesis.rendition import Rendition

log = logging.getLogger(__name__)


def run_artefacts(config: str | Path, store: Store, *, address: str, watcher: Watcher) -> Record:
    """The finished comparison that the experiment at `config` asks for; running again resumes.

    Raises RequestError when the experiment asks for none, when a rendition fails, and when a shard does.
    """
    experiment, _ = load_experiment(config)
    with only_driver(store, experiment.name):
        corpora = import_corpora(config, store, watcher)
        grid = resolve(config, store)
        artefact_choice(grid)
        if (record := finished_artefacts(store, grid)) is not None:
            return record
        wanted = wanted_renditions(grid)
        renditions = tuple(each for of in wanted for each in (of.recordings, *of.resynthesised))
        waiting = [each for each in renditions if read_record(store, each.folder) is None]
        fetch_requirements(_applied(waiting), experiment.accept_licence)
        with stdout_on_stderr(), session(address), graceful_termination():
            if waiting:
                watcher.stage("resynthesis")
                errors = render_all(
                    store,
                    renditions,
                    corpora,
                    resources=experiment.resources,
                    max_failed_share=experiment.max_failed_share,
                    progress=watcher.rendering,
                )
                if errors:
                    raise RequestError("resynthesis failed: " + "; ".join(f"{at}: {e}" for at, e in errors.items()))
            job = plan_artefacts(store, grid)
            watcher.stage("artefacts")
            measure_all(store, job, say=watcher.stage)
        return finish_artefacts(store, grid, job)


def measure_all(store: Store, job: ArtefactJob, *, say: Callable[[str], None]) -> None:
    """Measures the pieces that are not there yet; RequestError, naming the first, when some fail."""
    import ray

    todo = pieces_to_do(store, job)
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
    """One piece in a worker: its number and the error, "" for none; nothing else leaves it."""
    try:
        measure_piece(job, int(row["piece"]))
    except Exception as error:  # an exception here would end the others
        log.error("piece %d failed: %s", row["piece"], traceback.format_exc())
        return {"piece": row["piece"], "error": f"{type(error).__name__}: {error}"}
    return {"piece": row["piece"], "error": ""}


def _applied(renditions: list[Rendition]) -> list[str]:
    return sorted({each.chain.codec for each in renditions if each.chain.codec and each.applied})
