"""Trains one small codec to its end: a first stage and, where the recipe has one, a polishing stage on its weights."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from filelock import Timeout

from grid.codec_training.progress import STATE
from grid.codec_training.speech import TrainingSpeech
from grid.codec_training.stage import FirstStage, OnLine, PolishingStage, Stage, sample_utterances
from grid.codecs.controlled.network import load_codec, weights_bytes
from grid.codecs.controlled.spec import CodecSpec
from grid.core.identity import digest
from grid.core.record import FAILURE, Record, check_identity, check_outputs, finish, keep_failure, read_record, reason
from grid.core.store import Store
from grid.corpus.imported import StoredCorpus, open_stored
from grid.corpus.importing import ImportedCorpus

REVISIONS = {"none": 2, "semantic": 2, "disentangled": 3}
"""Of the first stage, by auxiliary objective; raised by hand when this code gives other weights from the same input."""
POLISH_REVISION = 1
WEIGHTS = "weights.safetensors"
HISTORY = "history.json"


def first_identity(spec: CodecSpec, speech: TrainingSpeech) -> dict[str, Any]:
    """Everything that can change the weights of the first stage."""
    asked = spec.model_dump(mode="json", exclude={"training": {"polish"}})
    revision = REVISIONS[spec.auxiliary.kind]
    return {"spec": asked, "speech": speech.digest, "split": speech.split, "revision": revision}


def polish_identity(spec: CodecSpec, speech: TrainingSpeech) -> dict[str, Any]:
    """Everything that can change the weights of the second."""
    assert spec.training.polish is not None
    polish = spec.training.polish.model_dump(mode="json")
    return {"first": first_identity(spec, speech), "polish": polish, "revision": POLISH_REVISION}


def first_folder(spec: CodecSpec, speech: TrainingSpeech) -> str:
    """Where the first stage of a member's training on this speech lies in a store."""
    return f"small_codecs/{spec.name}-{digest(first_identity(spec, speech))}"


def training_folder(spec: CodecSpec, speech: TrainingSpeech) -> str:
    """Where a member's training on this speech ends: of its second stage if it has one."""
    if spec.training.polish is None:
        return first_folder(spec, speech)
    return f"small_codecs/{spec.name}-polished-{digest(polish_identity(spec, speech))}"


def train_codec(
    spec: CodecSpec, corpus: ImportedCorpus, out: Store, report: OnLine | None = None, *, device: str = "cpu"
) -> Record:
    """Trains `spec` on the train split of `corpus` to its end, from where it was left; a finished one is only read.

    The folder `training_folder(spec, Speech(corpus, "train"))` of `out` then holds weights.safetensors (half
    precision), history.json and, written last, record.json. `report` gets every line of the history as it is made.
    Recipes that differ in polishing alone share one first stage. Equal specification, speech, machine and thread count
    give equal bytes on the CPU, interrupted or not; another thread count or a GPU adds in another order and gives
    other bits. Raises RequestError when there is nothing to train on, FloatingPointError when the loss is not finite.
    """
    training = _Trainer(spec, corpus, out, report, torch.device(device))
    return training.first() if spec.training.polish is None else training.polished()


class _Trainer:
    """Brings the stages of one member to their ends."""

    def __init__(
        self, spec: CodecSpec, corpus: ImportedCorpus, out: Store, report: OnLine | None, device: torch.device
    ) -> None:
        self.spec, self.corpus, self.out, self.report, self.device = spec, corpus, out, report, device
        self.speech = TrainingSpeech(corpus, "train")

    def first(self) -> Record:
        """The record of the first stage, made if it is not there."""
        folder, asked = first_folder(self.spec, self.speech), first_identity(self.spec, self.speech)
        done = self._done(folder, asked)
        if done is not None:
            return done
        stage = FirstStage(self.spec, self.speech, sample_utterances(self.corpus), self.device)
        return self._ended(stage, folder, asked)

    def polished(self) -> Record:
        """The record of the second stage, made if it is not there."""
        polish = self.spec.training.polish
        assert polish is not None
        folder, asked = training_folder(self.spec, self.speech), polish_identity(self.spec, self.speech)
        done = self._done(folder, asked)
        if done is not None:
            return done
        before, place = self.first(), first_folder(self.spec, self.speech)
        check_outputs(self.out, place, before)
        model, _ = load_codec(self.out.local(f"{place}/{WEIGHTS}"))
        samples = sample_utterances(self.corpus)
        stage = PolishingStage(self.spec, polish, self.speech, samples, self.device, model)
        return self._ended(stage, folder, asked, before)

    def _done(self, folder: str, asked: dict[str, Any]) -> Record | None:
        record = read_record(self.out, folder)
        if record is not None:
            check_identity(self.out, folder, record, asked)
        return record

    def _ended(self, stage: Stage, folder: str, asked: dict[str, Any], before: Record | None = None) -> Record:
        stage.resume(self.out, folder)
        stage.to_the_end(self.out, folder, self.report)
        self.out.write_bytes(f"{folder}/{WEIGHTS}", weights_bytes(stage.averaged().cpu(), self.spec.network))
        lines = [vars(line) for line in stage.parts.progress.history]
        self.out.write_json(f"{folder}/{HISTORY}", {"lines": lines})
        results = self._results(stage, before) | {"last": lines[-1]}
        outputs = [WEIGHTS, HISTORY]
        record = finish(self.out, folder, kind="small codec", identity=asked, outputs=outputs, results=results)
        self.out.remove(f"{folder}/{STATE}")
        return record

    def _results(self, stage: Stage, before: Record | None) -> dict[str, Any]:
        """Steps and seconds are of both stages, where there are two."""
        progress, speech = stage.parts.progress, self.speech
        return {
            "steps": stage.before + progress.step,
            "seconds": round(progress.seconds + (before.results["seconds"] if before else 0), 1),
            "device": str(self.device),
            "threads": torch.get_num_threads(),
            "recordings": len(speech),
            "speakers": len(speech.speakers),
            "speech_seconds": round(speech.seconds, 1),
            "sources": speech.sources,
            "parameters": stage.model.parameters_count,
        }


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
    speech = TrainingSpeech(open_stored(store, corpus), "train")
    return [TrainingJob(spec, training_folder(spec, speech), store.root, corpus, device, threads) for spec in specs]


def run_job(job: TrainingJob, report: OnLine | None = None) -> str:
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


def _train(job: TrainingJob, store: Store, report: OnLine | None) -> str:
    store.remove(f"{job.folder}/{FAILURE}")
    try:
        train_codec(job.spec, open_stored(store, job.corpus), store, report, device=job.device)
    except Exception as error:
        keep_failure(store, job.folder, error, traceback.format_exc())
        return reason(error)
    return ""
