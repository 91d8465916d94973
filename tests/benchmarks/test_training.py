"""Training on a CPU: what the allocator costs, and how long an epoch waits for its audio."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from grid.core.store import Store
from grid.inputs.batches import RenditionRow, UtteranceLoader
from grid.inputs.crop import crop_generator, fixed_length
from grid.resynthesis.rendition_audio import RenditionAudio
from grid.training.train import train
from tests.benchmarks import training_steps
from tests.benchmarks.comparison import Comparison, Contest
from tests.benchmarks.fresh_process import run
from tests.benchmarks.sample_grid import SAMPLE, sample_grid, write_files

RECIPE = {"epochs": 2, "batch_size": 8, "crop": {"samples": 48_000}}


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="keep_freed_memory is for glibc")
def test_aasist_l_with_freed_memory_kept(contest: Contest) -> None:
    kept = contest.once(lambda: run(training_steps.aasist_passes, True))
    plain = run(training_steps.aasist_passes, False)
    ours, theirs = kept.result["items_per_second"], plain.result["items_per_second"]
    what, other = "AASIST-L forward and backward, one thread", "the allocator as it is"
    contest.add(Comparison(what, "items/s", ours, other, theirs, more_is_better=True))
    contest.add(Comparison(what, "GB peak", kept.peak_gb, other, plain.peak_gb))
    assert min(ours, theirs) > 0


@dataclass
class Watch:
    """The seconds that a training's loop spent in its batches, and how many of them it waited for the next one."""

    waited: float = 0.0
    all: float = 0.0

    def over(self, batches: Iterator[Any]) -> Iterator[Any]:
        start = time.perf_counter()
        while True:
            before = time.perf_counter()
            batch = next(batches, None)
            self.waited += time.perf_counter() - before
            if batch is None:
                break
            yield batch
        self.all += time.perf_counter() - start


def read_in_turn(
    files: dict[str, list[Path]],
    samples: int,
    audio: UtteranceLoader,
    batches: Iterable[Sequence[RenditionRow]],
    epoch: int,
) -> Iterator[torch.Tensor]:
    """The alternative: FLAC files, decoded between two steps."""
    for batch in batches:
        waveforms = []
        for place in batch:
            name = audio.source(place.folder).ids[place.row]
            waveform = soundfile.read(files[place.folder][place.row], dtype="float32")[0]
            waveforms.append(fixed_length(waveform, samples, "random", crop_generator(0, epoch, name)))
        yield torch.from_numpy(np.stack(waveforms))


def test_epoch_waits_for_data(contest: Contest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = sample_grid(tmp_path, SAMPLE, ["opus-6kbps"], RECIPE)
    job = tiny.rendered().cells[0]
    folders = [*job.recordings, *job.attacks, *(cors.folder for cors in job.cors)]
    files = {
        folder: write_files(RenditionAudio(tiny.store, folder, "train"), tmp_path / str(number), ".flac")
        for number, folder in enumerate(folders)
    }
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    batches, ours, theirs = UtteranceLoader.batches, Watch(), Watch()

    def watched(audio: UtteranceLoader, wanted: Iterable[Sequence[RenditionRow]], epoch: int) -> Iterator[torch.Tensor]:
        return ours.over(batches(audio, wanted, epoch)) if audio.split == "train" else batches(audio, wanted, epoch)

    def in_turn(audio: UtteranceLoader, wanted: Iterable[Sequence[RenditionRow]], epoch: int) -> Iterator[torch.Tensor]:
        if audio.split != "train":
            return batches(audio, wanted, epoch)
        return theirs.over(read_in_turn(files, job.recipe.crop.samples, audio, wanted, epoch))

    # the loop's batches are watched where the loop takes them: no public function tells how long it waited
    monkeypatch.setattr(UtteranceLoader, "batches", watched)
    record = contest.once(lambda: train(tiny.store, job, device=torch.device("cpu")))
    monkeypatch.setattr(UtteranceLoader, "batches", in_turn)
    again = Store.open(tmp_path / "again")
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "audio").symlink_to(tmp_path / "results" / "audio")
    beside = train(again, job, device=torch.device("cpu"))
    torch.set_num_threads(threads)
    what, other = "LFCC-LCNN-small: share of an epoch spent waiting for audio", "FLAC files, read in turn"
    contest.add(Comparison(what, "%", 100 * ours.waited / ours.all, other, 100 * theirs.waited / theirs.all))
    assert record.outputs["weights.safetensors"] == beside.outputs["weights.safetensors"]
