"""Trains one small codec: resumable every few steps, bit for bit as never interrupted on one CPU and thread count.

Speech.crops(seed, step) -> SmallCodec -> Reconstruction + commitment + Auxiliary -> AdamW -> running mean
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from grid.codecs.inspection import log_spectral_distance
from grid.corpus.audio import SAMPLE_RATE
from grid.corpus.importing import ImportedCorpus
from grid.errors import RequestError
from grid.identity import digest
from grid.randomness import seed_number
from grid.record import Record, check_identity, finish, read_record
from grid.small_codecs.auxiliary import build_auxiliary
from grid.small_codecs.losses import Reconstruction
from grid.small_codecs.network import SmallCodec, whole_frames
from grid.small_codecs.progress import STATE, Line, Parts, Progress, load_parts, save_parts
from grid.small_codecs.released import weights_bytes
from grid.small_codecs.spec import CodecSpec, Training
from grid.small_codecs.speech import Speech
from grid.store import Store
from grid.torch_stream import TorchStream

REVISIONS = {"none": 2, "semantic": 2, "disentangled": 3}
"""By auxiliary objective; raised by hand when this code gives other weights from the same specification and speech."""

WEIGHTS = "weights.safetensors"
HISTORY = "history.json"

SAMPLE_UTTERANCES = 4
SAMPLE_SECONDS = 3

Report = Callable[[CodecSpec, Line], None]


def identity(spec: CodecSpec, speech: Speech) -> dict[str, Any]:
    """Everything that can change the weights."""
    revision = REVISIONS[spec.auxiliary.kind]
    return {"spec": spec.model_dump(mode="json"), "speech": speech.digest, "split": speech.split, "revision": revision}


def training_folder(spec: CodecSpec, speech: Speech) -> str:
    """Where the training of a member on this speech lies in a store."""
    return f"small_codecs/{spec.name}-{digest(identity(spec, speech))}"


def train_codec(
    spec: CodecSpec, corpus: ImportedCorpus, out: Store, report: Report | None = None, *, device: str = "cpu"
) -> Record:
    """Trains `spec` on the train split of `corpus` to its end, from where it was left; a finished one is only read.

    The folder `training_folder(spec, Speech(corpus, "train"))` of `out` then holds weights.safetensors (half
    precision), history.json and, written last, record.json. `report` gets every line of the history as it is made.
    Equal specification, speech, machine and thread count give equal bytes on the CPU, interrupted or not; another
    thread count or a GPU adds in another order and gives other bits. Raises RequestError when there is nothing to
    train on, FloatingPointError when the loss is not finite.
    """
    speech = Speech(corpus, "train")
    folder, asked = training_folder(spec, speech), identity(spec, speech)
    done = read_record(out, folder)
    if done is not None:
        check_identity(out, folder, done, asked)
        return done
    run = Run(spec, speech, sample_utterances(corpus), torch.device(device))
    run.resume(out, folder)
    run.to_the_end(out, folder, report)
    return _finished(out, folder, asked, run)


class Run:
    """One training in progress."""

    def __init__(self, spec: CodecSpec, speech: Speech, samples: dict[str, np.ndarray], device: torch.device) -> None:
        self.spec, self.speech, self.samples, self.device = spec, speech, samples, device
        self.stream = TorchStream(device)
        self.stream.seed(seed_number("small codec weights", spec.seed))
        with self.stream:
            model = SmallCodec(spec.network)
            auxiliary = build_auxiliary(spec, model.quantiser.first_width, speech)
        self.model, self.auxiliary = model.to(device), auxiliary.to(device)
        self.distance = Reconstruction().to(device)
        self.learned = [*self.model.parameters(), *self.auxiliary.parameters()]
        recipe = spec.training
        self.parts = Parts(
            self.model,
            self.auxiliary,
            torch.optim.AdamW(
                self.learned, lr=recipe.learning_rate, betas=recipe.betas, weight_decay=recipe.weight_decay
            ),
            {name: value.detach().clone() for name, value in self.model.named_parameters()},
            torch.zeros(8, dtype=torch.float64),
            Progress(),
        )

    def resume(self, store: Store, folder: str) -> None:
        """Goes on from the state in `folder`, or prepares a new training."""
        if not load_parts(store, folder, self.parts):
            self.auxiliary.cpu()
            self.auxiliary.prepare(self.speech, self.spec.seed)
            self.auxiliary.to(self.device)

    def to_the_end(self, store: Store, folder: str, report: Report | None) -> None:
        """All steps that are left, with lines of history and saved states on the way."""
        recipe, progress = self.spec.training, self.parts.progress
        while progress.step < recipe.steps:
            start = time.monotonic()
            self.step()
            last = progress.step == recipe.steps
            line = self.line() if progress.step % recipe.report_every == 0 or last else None
            progress.seconds += time.monotonic() - start
            if line is not None:
                progress.history.append(line)
            if progress.step % recipe.save_every == 0 or last:
                save_parts(store, folder, self.parts)
            if line is not None and report is not None:
                report(self.spec, line)

    def step(self) -> None:
        """One step of the optimiser; what torch draws in it depends on (seed, step) alone."""
        recipe, progress = self.spec.training, self.parts.progress
        for group in self.parts.optimiser.param_groups:
            group["lr"] = learning_rate(recipe, progress.step)
        crops = self.speech.crops(self.spec.seed, progress.step, batch=recipe.batch, frames=recipe.frames)
        recorded = torch.from_numpy(crops.samples).to(self.device)
        speakers = torch.from_numpy(crops.speakers).to(self.device)
        self.stream.seed(seed_number("small codec step", self.spec.seed, progress.step))
        with self.stream:
            loss = self._loss(recorded, speakers)
        self.parts.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.learned, recipe.clip)
        self.parts.optimiser.step()
        self._average()
        progress.step += 1

    def _loss(self, recorded: torch.Tensor, speakers: torch.Tensor) -> torch.Tensor:
        weights = self.spec.training.loss
        coded = self.model(recorded)
        terms = self.distance(coded.samples, recorded)
        commitment = coded.quantised.commitment
        auxiliary = self.auxiliary(coded, recorded, speakers)
        loss = terms.weighted(weights) + weights.commitment * commitment + self.spec.auxiliary.weight * auxiliary
        parts = [loss, terms.waveform, terms.spectrum, terms.magnitude, terms.mel, commitment, auxiliary]
        values = torch.stack([value.detach().double() for value in parts]).cpu()
        if not math.isfinite(float(values[0])):
            raise FloatingPointError(
                f"small codec {self.spec.name}: loss {values[0]} in step {self.parts.progress.step}"
            )
        self.parts.sums += torch.cat([values, values.new_ones(1)])
        return loss

    @torch.no_grad()
    def _average(self) -> None:
        """The running mean of the weights; at first it follows faster, so that the random start is forgotten."""
        done = self.parts.progress.step
        share = 1 - min(self.spec.training.average, (1 + done) / (10 + done))
        for name, value in self.model.named_parameters():
            self.parts.average[name].lerp_(value, share)

    def line(self) -> Line:
        """The history's line for the steps since the last one."""
        progress = self.parts.progress
        *sums, count = self.parts.sums.tolist()
        self.parts.sums.zero_()
        loss, waveform, spectrum, magnitude, mel, commitment, auxiliary = (value / count for value in sums)
        return Line(
            step=progress.step,
            seconds=round(progress.seconds, 1),
            learning_rate=learning_rate(self.spec.training, progress.step - 1),
            loss=loss,
            waveform=waveform,
            spectrum=spectrum,
            magnitude=magnitude,
            mel=mel,
            commitment=commitment,
            auxiliary=auxiliary,
            log_spectral_distance=self._distances(),
        )

    def _distances(self) -> dict[str, float]:
        averaged = self.averaged()
        found = {}
        with torch.inference_mode():
            for utterance_id, samples in self.samples.items():
                recorded = torch.from_numpy(samples)[None].to(self.device)
                decoded = averaged(whole_frames(recorded)).samples[0, : len(samples)].cpu().numpy()
                found[utterance_id] = round(log_spectral_distance(samples, decoded), 3)
        return found

    def averaged(self) -> SmallCodec:
        """A codec with the running mean of the weights and the codebooks of now, in evaluation mode."""
        with torch.random.fork_rng(devices=[]):
            codec = SmallCodec(self.spec.network)
        codec.load_state_dict(self.model.state_dict() | self.parts.average)
        return codec.to(self.device).eval()


