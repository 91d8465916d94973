"""The training of one member as a job that any process can bring to its end; what goes wrong is kept and said."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from filelock import Timeout

from grid.corpora import StoredCorpus, open_stored
from grid.failure import FAILURE, keep_failure, reason
from grid.small_codecs.spec import CodecSpec
from grid.small_codecs.speech import Speech
from grid.small_codecs.stage import Report
from grid.small_codecs.training import train_codec, training_folder
from grid.store import Store

LOCK = "lock"
PATIENCE = 30.0
"""Seconds to wait for a process that has the training: one that was just killed may still be on its way out."""


@dataclass(frozen=True)
class TrainingJob:
    """One training, and all that a worker needs for it: small and picklable."""

    spec: CodecSpec
    folder: str
    root: str
    corpus: StoredCorpus
    device: str
    threads: int

    @property
    def name(self) -> str:
        """The member's name."""
        return self.spec.name


def training_jobs(
    specs: Sequence[CodecSpec], store: Store, corpus: StoredCorpus, *, device: str, threads: int
) -> list[TrainingJob]:
    """The trainings of `specs` on the train split of `corpus`; RequestError when it holds no recordings."""
    speech = Speech(open_stored(store, corpus), "train")
    return [TrainingJob(spec, training_folder(spec, speech), store.root, corpus, device, threads) for spec in specs]


def run_job(job: TrainingJob, report: Report | None = None) -> str:
    """Trains from where it was left, in this process; the reason in one line when that failed, "" when it did not.

    The whole trace of a failure is in failure.json of the job's folder. It is kept, not raised: raising would end the
    other trainings of a command, and make a scheduler try again what fails again. Sets torch's thread count.
    """
    torch.set_num_threads(job.threads)
    store = Store.open(job.root)
    try:
        with store.lock(f"{job.folder}/{LOCK}", timeout=PATIENCE):
            return _train(job, store, report)
    except Timeout:
        return f"another process is training it in {store.uri(job.folder)}; wait for its end"


def _train(job: TrainingJob, store: Store, report: Report | None) -> str:
    store.remove(f"{job.folder}/{FAILURE}")
    try:
        train_codec(job.spec, open_stored(store, job.corpus), store, report, device=job.device)
    except Exception as error:
        keep_failure(store, job.folder, error, traceback.format_exc())
        return reason(error)
    return ""
