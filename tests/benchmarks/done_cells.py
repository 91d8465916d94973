"""Makes a store in which every cell of a grid is done and measured, by writing records: no audio, no training."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import yaml

from grid.cells.job import HISTORY, WEIGHTS, CellJob, scores_folder
from grid.cells.measurements import keep_measurements
from grid.core.record import finish
from grid.core.store import Store
from grid.experiment.grid import resolve
from grid.metrics.evaluation import Measurement
from grid.scoring.score_tables import SCORES
from tests.benchmarks.codecfake_plus import CORPUS, Place, recordings, store_corpus

SELECTIONS = ("opus-6kbps", "vorbis-25kbps", "mp3-32kbps", "mu-law")
POLICIES = ("spoof", "bonafide")
DETECTORS = ("lfcc-lcnn", "lfcc-lcnn-small", "aasist", "aasist-l", "aasist-tiny")
CELLS_PER_SEED = len(SELECTIONS) * len(POLICIES) * len(DETECTORS)
UTTERANCES = 440
EPOCHS = 3
SHA256 = "0" * 64


def make_done_cells(folder: Path, cells: int) -> Place:
    """A root and an experiment of `cells` done cells (a multiple of CELLS_PER_SEED) that score five renditions each."""
    place = Place(folder / "root", folder / "experiment.yaml", f"corpora/{CORPUS}")
    store = Store.open(place.root)
    store_corpus(store, recordings(UTTERANCES), folder)
    place.config.write_text(yaml.safe_dump(_experiment(cells // CELLS_PER_SEED)), encoding="utf-8")
    grid = resolve(place.config, store)
    with mock.patch("os.fsync"):  # nobody needs them after a loss of power
        for number, job in enumerate(grid.cells):
            _finish_cell(store, job)
            keep_measurements(store, job, grid.experiment, _measurements(0.1 + number * 1e-6))
    return place


def _measurements(eer: float) -> list[Measurement]:
    """The same EER on all trials and on those of each codec."""
    conditions = ["pooled", *(f"codec={codec}" for codec in SELECTIONS)]
    return [Measurement("CoRS-spoof", name, eer, eer, eer, eer, 100, 200, 1.0, 0.0) for name in conditions]


def _finish_cell(store: Store, job: CellJob) -> None:
    """Writes the history of a cell and its record and those of its scores, which name outputs that are not there."""
    epochs = [
        {"epoch": e, "train_loss": 0.3, "dev_eer": 0.3, "learning_rate": 1e-3, "seconds": 60.0, "items": 8}
        for e in range(EPOCHS)
    ]
    store.write_json(f"{job.folder}/{HISTORY}", {"epochs": epochs})
    finish(
        store,
        job.folder,
        kind="cell",
        identity=job.identity,
        outputs=[WEIGHTS, HISTORY],
        results={"best_epoch": 2, "dev_eer": 0.3, "epochs": EPOCHS, "class_weights": [1.0, 1.0], "warnings": []},
        digests={WEIGHTS: SHA256},
    )
    for rendition in job.scored:
        finish(
            store,
            scores_folder(job.folder, rendition),
            kind="scores",
            identity={"weights": SHA256},
            outputs=[SCORES],
            results={"utterances": UTTERANCES},
            digests={SCORES: SHA256},
        )


def _experiment(seeds: int) -> dict[str, object]:
    return {
        "name": "done-cells",
        "corpora": [{"name": CORPUS}],
        "grid": {
            "selections": list(SELECTIONS),
            "policies": list(POLICIES),
            "detectors": list(DETECTORS),
            "seeds": list(range(seeds)),
        },
        "recipe": "cpu-lcnn",
        "evaluations": {"CoRS-spoof": {"bonafide": "raw", "spoof": "cors", "by": "codec"}},
    }
