"""`codecgrid submit`: runs an experiment as a Ray job on a cluster. Submitting again resumes."""

from __future__ import annotations

from typing import Annotated

import typer

from grid.core.errors import RequestError
from tasks.console import Config, out, single


def submit(
    config: Config,
    root: Annotated[str | None, typer.Option(help="absolute folder, s3:// or gs://  [default: the file's]")] = None,
    address: Annotated[str, typer.Option(help="the dashboard of the head")] = "http://127.0.0.1:8265",
    follow: Annotated[bool, typer.Option(help="show the job's log until it ends")] = True,
) -> None:
    """Submit an experiment to a Ray cluster."""
    from cluster import submission
    from grid.core.store import Store
    from grid.experiment.grid import load_experiment

    experiment, _ = load_experiment(config)  # raises RequestError before anything is submitted
    name = submission.submit(config, root=root or Store.open(experiment.root).root, address=address)
    out.print(f"submitted {name}", highlight=False)
    if not follow:
        return
    for piece in submission.follow(name, address=address):
        out.print(piece, end="", markup=False, highlight=False, soft_wrap=True)
    job_status = submission.status(name, address=address)
    if job_status != "SUCCEEDED":
        raise RequestError(f"job {name} ended as {job_status}; submit it again to resume")
    out.print(f"{name}: {job_status}", highlight=False)


if __name__ == "__main__":
    single(submit)
