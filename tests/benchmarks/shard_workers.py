"""Processes that make shards side by side as the actors of a pool do: each has one core, one codec, one renderer."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import numpy as np

from cluster.runtime.glibc_memory import keep_freed_memory
from grid.resynthesis.plan import RenderJob
from grid.resynthesis.processor import CodecLink
from grid.resynthesis.render import ShardRenderer
from tests.benchmarks.random_codecs import build_random

RENDERER: list[ShardRenderer] = []
"""The one of this process."""


@dataclass(frozen=True)
class Workers:
    """A pool whose processes have their codec already, which is not timed."""

    pool: ProcessPoolExecutor
    job: RenderJob

    def render(self) -> None:
        """Makes every shard of the job, the longest first as `shards_to_do` has them."""
        order = sorted(range(len(self.job.shards)), key=lambda i: -self.job.shard_samples[i])
        list(self.pool.map(_render, order))


@contextmanager
def shard_workers(job: RenderJob, processes: int) -> Iterator[Workers]:
    """`processes` of them, started and ready."""
    context = multiprocessing.get_context("spawn")
    ready: Any = context.Barrier(processes + 1)
    with ProcessPoolExecutor(processes, context, initializer=_start, initargs=(job, ready)) as pool:
        for _ in range(processes):
            pool.submit(int)
        ready.wait()
        yield Workers(pool, job)


def _start(job: RenderJob, ready: Barrier) -> None:
    import torch

    keep_freed_memory()  # as ShardWorker does
    torch.set_num_threads(1)  # as Ray has it for an actor of one CPU
    codec = build_random(job.codec)
    codec.resynthesise(np.zeros((1, 1_600), dtype=np.float32), ["warm"])  # weights and libraries load at first use
    RENDERER.append(ShardRenderer(job, CodecLink(codec, job.seed)))
    ready.wait()


def _render(shard: int) -> None:
    RENDERER[0].render(shard)
