"""The memory that a run takes at least: the weights of a codec or detector, once for each process that has them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grid.cells.gangs import gangs
from grid.core.weights import WeightFinder
from grid.experiment.preflight import GB, Fault
from grid.experiment.work import Work


@dataclass(frozen=True)
class Machine:
    """A machine that processes run on: what messages call it, its CPUs, and its memory in bytes."""

    name: str
    cpus: float
    memory: float


def this_machine() -> Machine:
    """The machine of this process, with all of its memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine("this machine", os.cpu_count() or 1, memory)


def memory_faults(work: Work, machine: Machine) -> Iterator[Fault]:
    """The faults of processes whose weights alone are more than the machine's memory, if all its CPUs are used.

    A lower bound, for the sizes of weights are known and the rest is not: batches, activations and optimisers come on
    top, and torch itself. What runs on GPUs is not checked, nor are weights whose size nobody has told yet.
    """
    resources, sizes = work.grid.experiment.resources, _weight_bytes(work)
    if not resources.gpus_per_cell:
        trials = gangs(work.cells, resources.cells_per_gang)
        need = [sizes.get(gang[0].detector, 0) for gang in trials]
        yield from _fault("trainings", "cpus_per_cell", resources.cpus_per_cell, need, machine)
    if not resources.gpus_per_codec_worker:
        most = resources.codec_workers or math.ceil(machine.cpus / resources.cpus_per_codec_worker)
        for codec in work.codecs:
            need = [sizes.get(codec, 0)] * most
            yield from _fault(
                f"workers of {codec}", "cpus_per_codec_worker", resources.cpus_per_codec_worker, need, machine
            )


def _fault(what: str, option: str, cpus: float, need: Sequence[int], machine: Machine) -> Iterator[Fault]:
    """The fault of processes of `cpus` each that `need` so many bytes, of which the largest run at the same time."""
    at_once = sorted(need, reverse=True)[: int(machine.cpus / cpus)]
    if sum(at_once) <= machine.memory:
        return
    fitting = int(machine.memory / at_once[0])
    yield Fault(
        "memory",
        f"{len(at_once)} {what} at once take {sum(at_once) / GB:.1f} GB for their weights alone, and {machine.name} "
        f"has {machine.memory / GB:.1f} GB",
        f"fewer at once: resources: {option}: {math.ceil(machine.cpus / fitting)}"
        if fitting
        else "a machine with more memory",
    )


def _weight_bytes(work: Work) -> dict[str, int]:
    """The bytes of the weights of each codec and detector, as far as they are known."""
    finder, sizes = WeightFinder(), dict[str, int]()
    for item in work.weights:
        located, stored = item.locate(finder), item.stored(work.store)
        size = located[1].stat().st_size if located is not None else stored.bytes if stored is not None else None
        for name in item.used_by:
            sizes[name] = sizes.get(name, 0) + (size or item.file.bytes or 0)
    return sizes
