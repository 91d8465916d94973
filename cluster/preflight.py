"""The one preflight of `plan`, `doctor`, `run` and `submit`, with what Ray and MLflow add; the refusal of a run."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from cluster.runtime.nodes import grows, worker_nodes
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
from grid.experiment.memory import Machine, memory_faults, this_machine
from grid.experiment.preflight import (
    Fault,
    PreflightError,
    corpus_faults,
    gpu_fault,
    licence_faults,
    lines_by_cause,
    preflight,
    undeclared_places,
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


def open_faults(work: Work, address: str) -> list[Fault]:
    """All that a run of `work` at `address` lacks, as far as this machine can tell; nothing is fetched or written."""
    here = [] if work.is_done else [*preflight(work), *_machine_faults(work, address)]
    return [*here, *tracking_fault(work.grid.experiment, work.store)]


def _machine_faults(work: Work, address: str) -> Iterator[Fault]:
    """What this machine is too small for; the machines of a cluster are looked at when they have come."""
    if is_on_a_cluster(address):
        return
    yield from memory_faults(work, this_machine())
    resources = work.grid.experiment.resources
    if not (resources.gpus_per_cell or resources.gpus_per_codec_worker):
        return
    import torch

    fault = gpu_fault(work.grid.experiment, torch.cuda.device_count())
    if fault is not None:
        yield fault


def check_before_importing(config: str | Path, experiment: Experiment, store: Store, address: str) -> None:
    """Raises PreflightError, before anything is read or written, for what no corpus is needed to see.

    Where a corpus is missing, which no option helps, all that is known of the other faults is told with it.
    """
    if any(is_missing(store, source, experiment.folder) for source in experiment.all_corpora()):
        grid = resolve(config, store, without_data=True)
        raise PreflightError(open_faults(Work.left(grid, store, grid.cells), address))
    if tracking := list(tracking_fault(experiment, store)):
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
    """Whether a job finds the files of a corpus that is not imported: with its code, on a bucket or a shared disk."""
    if source.in_place:
        return True
    if source.path is None:
        return False
    place = source_place(source, folder)
    return is_uri(place) or Path(place).is_relative_to(working_dir.resolve())


def check_and_prepare(work: Work, address: str, *, keep_going: bool = False) -> None:
    """Raises PreflightError for open faults; brings weights and environments to where workers find them.

    With `keep_going` the faults are a warning: what they concern fails later, and says so.
    """
    from grid.experiment.preparation import build_environments, find_weights, share_weights  # with torch, unlike a plan

    faults = open_faults(work, address)
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


def check_on_the_cluster(work: Work, *, keep_going: bool) -> None:
    """Raises PreflightError for what the machines of the running Ray session lack; waits until there is a worker."""
    faults = unreadable_on_a_worker(work.store, work.corpora_read)
    nodes = worker_nodes()
    if grows() or len(nodes) > 1:
        faults += undeclared_places(work)
    kinds = {(node["CPU"], node["memory"]): name for name, node in nodes.items()}  # one of machines that are alike
    for (cpus, memory), name in kinds.items():
        faults += memory_faults(work, Machine(f"the machine at {name}", cpus, memory))
    refuse(faults, keep_going=keep_going)


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
