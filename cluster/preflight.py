"""The checks of a run that Ray and MLflow take part in, and the refusal of a run with open faults."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from cluster.runtime.session import inside_job
from cluster.tracking.client import check_tracking
from grid.cells.status import listed_cells, planned_action
from grid.config.experiment import CorpusSource, Experiment
from grid.core.errors import RequestError
from grid.core.store import Store
from grid.corpus.imported import StoredCorpus, is_missing, source_place, stored_corpus
from grid.corpus.location import is_uri
from grid.corpus.recordings import unreadable
from grid.experiment.grid import resolve
from grid.experiment.preflight import (
    Fault,
    PreflightError,
    corpus_faults,
    gpu_fault,
    licence_faults,
    lines_by_cause,
    preflight,
    unreadable_corpus,
)
from grid.experiment.work import Work

log = logging.getLogger(__name__)

KEEP_GOING = "--keep-going runs what they do not concern"


def is_on_a_cluster(address: str) -> bool:
    """Whether the workers may be on other machines than this process."""
    return address != "local" or inside_job()


def tracking_fault(experiment: Experiment, store: Store) -> Iterator[Fault]:
    """The fault of an MLflow that is not configured or does not answer."""
    try:
        check_tracking(experiment, store)
    except RequestError as error:
        yield Fault("MLflow", str(error), "")


def gpu_faults(experiment: Experiment, address: str) -> Iterator[Fault]:
    """The fault of GPUs that are asked for and not there; those of a cluster are known when its machines have come."""
    resources = experiment.resources
    if is_on_a_cluster(address) or not (resources.gpus_per_cell or resources.gpus_per_codec_worker):
        return
    import torch

    fault = gpu_fault(experiment, torch.cuda.device_count())
    if fault is not None:
        yield fault


def check_before_importing(config: str | Path, experiment: Experiment, store: Store, address: str) -> None:
    """Raises PreflightError, before anything is read or written, for what no corpus is needed to see.

    Where a corpus is missing, which no option helps, all that is known of the other faults is told with it.
    """
    tracking = list(tracking_fault(experiment, store))
    if any(is_missing(store, source, experiment.folder) for source in experiment.all_corpora()):
        grid = resolve(config, store, without_data=True)
        work = Work.left(grid, store, grid.cells)
        raise PreflightError([*preflight(work), *gpu_faults(experiment, address), *tracking])
    if tracking:
        raise PreflightError(tracking)


def check_before_submitting(config: str | Path, store: Store, working_dir: Path, *, keep_going: bool = False) -> None:
    """Raises PreflightError for what a job will lack that gets `working_dir` and the store; puts weights into it.

    What depends on the cluster's machines, its software, GPUs, disks and what they can read, is checked by the job.
    """
    from grid.experiment.preparation import share_weights

    grid = resolve(config, store, without_data=True)
    listed = listed_cells(store, grid.cells)
    left_behind = [
        source
        for source in grid.experiment.all_corpora()
        if stored_corpus(store, source.name) is None and not _travels(source, grid.experiment.folder, working_dir)
    ]
    work = Work.left(grid, store, [job for job in grid.cells if planned_action(listed, job)[0] != "skip"])
    faults = [*corpus_faults(left_behind, grid.experiment, store), *licence_faults(work)]
    if keep_going or not faults:
        faults += share_weights(work)
    refuse(faults, keep_going=keep_going)


def _travels(source: CorpusSource, folder: Path, working_dir: Path) -> bool:
    """Whether the files of a corpus that is not imported come with the code of a job."""
    if source.path is None:
        return False
    place = source_place(source, folder)
    return is_uri(place) or Path(place).is_relative_to(working_dir.resolve())


def check_and_prepare(work: Work, address: str, *, keep_going: bool = False) -> None:
    """Raises PreflightError for open faults; brings weights and environments to where workers find them.

    With `keep_going` the faults are a warning: what they concern fails later, and says so.
    """
    from grid.experiment.preparation import build_environments, find_weights, share_weights  # with torch, unlike a plan

    faults = [*preflight(work), *gpu_faults(work.grid.experiment, address)]
    if keep_going or not faults:  # nothing is fetched for a run that is refused
        weights = share_weights if is_on_a_cluster(address) or not work.store.is_local else find_weights
        faults = list(dict.fromkeys([*faults, *weights(work), *build_environments(work)]))
    refuse(faults, keep_going=keep_going)


def refuse(faults: Sequence[Fault], *, keep_going: bool) -> None:
    """Raises PreflightError for open faults, or with `keep_going` warns of them."""
    if faults and not keep_going:
        raise PreflightError(faults, KEEP_GOING)
    if faults:
        log.warning("going on in spite of\n%s", "\n".join(lines_by_cause(faults)))


def unreadable_on_a_worker(store: Store, corpora: Sequence[StoredCorpus]) -> list[Fault]:
    """The faults of corpora that a worker of the running Ray session cannot read; waits until there is a worker."""
    import ray

    @ray.remote(num_cpus=1)
    def reasons(store: Store, corpora: Sequence[StoredCorpus]) -> list[str]:
        return [unreadable(store, corpus.folder, corpus.audio_root) for corpus in corpora]

    found = ray.get(reasons.remote(store, corpora)) if corpora else []
    return [
        unreadable_corpus(corpus.facts.name, corpus.audio_root, reason, store, where="a worker")
        for corpus, reason in zip(corpora, found, strict=True)
        if reason
    ]
