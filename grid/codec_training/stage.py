"""The two stages of a small codec's training, resumable with bit-equal results on one CPU.

crops(seed, step) -> loss -> AdamW -> running mean of the weights -> a line of history, a saved state
"""

from __future__ import annotations

import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from grid.codec_training.auxiliary import AuxiliaryObjective, NoObjective, build_auxiliary
from grid.codec_training.losses import Moments, Reconstruction
from grid.codec_training.progress import HistoryLine, Losses, Parts, StageProgress, load_parts, save_parts
from grid.codec_training.speech import TrainingSpeech
from grid.codecs.controlled.network import SmallCodec, whole_frames
from grid.codecs.controlled.spec import CodecSpec, Polish, StageSchedule
from grid.codecs.fidelity import log_spectral_distance
from grid.core.errors import RequestError
from grid.core.randomness import seed_number
from grid.core.saved_state import DamagedStateError
from grid.core.store import Store
from grid.core.torch_stream import TorchStream
from grid.core.vocabulary import SAMPLE_RATE
from grid.corpus.importing import ImportedCorpus

log = logging.getLogger(__name__)

SAMPLE_UTTERANCES = 4
SAMPLE_SECONDS = 3
OnHistoryLine = Callable[[CodecSpec, HistoryLine], None]


class Stage(ABC):
    """A stage in progress: `learned` are the parameters of `model` and `auxiliary` that it trains.

    `before` counts the steps of earlier stages: the crops and draws of a step are a function of the member's seed and
    of its number among all steps.
    """

    def __init__(
        self,
        spec: CodecSpec,
        schedule: StageSchedule,
        speech: TrainingSpeech,
        samples: dict[str, np.ndarray],
        device: torch.device,
        *,
        model: SmallCodec,
        auxiliary: nn.Module,
        before: int,
    ) -> None:
        self.spec, self.schedule, self.speech, self.samples = spec, schedule, speech, samples
        self.device, self.before = device, before
        self.stream = TorchStream(device)
        self.model, self.auxiliary = model.to(device), auxiliary.to(device)
        self.distance = Reconstruction().to(device)
        trained = {name: value for name, value in self.model.named_parameters() if value.requires_grad}
        self.learned = [*trained.values(), *self.auxiliary.parameters()]
        self.parts = Parts(
            self.model,
            self.auxiliary,
            torch.optim.AdamW(
                self.learned, lr=schedule.learning_rate, betas=schedule.betas, weight_decay=schedule.weight_decay
            ),
            {name: value.detach().clone() for name, value in trained.items()},
            torch.zeros(len(Losses.NAMES) + 1, dtype=torch.float64),
            StageProgress(),
        )

    @abstractmethod
    def losses(self, recorded: torch.Tensor, speakers: torch.Tensor) -> Losses:
        """The losses of crops `(batch, 160 * frames)` of speakers `(batch,)`; all scalars."""

    @abstractmethod
    def prepare(self) -> None:
        """Fits what the first step needs from the speech."""

    def resume(self, store: Store, folder: str) -> None:
        """Loads the state in `folder`, or prepares a new start where it is absent or damaged."""
        try:
            if load_parts(store, folder, self.parts):
                return
        except DamagedStateError as error:
            warning = f"{error}; its steps were lost, and the stage was trained again from its first one"
            log.warning("small codec %s: %s", self.spec.name, warning)
            self.parts.progress.warnings.append(warning)
        self.prepare()

    def train_to_end(self, store: Store, folder: str, report: OnHistoryLine | None) -> None:
        """Runs the remaining steps, and writes lines of history and saved states at the intervals of the schedule."""
        schedule, progress = self.schedule, self.parts.progress
        while progress.step < schedule.steps:
            start = time.monotonic()
            self.step()
            last = progress.step == schedule.steps
            line = self.history_line() if progress.step % schedule.report_every == 0 or last else None
            progress.seconds += time.monotonic() - start
            if line is not None:
                progress.history.append(line)
            if progress.step % schedule.save_every == 0 or last:
                save_parts(store, folder, self.parts)
            if line is not None and report is not None:
                report(self.spec, line)

    def step(self) -> None:
        """One step of the optimiser; torch's draws in it depend on (seed, step) alone."""
        schedule, progress = self.schedule, self.parts.progress
        for group in self.parts.optimiser.param_groups:
            group["lr"] = learning_rate(schedule, progress.step)
        number = self.before + progress.step
        crops = self.speech.crops(self.spec.seed, number, batch=schedule.batch, frames=schedule.frames)
        recorded = torch.from_numpy(crops.samples).to(self.device)
        speakers = torch.from_numpy(crops.speakers).to(self.device)
        self.stream.seed(seed_number("small codec step", self.spec.seed, number))
        with self.stream:
            loss = self._counted(self.losses(recorded, speakers))
        self.parts.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.learned, schedule.clip)
        self.parts.optimiser.step()
        self._average()
        progress.step += 1

    def _counted(self, losses: Losses) -> torch.Tensor:
        values = losses.values().cpu()
        if not math.isfinite(float(values[0])):
            step = self.before + self.parts.progress.step
            raise FloatingPointError(f"small codec {self.spec.name}: loss {values[0]} in step {step}")
        self.parts.sums += torch.cat([values, values.new_ones(1)])
        return losses.loss

    @torch.no_grad()
    def _average(self) -> None:
        """Updates the running mean of the weights; it follows faster at first, to drop the initial weights."""
        step = self.parts.progress.step
        share = 1 - min(self.schedule.average, (1 + step) / (10 + step))
        weights = dict(self.model.named_parameters())
        for name, value in self.parts.average.items():
            value.lerp_(weights[name], share)

    def history_line(self) -> HistoryLine:
        """The line of history for the steps since the last one."""
        progress = self.parts.progress
        *sums, count = self.parts.sums.tolist()
        self.parts.sums.zero_()
        return HistoryLine(
            step=self.before + progress.step,
            seconds=round(progress.seconds, 1),
            learning_rate=learning_rate(self.schedule, progress.step - 1),
            log_spectral_distance=self._distances(),
            **{name: value / count for name, value in zip(Losses.NAMES, sums, strict=True)},
        )

    def _distances(self) -> dict[str, float]:
        averaged = self.averaged()
        distances = {}
        with torch.inference_mode():
            for utterance_id, samples in self.samples.items():
                recorded = torch.from_numpy(samples)[None].to(self.device)
                decoded = averaged(whole_frames(recorded)).samples[0, : len(samples)].cpu().numpy()
                distances[utterance_id] = round(log_spectral_distance(samples, decoded), 3)
        return distances

    def averaged(self) -> SmallCodec:
        """A codec with the running mean of the weights and the current codebooks, in evaluation mode."""
        with torch.random.fork_rng(devices=[]):
            codec = SmallCodec(self.spec.network)
        codec.load_state_dict(self.model.state_dict() | self.parts.average)
        return codec.to(self.device).eval()


