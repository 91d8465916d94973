"""`codecgrid submit`: runs an experiment as a Ray job on a cluster. Submitting again resumes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from grid.core.errors import RequestError
from tasks.console import Config, Dashboard, err, out, single
from tasks.jobs import follow_job

TRACKING = "MLFLOW_TRACKING_URI"


def submit(
    config: Config,
    root: Annotated[str | None, typer.Option(help="absolute folder, s3:// or gs://  [default: the file's]")] = None,
    address: Dashboard = "http://127.0.0.1:8265",
    follow: Annotated[bool, typer.Option(help="show the job's log until it ends")] = True,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="submit in spite of open faults")] = False,
) -> None:
    """Submit an experiment to a Ray cluster. Ctrl-C leaves the job running.

    What the run would lack is said first; weights that only this machine has go into the root.
    """
    from cluster import jobs, submission
    from cluster.preflight import check_before_submitting
    from grid.experiment.grid import load_experiment
    from grid.experiment.plugin_packages import plugin_folders
    from tasks.places import open_root

    experiment, file = load_experiment(config)  # raises RequestError before anything is submitted
    store = open_root(root or experiment.root, writes=False)
    variables = _tracking_variable()
    jobs.connect(address)
    if store.is_local and not Path(store.root).is_dir():
        err.print(f"{store.root} is not on this machine: the job itself says what it lacks", highlight=False)
    else:
        check_before_submitting(config, store, submission.REPOSITORY, keep_going=keep_going)
    name = submission.submit(
        config,
        root=root or store.root,
        address=address,
        options=["--keep-going"] if keep_going else [],
        variables=variables,
        plugin_folders=plugin_folders(experiment.plugins, experiment.folder, file.where("plugins")),
    )
    out.print(f"submitted {name}", highlight=False)
    if not follow:
        return
    follow_job(name, address)
    job_status = jobs.status(name, address=address)
    if job_status != jobs.SUCCEEDED:
        raise RequestError(f"job {name} ended as {job_status}; submit it again to resume")
    out.print(f"{name}: {job_status}", highlight=False)


def _tracking_variable() -> dict[str, str]:
    """The address of MLflow for the job, where this environment has one; RequestError for one with a password."""
    address = os.environ.get(TRACKING, "")
    if urlsplit(address).password:
        raise RequestError(
            f"{TRACKING} holds a password, and whoever may see the dashboard reads a job's variables: set it on the "
            "cluster's machines instead, and unset it here"
        )
    return {TRACKING: address} if address else {}


if __name__ == "__main__":
    single(submit)
