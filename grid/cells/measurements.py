"""The file with a cell's measurements under an experiment's evaluations: its name, reading and writing it.

`grid.measuring.measure` makes its content. Who only looks at what was measured, such as a selection that ranks the
codecs of another grid, computes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from grid.cells.job import CellJob, scores_folder
from grid.config.experiment import Experiment
from grid.core.derived_file import read_derived, write_derived
from grid.core.identity import digest
from grid.core.record import read_record
from grid.core.store import Store
from grid.metrics.evaluation import Measurement

MEASURE_REVISION = 2
"""To be raised by hand when the same scores give other measurements than before."""


def measurement_path(job: CellJob, experiment: Experiment) -> str:
    """The file of a cell's measurements; its name changes with evaluations, bootstrap and scored renditions."""
    request = {
        "revision": MEASURE_REVISION,
        "evaluations": {
            name: choice.model_dump(mode="json", exclude_none=True) for name, choice in experiment.evaluations.items()
        },
        "bootstrap": experiment.bootstrap.model_dump(mode="json"),
        "scored": sorted(folder.rsplit("/", 1)[-1] for folder in job.scored),
    }
    return f"{job.folder}/measurements-{digest(request, 8)}.json"


def stored_measurements(store: Store, job: CellJob, experiment: Experiment) -> list[Measurement] | None:
    """The measurements of a cell as its file has them; None unless they are whole and of the scores that are there."""
    scores = scores_digests(store, job)
    items = read_derived(store, measurement_path(job, experiment), scores) if scores is not None else None
    return [Measurement(**item) for item in items] if items is not None else None


def keep_measurements(store: Store, job: CellJob, experiment: Experiment, measurements: Sequence[Measurement]) -> None:
    """Writes the file of a cell's measurements, with the digests of the scores they were made from."""
    scores = scores_digests(store, job)
    assert scores is not None  # they were just measured
    write_derived(store, measurement_path(job, experiment), scores, [dataclasses.asdict(item) for item in measurements])


def scores_digests(store: Store, job: CellJob, *, probed: bool = False) -> dict[str, str] | None:
    """The recorded SHA-256 of a cell's scores of each rendition, by their path; None unless all are scored.

    They are those that evaluations test on, and with `probed` those of its shortcut conditions too.
    """
    digests: dict[str, str] = {}
    for rendition in job.tested if probed else job.scored:
        folder = scores_folder(job.folder, rendition)
        record = read_record(store, folder)
        if record is None:
            return None
        digests |= {f"{folder}/{name}": sha256 for name, sha256 in record.outputs.items()}
    return digests
