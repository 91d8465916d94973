"""Prints the results of finished trainings of small codecs, and releases them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.console import err, out, table

if TYPE_CHECKING:
    from grid.codec_training.release import Release
    from grid.codec_training.training import TrainingJob
    from grid.core.record import Record
    from grid.core.store import Store


def print_results(store: Store, jobs: Sequence[TrainingJob]) -> None:
    """Prints steps, minutes and weights of finished trainings, and the table of their sample utterances."""
    from grid.codec_training.training import WEIGHTS
    from grid.core.record import read_record

    records: dict[str, Record] = {}
    for job in jobs:
        record = read_record(store, job.folder)
        if record is not None:
            records[job.name] = record
            minutes = record.results["seconds"] / 60
            out.print(f"{job.name}: {record.results['steps']} steps in {minutes:.1f} minutes", highlight=False)
            out.print(f"  {store.uri(job.folder)}/{WEIGHTS}", highlight=False, soft_wrap=True)
    distances: dict[str, dict[str, float]] = {
        name: record.results["last"]["log_spectral_distance"] for name, record in records.items()
    }
    samples = list(next(iter(distances.values()), {}))  # all are of one corpus
    if samples:
        shown = table("log-spectral distance, dB, of", *samples)
        for name, of_sample in distances.items():
            shown.add_row(name, *(f"{of_sample[sample]:.2f}" for sample in samples))
        out.print(shown)


def print_failures(store: Store, jobs: Sequence[TrainingJob], failed: dict[str, str]) -> None:
    """Prints the reason of each failure, and the file with the traceback."""
    from grid.core.record import FAILURE

    for job in jobs:
        if job.name in failed:
            trace = f"{job.folder}/{FAILURE}"
            where = f" {store.uri(trace)}" if store.exists(trace) else ""
            message = f"failed: {job.name}: {failed[job.name]}{where}"
            err.print(message, markup=False, highlight=False, soft_wrap=True)


def release_all(store: Store, jobs: Sequence[TrainingJob], folder: Path) -> None:
    """Writes weights and cards of finished trainings, and prints their figures and catalogue entries."""
    import torch

    from grid.codec_training.release import comparison_qualities, release
    from grid.corpus.imported import open_stored

    if not jobs:
        return
    torch.set_num_threads(jobs[0].threads)  # the card's real-time factor depends on it
    speech = open_stored(store, jobs[0].corpus)
    compared = comparison_qualities(speech)
    for job in jobs:
        _show(release(job.spec, speech, store, folder, compared))


def _show(result: Release) -> None:
    """Prints the card's figures and the catalogue entry."""
    shown = table("codec", "log-spectral distance, dB", "STOI", "lag", "real-time factor")
    for quality in result.qualities:
        numbers = (f"{quality.log_spectral_distance:.2f}", f"{quality.stoi:.3f}", f"{quality.lag:g}")
        shown.add_row(quality.codec, *numbers, f"{quality.real_time_factor:.3f}")
    out.print(shown)
    out.print(f"{result.card}\nfor grid/codecs/catalogue.yaml:", highlight=False, soft_wrap=True)
    out.print(result.entry_text, markup=False, highlight=False, soft_wrap=True)
