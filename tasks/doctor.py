"""`codecgrid doctor`: checks this machine, and what an experiment needs of it; a command for all that is missing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from grid.core.errors import RequestError
from tasks.console import AsJson, Root, out, print_json, single
from tasks.places import open_root

GIB = 2**30


@dataclass(frozen=True)
class Finding:
    """The result of one check; `mend` says how to correct it, and is empty when nothing is wrong."""

    what: str
    found: str
    mend: str = ""


def doctor(
    config: Annotated[
        str | None, typer.Argument(metavar="[CONFIG]", help="also what this experiment lacks, as a run would say it")
    ] = None,
    root: Root = None,
    as_json: AsJson = False,
) -> None:
    """Check Python, packages, disk, memory, GPU, codecs and the root; with CONFIG also all that a run of it needs."""
    needed = _experiment(config, root) if config is not None else []
    place = root or (_own_root(config) if config is not None else "results")
    checks: tuple[Callable[[], Finding], ...] = (
        _python,
        _packages,
        _gpu,
        _memory,
        lambda: _root(place),
        _token,
        _codecs,
    )
    findings = [*(check() for check in checks), *needed]
    if as_json:
        print_json([finding.__dict__ for finding in findings])
    else:
        for finding in findings:
            mark = "[yellow]![/]" if finding.mend else "[green]ok[/]"
            out.print(f"{mark:>2} {finding.what}: {escape(finding.found)}", highlight=False, soft_wrap=True)
            for line in finding.mend.splitlines():
                out.print(f"     {line}", markup=False, highlight=False, soft_wrap=True)


def _python() -> Finding:
    found = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    good = (3, 11) <= sys.version_info[:2] < (3, 14)
    return Finding("Python", found, "" if good else "install Python 3.11 to 3.13 and make the environment again: make")


def _packages() -> Finding:
    required = ("ray", "mlflow", "torch", "torchaudio", "transformers", "soundfile", "soxr", "pyworld")
    installed, missing = [], []
    for name in required:
        try:
            installed.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    mend = f"{', '.join(missing)} missing: run `make install`" if missing else ""
    return Finding("packages", ", ".join(installed), mend)


def _gpu() -> Finding:
    import torch

    if not torch.cuda.is_available():
        return Finding("GPU", f"none; everything runs on {os.cpu_count()} CPUs")
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return Finding("GPU", f"{', '.join(names)}; give cells a share with resources.gpus_per_cell")


def _memory() -> Finding:
    from grid.experiment.memory import this_machine

    total = this_machine().memory / GIB
    shared = shutil.disk_usage("/dev/shm").free / GIB if Path("/dev/shm").is_dir() else 0.0
    mend = "" if shared >= 0.25 else "start the container with --shm-size=1g: Ray keeps its object store there"
    return Finding("memory", f"{total:.0f} GiB, {shared:.1f} GiB shared", mend)


def _root(root: str) -> Finding:
    if "://" in root:
        try:
            open_root(root)
        except RequestError as error:
            return Finding("root", f"{root} cannot be used", str(error))
        return Finding("root", f"{root} answers")
    place = Path(root).absolute()
    try:
        open_root(root)
    except RequestError as error:
        return Finding("root", f"{place} cannot be used", str(error))
    nearest = next(folder for folder in (place, *place.parents) if folder.exists())
    free = shutil.disk_usage(nearest).free / GIB
    mend = "" if free >= 2 else "free some space: an hour of audio takes 115 MB for each codec"
    return Finding("root", f"{place}, {free:.0f} GiB free", mend)


def _token() -> Finding:
    from cluster.runtime.environment import token_path, uses_token

    if not uses_token():
        return Finding("Ray token", "off (RAY_AUTH_MODE)", "export RAY_AUTH_MODE=token")
    path = token_path()
    return Finding("Ray token", f"{path}" if path.exists() else f"will be made at {path}")


def _codecs() -> Finding:
    from grid.codecs.catalogue import load_catalogue, runnable

    catalogue = load_catalogue()
    able = [entry.name for entry in catalogue if not runnable(entry)]
    return Finding("codecs", f"{len(able)} of {len(catalogue)} run here; the others: codecgrid codecs NAME")


def _own_root(config: str) -> str:
    from grid.experiment.grid import load_experiment

    return load_experiment(config)[0].root


def _experiment(config: str, root: str | None) -> list[Finding]:
    """What a run of the experiment lacks: the preflight of `codecgrid plan`, `run` and `submit`."""
    from cluster.preflight import open_faults
    from grid.cells.status import listed_cells, planned_action
    from grid.experiment.grid import resolve
    from grid.experiment.work import Work
    from tasks.open_experiment import open_store

    experiment, store = open_store(config, root, writes=False)
    grid = resolve(config, store, without_data=True)
    listed = listed_cells(store, grid.cells)
    work = Work.left(grid, store, [job for job in grid.cells if planned_action(listed, job)[0] != "skip"])
    faults = open_faults(work, "local")
    lacking = [Finding(f"{experiment.name}, {fault.cause}", fault.what, fault.mend or fault.what) for fault in faults]
    return lacking or [Finding(experiment.name, "a run lacks nothing here")]


if __name__ == "__main__":
    single(doctor)
