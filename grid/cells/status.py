"""The status of each cell, read from the store alone; MLflow, `codecgrid status` and the report all show it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from grid.cells.job import CELLS, HISTORY, STATE, CellJob, renditions_to_score
from grid.core.errors import FailureKind
from grid.core.listed_store import list_once
from grid.core.record import FAILURE, RECORD, Record, check_identity, is_finished, keep_failure, read_record
from grid.core.store import Store
from grid.core.vocabulary import Status

log = logging.getLogger(__name__)

RUNNING = "running.json"
LOCK = "lock"
HELD_SECONDS = 2.0
"""How long the lock of a cell is waited for: a process that was lost with its node may need a moment to end."""
STALE = timedelta(minutes=30)
"""On an object store that has no locks, a cell whose last heartbeat is older counts as dead."""


@dataclass(frozen=True)
class CellState:
    """The state of one cell in the store.

    `epochs` are the epochs so far (see `grid.training.checkpoint.Epoch`, EERs as fractions); `results` are the results
    in the training's record; `error` is the one-line reason of the last failure, `kind` its kind (see
    `grid.core.errors.FAILURE_KINDS`) and `log` the file with its traceback.
    """

    job: CellJob
    status: Status
    epochs: tuple[dict[str, Any], ...] = ()
    results: dict[str, Any] | None = None
    error: str = ""
    kind: FailureKind | None = None
    log: str = ""


def cell_state(store: Store, job: CellJob) -> CellState:
    """The state of one cell. `done` means trained and scored; a failure counts until the cell is tried again.

    RequestError for a record that is damaged, or of another cell.
    """
    record = read_record(store, job.folder)
    if record is not None and record.identity != job.identity:  # equal ones need no search for a difference
        check_identity(store, job.folder, record, job.identity)
    epochs = epochs_so_far(store, job, record)
    results = record.results if record is not None else None
    if record is not None and not renditions_to_score(store, job):
        return CellState(job, "done", epochs, results)
    if is_running(store, job):
        return CellState(job, "running", epochs, results)
    failure = f"{job.folder}/{FAILURE}"
    if store.exists(failure):
        why = store.read_json(failure)
        return CellState(job, "failed", epochs, results, why["error"], why.get("kind", "code"), store.uri(failure))
    return CellState(job, "missing", epochs, results)


def cell_states(store: Store, jobs: Sequence[CellJob]) -> list[CellState]:
    """The state of each cell; an object store is listed once for all of them (see `listed_cells`)."""
    listed = listed_cells(store, jobs)
    return [cell_state(listed, job) for job in jobs]


def progress(store: Store, jobs: Sequence[CellJob]) -> list[CellState]:
    """The state of each cell, of a done one the status alone: its records are looked for and not read."""
    listed = listed_cells(store, jobs)
    return [CellState(job, "done") if _is_done(listed, job) else cell_state(listed, job) for job in jobs]


def _is_done(store: Store, job: CellJob) -> bool:
    return is_finished(store, job.folder) and not renditions_to_score(store, job)


def listed_cells(store: Store, jobs: Sequence[CellJob]) -> Store:
    """The store as it is now, with all at hand that `cell_state` and `planned_action` read; a local one as it is."""
    folders = {job.folder for job in jobs}

    def is_read(path: str) -> bool:
        name = path.rpartition("/")[2]
        return "/".join(path.split("/", 2)[:2]) in folders and name in (RECORD, FAILURE, HISTORY, RUNNING)

    return list_once(store, CELLS, is_read)


def epochs_so_far(store: Store, job: CellJob, record: Record | None = None) -> tuple[dict[str, Any], ...]:
    """The epochs in the history of a cell: none, with a warning, where it is damaged.

    That of a finished cell must have the digest in its `record`. An unfinished one is written again with every epoch.
    """
    path = f"{job.folder}/{HISTORY}"
    if not store.exists(path):
        return ()
    content = store.read_bytes(path)
    try:
        if record is not None and hashlib.sha256(content).hexdigest() != record.outputs[HISTORY]:
            raise ValueError("its SHA-256 is not the recorded one")
        return tuple(json.loads(content)["epochs"])
    except (ValueError, LookupError, TypeError) as error:
        log.warning("%s is damaged (%s); its epochs are not shown", store.uri(path), error)
        return ()


def planned_action(store: Store, job: CellJob) -> tuple[str, str]:
    """What a run would do with a cell, and why: skip, score, resume or train. Records are looked for and not read."""
    if is_finished(store, job.folder):
        unscored = len(renditions_to_score(store, job))
        if unscored == 0:
            return "skip", "done"
        return "score", f"trained; {unscored} of {len(job.tested)} renditions are not scored"
    failed = store.exists(f"{job.folder}/{FAILURE}")
    if store.exists(f"{job.folder}/{STATE}"):
        done = len(epochs_so_far(store, job))
        return "resume", f"{done} of {job.recipe.epochs} epochs are there" + ("; failed before" if failed else "")
    return "train", "failed before" if failed else "new"


@contextmanager
def running(store: Store, job: CellJob, *, timeout: float = HELD_SECONDS) -> Iterator[None]:
    """Marks a cell as running in this process; the mark ends with the process.

    Raises filelock.Timeout when another process holds the cell for longer than `timeout` seconds.
    """
    with store.lock(f"{job.folder}/{LOCK}", timeout=timeout):
        heartbeat(store, job)
        store.remove(f"{job.folder}/{FAILURE}")
        try:
            yield
        finally:
            store.remove(f"{job.folder}/{RUNNING}")


def heartbeat(store: Store, job: CellJob) -> None:
    """Records that the cell is alive, with the time."""
    store.write_json(f"{job.folder}/{RUNNING}", {"alive": datetime.now(UTC).isoformat()})


def is_running(store: Store, job: CellJob) -> bool:
    """Whether a live process holds the cell: by its lock, or by its heartbeat where there is none."""
    if not store.exists(f"{job.folder}/{RUNNING}"):
        return False
    locked = store.is_locked(f"{job.folder}/{LOCK}")
    if locked is not None:
        return locked
    alive = datetime.fromisoformat(store.read_json(f"{job.folder}/{RUNNING}")["alive"])
    return datetime.now(UTC) - alive < STALE


def record_failure(store: Store, job: CellJob, error: BaseException, trace: str) -> None:
    """Writes why a cell failed into its folder."""
    keep_failure(store, job.folder, error, trace)


def record_lost_process(store: Store, job: CellJob, error: BaseException, trace: str) -> None:
    """Writes that a cell's process was lost: unless another process holds the cell, it is done or it says why itself.

    Nobody can take the cell up or finish it in between, for this process holds it meanwhile.
    """
    from filelock import Timeout

    with suppress(Timeout), store.lock(f"{job.folder}/{LOCK}", timeout=HELD_SECONDS):
        done = read_record(store, job.folder) is not None and not renditions_to_score(store, job)
        if not done and not store.exists(f"{job.folder}/{FAILURE}"):
            keep_failure(store, job.folder, error, trace)