def learning_rate(recipe: Training, step: int) -> float:
    """The rate of optimiser step `step` (from 0): a linear rise, then half a cosine down to its floor."""
    rise = min(1.0, (step + 1) / recipe.warm_up) if recipe.warm_up else 1.0
    fall = 0.5 * (1 + math.cos(math.pi * step / recipe.steps))
    return recipe.learning_rate * rise * (recipe.floor + (1 - recipe.floor) * fall)


def sample_utterances(corpus: ImportedCorpus) -> dict[str, np.ndarray]:
    """The starts of a few dev recordings, each of another speaker, that show how a training comes along."""
    try:
        speech = Speech(corpus, "dev")
    except RequestError:
        return {}
    first: dict[str, int] = {}
    for number, recording in enumerate(speech.recordings):
        first.setdefault(recording.speaker or recording.utterance_id, number)
    chosen = list(first.values())[:SAMPLE_UTTERANCES]
    length = SAMPLE_SECONDS * SAMPLE_RATE
    return {speech.recordings[number].utterance_id: speech.waveform(number)[:length] for number in chosen}


def _finished(store: Store, folder: str, asked: dict[str, Any], run: Run) -> Record:
    progress = run.parts.progress
    store.write_bytes(f"{folder}/{WEIGHTS}", weights_bytes(run.averaged().cpu(), run.spec.network))
    lines = [vars(line) for line in progress.history]
    store.write_json(f"{folder}/{HISTORY}", {"lines": lines})
    results = {
        "steps": progress.step,
        "seconds": round(progress.seconds, 1),
        "device": str(run.device),
        "threads": torch.get_num_threads(),
        "recordings": len(run.speech),
        "speakers": len(run.speech.speakers),
        "speech_seconds": round(run.speech.seconds, 1),
        "sources": run.speech.sources,
        "parameters": run.model.parameters_count,
        "last": lines[-1],
    }
    record = finish(store, folder, kind="small codec", identity=asked, outputs=[WEIGHTS, HISTORY], results=results)
    store.remove(f"{folder}/{STATE}")
    return record
