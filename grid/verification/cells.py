"""Checks a cell: its job, its training or saved state, its scores, and what was measured from them."""

from __future__ import annotations

from collections.abc import Iterator

from grid.cells.job import HISTORY, STATE, WEIGHTS
from grid.cells.status import RUNNING
from grid.core.derived_file import DerivedFile, derived_fault
from grid.core.errors import RequestError
from grid.core.identity import digest
from grid.core.record import FAILURE, Record, check_outputs, read_record
from grid.core.saved_state import DamagedStateError, state_bytes
from grid.scoring.score_tables import read_scores
from grid.verification.damage import Damage, Reading, problem

JOB = "cell.json"
RUN = "codecgrid run CONFIG, of experiment {}"
MEASURE = "codecgrid report CONFIG, of experiment {}"
DERIVED = ("measurements-", "differences-", "calibration-")


def check_cell(reading: Reading, folder: str) -> Iterator[Damage]:
    """The damage of the cell in `folder`.

    A damaged training is made again as a whole, with its scores; damaged scores or measurements are made again alone.
    """
    store, cell_id = reading.store, folder.rsplit("/", 1)[-1]
    experiment, fault = _job(reading, folder, cell_id)
    run, names = RUN.format(experiment), store.names(folder)
    if fault:
        yield Damage(f"{folder}/{JOB}", fault, (f"{folder}/{JOB}",), run)
    for name in (FAILURE, RUNNING):
        if name in names:
            yield from reading.json(f"{folder}/{name}", "none: it is written again when it is needed")
    try:
        record = reading.record(folder)
        if record is not None:
            check_outputs(store, folder, record)
            if digest(record.identity) != cell_id:
                raise RequestError(f"the identity in {folder}/record.json has another id")
    except RequestError as error:
        yield Damage(folder, problem(error), (folder,), run)
        return
    if record is None:
        yield from _unfinished(reading, folder, names, run)
    for rendition in store.names(f"{folder}/scores"):
        yield from _scores(reading, f"{folder}/scores/{rendition}", record, run)
    for name in names:
        if name.startswith(DERIVED):
            yield from _derived(reading, f"{folder}/{name}", MEASURE.format(experiment))


def _job(reading: Reading, folder: str, cell_id: str) -> tuple[str, str]:
    """The name of the experiment of a cell, and what is wrong with the file of its job, "" for nothing."""
    if not reading.store.exists(f"{folder}/{JOB}"):
        return "(unknown)", ""
    try:
        job = reading.store.read_json(f"{folder}/{JOB}")
        same = job["cell_id"] == cell_id == digest(job["identity"])
        return str(job["experiment"]), "" if same else "holds another job than that of this cell"
    except RequestError as error:
        return "(unknown)", problem(error)
    except (LookupError, TypeError) as error:
        return "(unknown)", f"is damaged ({error!r})"


def _unfinished(reading: Reading, folder: str, names: list[str], run: str) -> Iterator[Damage]:
    if STATE in names:
        path = f"{folder}/{STATE}"
        try:
            state_bytes(reading.store.read_bytes(path), path)
        except DamagedStateError as error:
            yield Damage(path, str(error), (path,), run)
    if HISTORY in names:
        yield from reading.json(f"{folder}/{HISTORY}", run)


def _scores(reading: Reading, folder: str, training: Record | None, run: str) -> Iterator[Damage]:
    try:
        record = reading.record(folder)
        if record is None:
            return
        read_scores(reading.store, folder)
        weights = record.identity.get("weights")
        if training is None or weights != training.outputs[WEIGHTS]:
            raise RequestError(f"{folder} has the scores of other weights than those of the cell")
    except (RequestError, OSError) as error:
        yield Damage(folder, problem(error), (folder,), run)


def _derived(reading: Reading, path: str, command: str) -> Iterator[Damage]:
    store = reading.store
    try:
        if isinstance(store.read_json(path), list):
            reading.unverified.append(path)
            return
    except RequestError as error:
        yield Damage(path, problem(error), (path,), command)
        return
    fault = derived_fault(store, path, None)
    if not fault:
        sources = DerivedFile.model_validate(store.read_json(path)).made_from
        if not any(source.startswith(f"{path.rpartition('/')[0]}/") for source in sources):
            fault = "was made from the scores of another cell"
        elif any(_has_changed(reading, source, sha256) for source, sha256 in sources.items()):
            fault = "was made from other scores than those that are there"
    if fault:
        yield Damage(path, fault, (path,), command)


def _has_changed(reading: Reading, path: str, sha256: str) -> bool:
    """Whether an output of a step is gone or recorded with another digest; a damaged record is damage of its own."""
    folder, _, name = path.rpartition("/")
    try:
        record = read_record(reading.store, folder)
    except RequestError:
        return False
    return record is None or record.outputs.get(name) != sha256
