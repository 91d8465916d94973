"""`codecgrid show`, `diff` and `logs`: what the results hold of a cell, by its id or the first characters of it.

`logs` takes the name of a submitted job too.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from grid.core.errors import RequestError
from tasks.console import AsJson, Dashboard, out, print_json

if TYPE_CHECKING:
    from typing import Any

    from grid.cells.job import CellJob
    from grid.cells.status import CellState
    from grid.core.store import Store
    from grid.metrics.evaluation import Measurement

CellId = Annotated[str, typer.Argument(metavar="CELL", help="the id of a cell, or its first characters")]
Root = Annotated[str, typer.Option("--root", help="where results live: a folder, s3:// or gs://")]


def show(cell: CellId, root: Root = "results", as_json: AsJson = False) -> None:
    """Show one cell: what it is, how far it is, and its EERs."""
    store, job, state = open_cell(cell, root)
    measured = _measured(store, job)
    if as_json:
        from dataclasses import asdict

        print_json(
            {
                "cell_id": job.cell_id,
                "status": state.status,
                "identity": job.identity,
                "epochs": list(state.epochs),
                "error": state.error,
                "measurements": [asdict(each) for each in measured],
            }
        )
        return
    rows = [
        ("experiment", job.experiment),
        ("codecs", ", ".join(job.codecs) or "none"),
        ("policy", job.policy),
        ("detector", f"{job.detector}, seed {job.seed}"),
        ("status", state.status),
        ("epochs", f"{len(state.epochs)} of {job.recipe.epochs}" if job.recipe.epochs else "none: published weights"),
        ("scored", f"{len(job.tested)} renditions" if state.status == "done" else ""),
        ("error", f"{state.error}: codecgrid logs {job.cell_id}" if state.error else ""),
        ("folder", store.uri(job.folder)),
    ]
    out.print(job.cell_id, markup=False, highlight=False)
    for name, text in rows:
        if text:
            out.print(f"  {name:11}{text}", markup=False, highlight=False, soft_wrap=True)
    _print_eers({"EER %": measured})


def diff(first: CellId, second: CellId, root: Root = "results", as_json: AsJson = False) -> None:
    """Compare two cells: each field of their identities that differs, and their EERs side by side."""
    from grid.core.identity import difference

    store, one, _ = open_cell(first, root)
    _, other, _ = open_cell(second, root)
    lines = difference(one.identity, other.identity)
    if as_json:
        print_json({"cells": [one.cell_id, other.cell_id], "differences": lines})
        return
    out.print(f"{one.cell_id} -> {other.cell_id}", highlight=False)
    for line in lines or ["the same cell"]:
        out.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    _print_eers({each.cell_id: _measured(store, each) for each in (one, other)})


def logs(
    name: Annotated[str, typer.Argument(metavar="CELL|JOB", help="a cell's id or a job's name, or its beginning")],
    root: Root = "results",
    address: Dashboard = "http://127.0.0.1:8265",
    follow: Annotated[bool, typer.Option("--follow", help="of a job: until it ends")] = False,
) -> None:
    """Print why a cell failed, with its traceback and epochs; or the log of a submitted job (grid-...)."""
    from cluster.jobs import JOB_PREFIX

    if name.startswith(JOB_PREFIX):
        _print_job_log(name, address, follow=follow)
    elif follow:
        raise RequestError(f"--follow is for a job, whose name begins with {JOB_PREFIX}, and {name!r} is a cell")
    else:
        _print_failure(name, root)


def _print_job_log(name: str, address: str, *, follow: bool) -> None:
    from cluster import jobs
    from tasks.jobs import follow_job

    job = jobs.find(name, address=address)
    if follow and not job.is_over:
        follow_job(job.name, address)
        return
    out.print(jobs.log(job.name, address=address), end="", markup=False, highlight=False, soft_wrap=True)
    out.print(f"{job.name}: {job.status}", highlight=False)


def _print_failure(cell: str, root: str) -> None:
    from grid.core.record import FAILURE

    store, job, state = open_cell(cell, root)
    for epoch in state.epochs:
        figures = f"loss {epoch['train_loss']:.4f}, dev EER {100 * epoch['dev_eer']:.2f} %"
        out.print(f"epoch {epoch['epoch'] + 1}: {figures}, {epoch['seconds']:.0f} s", highlight=False)
    if state.status != "failed":
        out.print(f"{job.cell_id}: {state.status}, and no failure is recorded", highlight=False)
        return
    why = store.read_json(f"{job.folder}/{FAILURE}")
    out.print(f"failed at {why['time']} ({state.kind}): {why['error']}", markup=False, highlight=False, soft_wrap=True)
    out.print(why["trace"], markup=False, highlight=False, soft_wrap=True)


def open_cell(cell: str, root: str) -> tuple[Store, CellJob, CellState]:
    """The store, and the job and state of the only cell whose id begins with `cell`; RequestError for none or more."""
    from grid.cells.job import read_job
    from grid.cells.status import cell_state
    from tasks.places import open_root

    store = open_root(root, writes=False)
    every_id = store.names("cells")
    found = [each for each in every_id if each.startswith(cell)]
    if not found:
        raise RequestError(
            f"no cell {cell!r} among the {len(every_id)} of {store.root}; "
            f"see their ids: codecgrid plan CONFIG --root {shlex.quote(store.root)}"
        )
    if len(found) > 1:
        raise RequestError(f"cell {cell!r} may be any of {len(found)}: {', '.join(found[:8])}; give more characters")
    job = read_job(store, found[0])
    return store, job, cell_state(store, job)


def _measured(store: Store, job: CellJob) -> list[Measurement]:
    """The pooled measurements of a cell under the evaluations of the experiment that last ran it; [] without any."""
    from grid.cells.measurements import stored_measurements
    from grid.core.vocabulary import POOLED
    from grid.experiment.frozen import read_experiment

    measured = stored_measurements(store, job, read_experiment(store, job.experiment)) or []
    return [each for each in measured if each.condition == POOLED]


def _print_eers(measured: dict[str, list[Measurement]]) -> None:
    """A row for each evaluation, with its EER and interval in percent, a column for each name."""
    from tasks.console import table

    evaluations = list(dict.fromkeys(each.evaluation for found in measured.values() for each in found))
    if not evaluations:
        out.print("  not measured yet")
        return
    drawn = table("evaluation", *measured)
    for name in evaluations:
        cells: list[Any] = [name]
        for found in measured.values():
            one = next((each for each in found if each.evaluation == name), None)
            cells.append(_interval(one) if one is not None else "")
        drawn.add_row(*cells)
    out.print(drawn)


def _interval(one: Measurement) -> str:
    return f"{100 * one.eer:.2f} [{100 * one.eer_lower:.2f}, {100 * one.eer_upper:.2f}]"