def learning_rate(schedule: StageSchedule, step: int) -> float:
    """The rate of optimiser step `step` (from 0): a linear rise, then half a cosine down to its floor."""
    rise = min(1.0, (step + 1) / schedule.warm_up) if schedule.warm_up else 1.0
    fall = 0.5 * (1 + math.cos(math.pi * step / schedule.steps))
    return schedule.learning_rate * rise * (schedule.floor + (1 - schedule.floor) * fall)


def sample_utterances(corpus: ImportedCorpus) -> dict[str, np.ndarray]:
    """The first seconds of a few dev recordings of different speakers, to follow the progress; by utterance id."""
    try:
        speech = TrainingSpeech(corpus, "dev")
    except RequestError:
        return {}
    first_of_speaker: dict[str, int] = {}
    for number, recording in enumerate(speech.recordings):
        first_of_speaker.setdefault(recording.speaker or recording.utterance_id, number)
    chosen: Sequence[int] = list(first_of_speaker.values())[:SAMPLE_UTTERANCES]
    length = SAMPLE_SECONDS * SAMPLE_RATE
    return {speech.recordings[number].utterance_id: speech.waveform(number)[:length] for number in chosen}


class FirstStage(Stage):
    """Trains the whole codec: reconstruction, commitment and auxiliary losses."""

    auxiliary: AuxiliaryObjective

    def __init__(
        self, spec: CodecSpec, speech: TrainingSpeech, samples: dict[str, np.ndarray], device: torch.device
    ) -> None:
        initial = TorchStream(device)
        initial.seed(seed_number("small codec weights", spec.seed))
        with initial:
            model = SmallCodec(spec.network)
            auxiliary = build_auxiliary(spec, model.quantiser.first_width, speech)
        super().__init__(spec, spec.training, speech, samples, device, model=model, auxiliary=auxiliary, before=0)

    def prepare(self) -> None:
        """Fits the units of a semantic objective."""
        self.auxiliary.cpu()
        self.auxiliary.prepare(self.speech, self.spec.seed)
        self.auxiliary.to(self.device)

    def losses(self, recorded: torch.Tensor, speakers: torch.Tensor) -> Losses:
        """Reconstruction, commitment and auxiliary objective."""
        weights = self.schedule.loss
        coded = self.model(recorded)
        terms = self.distance(coded.samples, recorded)
        commitment = coded.quantised.commitment
        auxiliary = self.auxiliary(coded, recorded, speakers)
        loss = terms.weighted(weights) + weights.commitment * commitment + self.spec.auxiliary.weight * auxiliary
        nothing = loss.new_zeros(())
        return Losses(loss, terms, commitment=commitment, auxiliary=auxiliary, moments=nothing)


class PolishingStage(Stage):
    """Trains the decoder on fixed codes: reconstruction and moments. `model` is the result of the first stage."""

    schedule: Polish

    def __init__(
        self,
        spec: CodecSpec,
        polish: Polish,
        speech: TrainingSpeech,
        samples: dict[str, np.ndarray],
        device: torch.device,
        model: SmallCodec,
    ) -> None:
        model.requires_grad_(False).eval()
        for part in decoding_parts(model):
            part.requires_grad_(True)
        before = spec.training.steps
        super().__init__(spec, polish, speech, samples, device, model=model, auxiliary=NoObjective(), before=before)
        self.moments = Moments().to(device)

    def prepare(self) -> None:
        """Nothing to fit."""

    def losses(self, recorded: torch.Tensor, speakers: torch.Tensor) -> Losses:
        """Reconstruction and moments."""
        with torch.no_grad():
            codes, utterance = self.model.encode(recorded)
        decoded = self.model.decode(codes, utterance)
        terms = self.distance(decoded, recorded)
        moments = self.moments(decoded, recorded)
        nothing = moments.new_zeros(())
        loss = terms.weighted(self.schedule.loss) + self.schedule.moments * moments
        return Losses(loss, terms, commitment=nothing, auxiliary=nothing, moments=moments)


def decoding_parts(model: SmallCodec) -> list[nn.Module]:
    """The modules that decode the codes."""
    parts: list[nn.Module] = [model.widen, model.decoder, model.head]
    return parts if model.utterance is None else [*parts, model.utterance.modulation]
