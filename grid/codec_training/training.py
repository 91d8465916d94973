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
from grid.codec_training.stage import FirstStage, OnHistoryLine, PolishingStage, Stage, sample_utterances
from grid.codecs.controlled.network import load_codec, weights_bytes
from grid.codecs.controlled.spec import CodecSpec
from grid.core.errors import one_line
from grid.core.identity import digest
from grid.core.record import FAILURE, Record, check_identity, check_outputs, finish, keep_failure, read_record
from grid.core.store import Store
from grid.corpus.imported import StoredCorpus, open_stored
from grid.corpus.importing import ImportedCorpus

REVISIONS = {"none": 2, "semantic": 2, "disentangled": 3}
"""Of the first stage, by auxiliary objective; increased by hand when the same input gives other weights."""
POLISH_REVISION = 1
WEIGHTS = "weights.safetensors"
HISTORY = "history.json"
LOCK = "lock"
PATIENCE = 30.0
"""Seconds to wait for a process that holds the training: one that was just killed may not have ended yet."""


def first_identity(spec: CodecSpec, speech: TrainingSpeech) -> dict[str, Any]:
    """Everything that can change the weights of the first stage."""
    fields = spec.model_dump(mode="json", exclude={"training": {"polish"}})
    revision = REVISIONS[spec.auxiliary.kind]
    return {"spec": fields, "speech": speech.digest, "split": speech.split, "revision": revision}


def polish_identity(spec: CodecSpec, speech: TrainingSpeech) -> dict[str, Any]:
    """Everything that can change the weights of the polishing stage."""
    assert spec.training.polish is not None
    polish = spec.training.polish.model_dump(mode="json")
    return {"first": first_identity(spec, speech), "polish": polish, "revision": POLISH_REVISION}


def first_folder(spec: CodecSpec, speech: TrainingSpeech) -> str:
    """The folder, in a store, of the first stage of a member's training on this speech."""
    return f"small_codecs/{spec.name}-{digest(first_identity(spec, speech))}"


def training_folder(spec: CodecSpec, speech: TrainingSpeech) -> str:
    """The folder of the last stage of a member's training on this speech."""
    if spec.training.polish is None:
        return first_folder(spec, speech)
    return f"small_codecs/{spec.name}-polished-{digest(polish_identity(spec, speech))}"


def train_codec(
    spec: CodecSpec, corpus: ImportedCorpus, out: Store, report: OnHistoryLine | None = None, *, device: str = "cpu"
) -> Record:
    """Trains `spec` on the train split of `corpus` to its end from its saved state; a finished training is read.

    The folder `training_folder(spec, TrainingSpeech(corpus, "train"))` of `out` then holds weights.safetensors (half
    precision), history.json and, written last, record.json. `report` gets every line of the history as it is made.
    Recipes that differ in polishing alone share one first stage. Equal specification, speech, machine and thread count
    give equal bytes on the CPU, interrupted or not; another thread count or a GPU sums in another order and gives
    other bits. Raises RequestError when there is nothing to train on, FloatingPointError when the loss is not finite.
    """
    training = _Trainer(spec, corpus, out, report, torch.device(device))
    return training.first() if spec.training.polish is None else training.polished()


class _Trainer:
    """Trains the stages of one member to their ends."""

    def __init__(
        self, spec: CodecSpec, corpus: ImportedCorpus, out: Store, report: OnHistoryLine | None, device: torch.device
    ) -> None:
        self.spec, self.corpus, self.out, self.report, self.device = spec, corpus, out, report, device
        self.speech = TrainingSpeech(corpus, "train")

    def first(self) -> Record:
        """The record of the first stage, which is trained if it is not finished."""
        folder, identity = first_folder(self.spec, self.speech), first_identity(self.spec, self.speech)
        record = self._finished(folder, identity)
        if record is not None:
            return record
        stage = FirstStage(self.spec, self.speech, sample_utterances(self.corpus), self.device)
        return self._trained(stage, folder, identity)

    def polished(self) -> Record:
        """The record of the polishing stage, which is trained, after the first one, if it is not finished."""
        polish = self.spec.training.polish
        assert polish is not None
        folder, identity = training_folder(self.spec, self.speech), polish_identity(self.spec, self.speech)
        record = self._finished(folder, identity)
        if record is not None:
            return record
        first, source = self.first(), first_folder(self.spec, self.speech)
        check_outputs(self.out, source, first)
        model, _ = load_codec(self.out.local(f"{source}/{WEIGHTS}"))
        samples = sample_utterances(self.corpus)
        stage = PolishingStage(self.spec, polish, self.speech, samples, self.device, model)
        return self._trained(stage, folder, identity, first)

    def _finished(self, folder: str, identity: dict[str, Any]) -> Record | None:
        record = read_record(self.out, folder)
        if record is not None:
            check_identity(self.out, folder, record, identity)
        return record

    def _trained(self, stage: Stage, folder: str, identity: dict[str, Any], first: Record | None = None) -> Record:
        stage.resume(self.out, folder)
        stage.train_to_end(self.out, folder, self.report)
        self.out.write_bytes(f"{folder}/{WEIGHTS}", weights_bytes(stage.averaged().cpu(), self.spec.network))
        lines = [vars(line) for line in stage.parts.progress.history]
        self.out.write_json(f"{folder}/{HISTORY}", {"lines": lines})
        results = self._results(stage, first) | {"last": lines[-1]}
        outputs = [WEIGHTS, HISTORY]
        record = finish(self.out, folder, kind="small codec", identity=identity, outputs=outputs, results=results)
        self.out.remove(f"{folder}/{STATE}")
        return record

    def _results(self, stage: Stage, first: Record | None) -> dict[str, Any]:
        """The results of the record; steps and seconds are sums over both stages, where there are two."""
        progress, speech = stage.parts.progress, self.speech
        return {
            "steps": stage.before + progress.step,
            "seconds": round(progress.seconds + (first.results["seconds"] if first else 0), 1),
            "device": str(self.device),
            "threads": torch.get_num_threads(),
            "recordings": len(speech),
            "speakers": len(speech.speakers),
            "speech_seconds": round(speech.seconds, 1),
            "sources": speech.sources,
            "parameters": stage.model.parameters_count,
            "warnings": [*(first.results.get("warnings", []) if first else []), *progress.warnings],
        }


@dataclass(frozen=True)
class TrainingJob:
    """One training, with all that a worker process needs for it: small and picklable."""

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


def run_job(job: TrainingJob, report: OnHistoryLine | None = None) -> str:
    """Trains from the saved state, in this process; returns the reason of a failure in one line, "" for success.

    The traceback of a failure is in failure.json of the job's folder. It is recorded, not raised: raising would end the
    other trainings of a command, and make a scheduler try again what fails again. Sets torch's thread count.
    """
    torch.set_num_threads(job.threads)
    store = Store.open(job.root)
    try:
        with store.lock(f"{job.folder}/{LOCK}", timeout=PATIENCE):
            return _train(job, store, report)
    except Timeout:
        return f"another process is training it in {store.uri(job.folder)}; wait for its end"


def _train(job: TrainingJob, store: Store, report: OnHistoryLine | None) -> str:
    store.remove(f"{job.folder}/{FAILURE}")
    try:
        train_codec(job.spec, open_stored(store, job.corpus), store, report, device=job.device)
    except Exception as error:
        keep_failure(store, job.folder, error, traceback.format_exc())
        return one_line(error, first=True)
    return ""
