"""`codecgrid codecs train`: trains members of the controlled family of small codecs, resumable."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tasks.console import CELLS_FAILED, err, single, stopped

if TYPE_CHECKING:
    from grid.codec_training.training import TrainingJob
    from grid.codecs.controlled.spec import CodecSpec
    from grid.core.store import Store
    from grid.corpus.imported import StoredCorpus
    from tasks.codecs.train_progress import ProgressRows

WITHOUT_RAY = "none"
"""The address for trainings in this process, without Ray."""
DEVICES = ("cpu", "cuda")


def train(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="files of configs/codecs")] = None,
    every: Annotated[bool, typer.Option("--all", help="all files of configs/codecs")] = False,
    corpus: Annotated[str, typer.Option(help="a protocol file, or the name of an imported corpus")] = "sample",
    reader: Annotated[str, typer.Option(help="how to read the protocol file")] = "csv",
    root: Annotated[str, typer.Option(help="where results live")] = "results",
    configs: Annotated[Path | None, typer.Option(help="a folder of member files instead of configs/codecs")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda; a trial takes a whole GPU")] = "cpu",
    release_to: Annotated[
        Path | None, typer.Option("--release", help="a weights folder that gets the weights and a card with quality")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="of torch for each; equal bits need equal threads")] = 1,
    address: Annotated[
        str, typer.Option(help="the Ray cluster for several: local, auto or HOST:PORT; none: one after another here")
    ] = "local",
) -> None:
    """Train small codecs on the train split of a corpus, several as Ray trials; run again to go on."""
    from grid.codec_training.training import training_jobs
    from grid.core.errors import unknown_name
    from tasks.codecs.release import print_failures, print_results, release_all
    from tasks.places import open_root, require_folder

    if device not in DEVICES:
        raise unknown_name("device", device, DEVICES)
    if release_to is not None:
        require_folder(release_to, "--release")
    specs = _members(names or [], every, configs)
    store = open_root(root)
    jobs = training_jobs(specs, store, _corpus(store, corpus, reader), device=device, threads=threads)
    try:
        failed = _train([job for job in jobs if not _finished(store, job)], address)
        print_results(store, jobs)
        if release_to is not None:
            release_all(store, [job for job in jobs if job.name not in failed], release_to)
    except KeyboardInterrupt as error:  # typer would end with 130 and no message
        stopped(error)
    print_failures(store, jobs, failed)
    if failed:
        sys.exit(CELLS_FAILED)


def _members(names: Sequence[str], every: bool, configs: Path | None) -> list[CodecSpec]:
    from grid.codecs.controlled.spec import load_spec, member_names
    from grid.core.errors import RequestError

    chosen = member_names(configs) if every else list(dict.fromkeys(names))
    if configs is not None and not member_names(configs):
        raise RequestError(f"--configs {configs}: no folder with a NAME.yaml for each codec")
    if not chosen:
        raise RequestError(f"name a small codec, or give --all. Choices: {', '.join(member_names(configs))}.")
    return [load_spec(name, configs) for name in chosen]


def _corpus(store: Store, corpus: str, reader: str) -> StoredCorpus:
    """The corpus of that name in the store, or the one that a protocol file describes, imported now."""
    from grid.config.experiment import NAME, CorpusSource
    from grid.core.errors import RequestError
    from grid.corpus.imported import SAMPLE, current_corpus, register_corpus

    path = Path(corpus)
    if corpus == SAMPLE:
        source = CorpusSource(name=SAMPLE, reader=reader, path=SAMPLE)
    elif path.exists():
        source = CorpusSource(name=path.resolve().parent.name.lower(), reader=reader, path=str(path.resolve()))
    elif not NAME.fullmatch(corpus):
        raise RequestError(f"--corpus {corpus}: there is no such file, and no corpus can have that name")
    else:
        source = CorpusSource(name=corpus)  # raises with the import command when it is not in the store
    return current_corpus(store, source, Path()) or register_corpus(store, source, Path())


def _finished(store: Store, job: TrainingJob) -> bool:
    from grid.core.record import read_record

    return read_record(store, job.folder) is not None


def _train(jobs: list[TrainingJob], address: str) -> dict[str, str]:
    """Trains one codec in this process and several as Ray trials; the reasons of failures, by name."""
    from tasks.codecs.train_progress import ProgressRows

    rows = ProgressRows(err, [job.name for job in jobs])
    if not jobs:
        return {}
    if address == WITHOUT_RAY or (len(jobs) == 1 and address == "local"):
        return _train_here(jobs, rows)
    from cluster.stages.codec_training import train_codecs

    threads = jobs[0].threads
    err.print(f"{len(jobs)} trainings as Ray trials, {threads} CPU{'s' * (threads > 1)} each", highlight=False)
    return train_codecs(jobs, address=address, report=rows)


def _train_here(jobs: list[TrainingJob], rows: ProgressRows) -> dict[str, str]:
    import torch

    from cluster.runtime.session import graceful_termination
    from grid.codec_training.training import run_job
    from grid.core.errors import RequestError

    if jobs[0].device == "cuda" and not torch.cuda.is_available():
        raise RequestError("--device cuda: torch finds no GPU on this machine; use --device cpu")
    with graceful_termination():
        reasons = {job.name: run_job(job, rows) for job in jobs}
    return {name: reason for name, reason in reasons.items() if reason}


if __name__ == "__main__":
    single(train)
