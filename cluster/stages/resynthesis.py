"""Renders missing renditions with Ray Data: one actor pool for each codec or attack, one item for each shard."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from filelock import Timeout

from cluster.runtime.glibc_memory import keep_freed_memory
from cluster.runtime.nodes import answering_nodes, end_pool_workers, grows, own_node
from cluster.runtime.quiet import quiet_data
from cluster.runtime.worker_python import WORKER_RETRIES, worker_options
from cluster.stages.events import RenderProgress
from grid.config.resources import Resources
from grid.core.errors import RequestError, one_line
from grid.core.record import read_record
from grid.core.store import Store
from grid.core.weights import take_weights_from
from grid.corpus.imported import StoredCorpus
from grid.resynthesis.plan import RenderJob, plan_render, shards_to_do
from grid.resynthesis.processor import build_processor
from grid.resynthesis.render import Processor, ShardRenderer, finish_render
from grid.resynthesis.rendition import Rendition

log = logging.getLogger(__name__)

LOCK = "lock"
"""The file in the folder of a rendition that the run which renders it holds."""
HELD_POLL = 2.0
"""Seconds between two looks at a rendition that another run holds."""


@dataclass(frozen=True)
class RenditionWork:
    """A rendition with its render job and the numbers of the missing shards."""

    rendition: Rendition
    job: RenderJob
    shards: list[int]


def render_all(
    store: Store,
    renditions: tuple[Rendition, ...],
    corpora: dict[str, StoredCorpus],
    *,
    resources: Resources,
    max_failed_share: float,
    progress: Callable[[RenderProgress], None],
) -> dict[str, str]:
    """Renders every unfinished rendition, parents first; returns the errors of those that failed, by folder.

    A rendition whose parent failed fails too; the others are rendered all the same. One that another run renders at
    this moment is left to it, and rendered here only if that run ends without it.
    """
    errors: dict[str, str] = {}
    by_depth = sorted(renditions, key=_depth)
    for _, generation in groupby(by_depth, key=_depth):
        waiting = [r for r in generation if read_record(store, r.folder) is None]
        told: set[str] = set()
        while waiting:
            held: list[Rendition] = []
            for _, same_link in groupby(sorted(waiting, key=_link), key=_link):
                with ExitStack() as locks:
                    taken, others = _divided(store, list(same_link), locks)
                    _render_link(store, taken, corpora, resources, max_failed_share, progress, errors)
                held += others
            waiting = [r for r in held if read_record(store, r.folder) is None]
            _tell_once(waiting, told)
            time.sleep(HELD_POLL if waiting else 0)
    return errors


def _divided(store: Store, renditions: list[Rendition], locks: ExitStack) -> tuple[list[Rendition], list[Rendition]]:
    """The unfinished renditions that this run holds until the end of `locks`, and those that another run holds."""
    held = []
    for rendition in renditions:
        try:
            locks.enter_context(store.lock(f"{rendition.folder}/{LOCK}", timeout=0))
        except Timeout:
            held.append(rendition)
    taken = [r for r in renditions if r not in held and read_record(store, r.folder) is None]
    return taken, held


def _tell_once(held: list[Rendition], told: set[str]) -> None:
    for folder in sorted({rendition.folder for rendition in held} - told):
        log.warning("%s is rendered by another run; this one waits for it", folder)
        told.add(folder)


def _render_link(
    store: Store,
    renditions: list[Rendition],
    corpora: dict[str, StoredCorpus],
    resources: Resources,
    max_failed_share: float,
    progress: Callable[[RenderProgress], None],
    errors: dict[str, str],
) -> None:
    """Renders renditions that share their last link; `errors` gets those that failed."""
    work = list(_planned(store, renditions, corpora, errors))
    _run_pool(store, work, resources, progress, errors)
    for item in work:
        if item.rendition.folder not in errors:
            _finish(store, item, max_failed_share, errors)


def _depth(rendition: Rendition) -> int:
    chain = rendition.chain
    return 3 if chain.control else 2 if chain.codec else 1 if chain.attack else 0


def _link(rendition: Rendition) -> str:
    """The last link of the chain: renditions that share it share a pool."""
    return rendition.chain.last


def _planned(
    store: Store, renditions: list[Rendition], corpora: dict[str, StoredCorpus], errors: dict[str, str]
) -> Iterator[RenditionWork]:
    for rendition in renditions:
        parent = rendition.parent
        if parent is not None and parent.folder in errors:
            errors[rendition.folder] = f"its parent failed: {errors[parent.folder]}"
            continue
        try:
            job = plan_render(store, rendition, corpora[rendition.corpus.name])
        except RequestError as error:
            errors[rendition.folder] = str(error)
            continue
        yield RenditionWork(rendition, job, shards_to_do(store, job))


class ShardWorker:
    """The Ray Data callable: holds one codec, renders shards into the store and returns one row of counts for each."""

    def __init__(self, jobs: list[RenderJob], device: str) -> None:
        keep_freed_memory()
        take_weights_from(jobs[0].root)
        self.jobs, self.device = jobs, device
        self.processors: dict[tuple[str, ...], Processor | None] = {}
        self.renderers: dict[int, ShardRenderer] = {}

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        rows = [self._rendered(int(job), int(shard)) for job, shard in zip(batch["job"], batch["shard"], strict=True)]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def _rendered(self, job: int, shard: int) -> dict[str, Any]:
        row: dict[str, Any] = {"job": job, "shard": shard, "utterances": 0, "failed": 0, "seconds": 0.0, "error": ""}
        try:
            result = self._renderer(job).render(shard)
        except Exception as error:  # an exception here would end the pools of all codecs
            log.error("shard %d of %s failed: %s", shard, self.jobs[job].folder, traceback.format_exc())
            return {**row, "error": one_line(error)}
        return {**row, "utterances": result.utterances, "failed": result.failed, "seconds": result.seconds}

    def _renderer(self, number: int) -> ShardRenderer:
        """The renderer of a job; jobs that apply the same link share one codec, and jobs that only copy have none."""
        if number not in self.renderers:
            job = self.jobs[number]
            if job.last_link not in self.processors:
                self.processors[job.last_link] = build_processor(*job.last_link, job.seed, self.device)
            self.renderers[number] = ShardRenderer(job, self.processors[job.last_link])
        return self.renderers[number]


def _run_pool(
    store: Store,
    work: list[RenditionWork],
    resources: Resources,
    progress: Callable[[RenderProgress], None],
    errors: dict[str, str],
) -> None:
    """Renders the shards of one codec; `errors` gets the renditions whose shards are missing after all retries.

    An isolated codec that ends its worker's process is driven over the bridge from then on, where only the utterance at
    which its process ended is lost. After a lost node, which is not the codec's fault, the pool is tried once more.
    Raises RayError when the driver's own node is lost.
    """
    from ray.exceptions import RayError

    attempts = worker_options(work[0].job.codec if work else "")
    while attempts and any(item.shards for item in work):
        options = attempts.pop(0)
        nodes = answering_nodes()
        try:
            _make_shards(work, resources, progress, errors, options)
            return
        except RayError as error:
            link, nodes_left = _link(work[0].rendition), answering_nodes()
            if own_node() not in nodes_left:
                raise
            log.warning("a worker of %s died (%s)", link, type(error).__name__)
            last_error = one_line(error, kind=False, first=True)
            work = [replace(item, shards=shards_to_do(store, item.job)) for item in work]
            if nodes - nodes_left:
                log.warning("a node was lost; the shards of %s that are missing are tried once more", link)
                attempts.append(options)
        finally:
            end_pool_workers()
    for item in work:
        if item.shards:
            errors.setdefault(
                item.rendition.folder,
                f"its worker process ended {WORKER_RETRIES + 1} times without a result; the last error: {last_error}",
            )


def _make_shards(
    work: list[RenditionWork],
    resources: Resources,
    progress: Callable[[RenderProgress], None],
    errors: dict[str, str],
    options: dict[str, Any],
) -> None:
    items = [{"job": number, "shard": shard} for number, item in enumerate(work) for shard in item.shards]
    link = _link(work[0].rendition)
    start, done, seconds, failed = time.monotonic(), 0, 0.0, 0
    progress(RenderProgress(link, 0, len(items), 0.0, 0.0, 0))
    for row in _dataset(items, [item.job for item in work], resources, options).iter_rows():
        done, seconds, failed = done + 1, seconds + row["seconds"], failed + row["failed"]
        if row["error"]:
            errors.setdefault(work[row["job"]].rendition.folder, f"shard {row['shard']}: {row['error']}")
        progress(RenderProgress(link, done, len(items), seconds, time.monotonic() - start, failed))


def _dataset(items: list[dict[str, int]], jobs: list[RenderJob], resources: Resources, options: dict[str, Any]) -> Any:
    import ray

    quiet_data()
    gpus = resources.gpus_per_codec_worker if any(job.applied and not job.control for job in jobs) else 0
    cpus = ray.cluster_resources().get("CPU", 1)
    most = min(len(items), max(1, int(cpus / resources.cpus_per_codec_worker)))
    if resources.codec_workers is not None:
        # on a cluster that grows, the machines that are there now say nothing, and a pool of GPU workers asks for no
        # more of them by itself (ray-project/ray#59144): so all are asked for at once
        most = min(len(items) if grows() else most, resources.codec_workers)
    least = most if resources.codec_workers is not None and grows() else 1
    dataset = ray.data.from_items(items, override_num_blocks=len(items))
    return dataset.map_batches(
        ShardWorker,
        fn_constructor_args=(jobs, "cuda" if gpus else "cpu"),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=least, max_size=most, max_tasks_in_flight_per_actor=2),
        num_cpus=resources.cpus_per_codec_worker,
        num_gpus=gpus or None,
        **({"accelerator_type": resources.accelerator} if gpus and resources.accelerator else {}),
        **options,
    )


def _finish(store: Store, item: RenditionWork, max_failed_share: float, errors: dict[str, str]) -> None:
    try:
        finish_render(store, item.rendition, item.job, max_failed_share)
    except (RequestError, OSError) as error:
        errors[item.rendition.folder] = str(error)
