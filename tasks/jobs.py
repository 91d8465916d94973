"""`codecgrid jobs` and `codecgrid stop`: the grids that were submitted to a cluster, and how to end one."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tasks.console import INTERRUPTED, AsJson, Dashboard, err, out, print_json, table

if TYPE_CHECKING:
    from datetime import datetime

JobName = Annotated[str, typer.Argument(metavar="JOB", help="the name of a job, or how it begins: the latest such one")]


def jobs(address: Dashboard = "http://127.0.0.1:8265", as_json: AsJson = False) -> None:
    """List the jobs of a cluster that `codecgrid submit` started, the latest first."""
    from dataclasses import asdict

    from cluster import jobs as server

    found = server.jobs(address)
    if as_json:
        print_json([asdict(job) | {"started": _iso(job.started), "ended": _iso(job.ended)} for job in found])
        return
    if not found:
        out.print(f"no job of codecgrid at {address}", highlight=False)
        return
    shown = table("job", "status", "started (UTC)", "minutes", "experiment")
    for job in found:
        started = f"{job.started:%Y-%m-%d %H:%M}" if job.started else ""
        shown.add_row(job.name, job.status, started, _minutes(job.started, job.ended), job.config)
    out.print(shown)


def stop(job: JobName, address: Dashboard = "http://127.0.0.1:8265") -> None:
    """Stop a submitted job: it saves first. Submitting the experiment again resumes it."""
    from cluster import jobs as server

    found = server.find(job, address=address)
    if found.is_over:
        out.print(f"{found.name} is over: {found.status}", highlight=False)
        return
    server.stop(found.name, address=address)
    out.print(f"{found.name} saves and stops. To resume: codecgrid submit {found.config}", highlight=False)


def follow_job(name: str, address: str) -> None:
    """Prints the log of a job until it ends. Ctrl-C leaves the job running and ends with 130, saying what next."""
    from cluster import jobs as server

    def show(piece: str) -> None:
        out.print(piece, end="", markup=False, highlight=False, soft_wrap=True)

    try:
        server.follow(name, show, address=address)
    except KeyboardInterrupt:
        where = f"{name} --address {shlex.quote(address)}"
        err.print(f"\n{name} goes on without this terminal", highlight=False, soft_wrap=True)
        err.print(f"follow it: codecgrid logs {where} --follow", highlight=False, soft_wrap=True)
        err.print(f"stop it:   codecgrid stop {where}", highlight=False, soft_wrap=True)
        sys.exit(INTERRUPTED)


def _iso(time: datetime | None) -> str | None:
    return time.isoformat(timespec="seconds") if time else None


def _minutes(started: datetime | None, ended: datetime | None) -> str:
    from datetime import UTC, datetime

    return f"{((ended or datetime.now(UTC)) - started).total_seconds() / 60:.0f}" if started else ""
