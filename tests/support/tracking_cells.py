"""A made-up experiment whose cells are written by hand into a real store: what the mirror sees, without training."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from grid.cells.job import HISTORY, WEIGHTS, CellJob, Mixing, scores_folder
from grid.cells.status import running
from grid.config.experiment import Experiment
from grid.config.recipe import Recipe
from grid.core.identity import digest
from grid.core.record import finish
from grid.core.store import Store
from grid.detectors.spec import load_detector_spec
from grid.scoring.score_tables import SCORE_SCHEMA, SCORES

CODECS = ("encodec-24khz-6kbps", "mimi-8cb")
FOLDERS = ("audio/c/raw-1", "audio/c/world~encodec-24khz-6kbps-2", "audio/c/world~mimi-8cb-3")
RECIPE = Recipe.model_validate(
    {"epochs": 3, "batch_size": 4, "optimiser": {"learning_rate": 0.1}, "crop": {"samples": 1600}}
)


def made_up_experiment(**changes: Any) -> Experiment:
    """Two codecs, two policies and a list of both, one detector, one seed."""
    return Experiment.model_validate(
        {
            "name": "made-up",
            "corpora": [{"name": "c"}],
            "grid": {"selections": list(CODECS), "policies": ["bonafide", "spoof"], "detectors": ["aasist-l"]},
            "recipe": "none",
            "evaluations": {
                "T-CoSG (all)": {"bonafide": "raw", "spoof": "cosg", "by": ["codec", "attack"]},
                "All": {"bonafide": "raw", "spoof": "cosg"},
            },
            "bootstrap": {"replicates": 100},
            **changes,
        }
    )


def made_up_cells() -> tuple[CellJob, ...]:
    """Five cells: codec x policy, and one fed by both codecs."""
    plain = [made_up_cell(codec, (codec,), policy) for codec in CODECS for policy in ("bonafide", "spoof")]
    return (*plain, made_up_cell("both", CODECS, "spoof"))


def made_up_cell(selection: str, codecs: tuple[str, ...], policy: str) -> CellJob:
    detector = load_detector_spec("aasist-l")
    identity = {"codecs": list(codecs), "policy": policy, "detector": detector.identity(), "corpora": ["0" * 64]}
    return CellJob(
        cell_id=digest(identity),
        experiment="made-up",
        selection=selection,
        codecs=codecs,
        policy=policy,
        detector="aasist-l",
        seed=0,
        identity=identity,
        recordings=FOLDERS[:1],
        attacks=(),
        cors=(),
        mixing=Mixing(how="append", probability=1.0, draw="each"),
        scored=FOLDERS,
        detector_spec=detector,
        recipe=RECIPE,
    )


def write_renditions(store: Store) -> None:
    """Recordings of four speakers and their spoofs through each codec: rows only, since nothing listens."""
    for folder, codec in zip(FOLDERS, ("", *CODECS), strict=True):
        ids = [f"speaker{i % 4}-{i}{'~' + codec if codec else ''}" for i in range(24)]
        count = len(ids)
        columns = {
            "utterance_id": ids,
            "speaker": [name.partition("-")[0] for name in ids],
            "origin": ids,
            "source": ["made-up"] * count,
            "key": ["spoof" if codec else "bonafide"] * count,
            "attack": ["world" if codec else ""] * count,
            "codec": [codec] * count,
            "split": ["test"] * count,
            "path": ["shard"] * count,
            "samples": [1600] * count,
            "offset": [0] * count,
            "sha256": [""] * count,
        }
        with store.writing(f"{folder}/manifest.parquet") as file:
            pq.write_table(pa.table(columns), file)
        finish(store, folder, kind="rendition", identity={}, outputs=["manifest.parquet"], results={})


def write_epochs(store: Store, job: CellJob, count: int) -> None:
    """The history of a training after `count` epochs."""
    epochs = [
        {
            "epoch": i,
            "train_loss": 1 / (i + 3),
            "dev_eer": 1 / (i + 7),
            "learning_rate": 0.1,
            "seconds": 60.0,
            "items": 8,
        }
        for i in range(count)
    ]
    store.write_json(f"{job.folder}/{HISTORY}", {"epochs": epochs})


def write_done(store: Store, job: CellJob, *, seed: int = 0, weights: bytes = b"weights") -> None:
    """A cell trained for three epochs and scored; its scores are drawn from its id and `seed`."""
    write_epochs(store, job, 3)
    store.write_bytes(f"{job.folder}/{WEIGHTS}", weights)
    results = {"best_epoch": 2, "dev_eer": 1 / 9, "epochs": 3, "class_weights": [1.0, 1.0], "warnings": []}
    finish(store, job.folder, kind="cell", identity=job.identity, outputs=[WEIGHTS, HISTORY], results=results)
    draw = np.random.default_rng([int(job.cell_id, 16), seed])
    for folder in job.scored:
        ids = pq.read_table(store.local(f"{folder}/manifest.parquet"))["utterance_id"]
        scores = draw.normal(1.0 if "raw" in folder else 0.0, 1.0, len(ids))
        place = scores_folder(job.folder, folder)
        with store.writing(f"{place}/{SCORES}") as file:
            pq.write_table(pa.Table.from_pydict({"utterance_id": ids, "score": scores}, schema=SCORE_SCHEMA), file)
        finish(store, place, kind="scores", identity={}, outputs=[SCORES], results={})


@contextmanager
def alive(store: Store, job: CellJob) -> Iterator[None]:
    """The cell held by a live process: by another thread, since a lock says nothing to the thread that has it."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with running(store, job):
            held.set()
            release.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    try:
        yield
    finally:
        release.set()
        thread.join()


def kill(store: Store, job: CellJob, epochs: int) -> None:
    """What a killed process leaves: epochs, and the mark of a running cell without its lock."""
    write_epochs(store, job, epochs)
    store.write_json(f"{job.folder}/running.json", {"alive": "2026-01-02T03:04:05+00:00"})


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(400):
        try:
            if condition():
                return
        except (KeyError, AttributeError):  # the run, or the experiment, is not there yet
            pass
        threading.Event().wait(0.05)
    raise AssertionError("it did not happen within 20 s")
