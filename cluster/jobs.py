"""The jobs of a Ray cluster through its dashboard: lists, follows and stops them; says why a cluster is not reached."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cluster.runtime import environment
from cluster.runtime.quiet import quiet_submission
from grid.core.errors import MissingRequirementError, RequestError, one_line, unknown_name

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

logger = logging.getLogger(__name__)

DASHBOARD = "http://127.0.0.1:8265"
JOB_PREFIX = "grid-"
"""How the name of every job begins that `cluster.submission` submits; no cell's id begins so."""
SUCCEEDED = "SUCCEEDED"
ENDED = (SUCCEEDED, "FAILED", "STOPPED")


@dataclass(frozen=True)
class Job:
    """A submitted grid: its status (PENDING, RUNNING or one of ENDED), its experiment file and root, and its times."""

    name: str
    status: str
    config: str
    root: str
    started: datetime | None
    ended: datetime | None
    message: str

    @property
    def is_over(self) -> bool:
        return self.status in ENDED


def jobs(address: str = DASHBOARD) -> list[Job]:
    """The grids that were submitted to the cluster, the latest first; jobs of others are left out."""
    client = connect(address)
    with explained(address):
        found = [_job(each) for each in client.list_jobs() if (each.submission_id or "").startswith(JOB_PREFIX)]
    return sorted(found, key=lambda job: job.started or datetime.max.replace(tzinfo=UTC), reverse=True)


def find(name: str, *, address: str = DASHBOARD) -> Job:
    """The latest job whose name begins with `name`: with the name of an experiment, its last attempt.

    RequestError when there is none.
    """
    every_job = jobs(address)
    for job in every_job:
        if job.name.startswith(name):
            return job
    raise unknown_name("job", name, [job.name for job in every_job], command=f"codecgrid jobs --address {address}")


def log(name: str, *, address: str = DASHBOARD) -> str:
    """What the job has written so far."""
    client = connect(address)
    with explained(address):
        return str(client.get_job_logs(name))


def follow(name: str, show: Callable[[str], None], *, address: str = DASHBOARD) -> None:
    """Gives the job's log to `show` as it is written, in pieces of one or more lines, until the job ends.

    Ctrl-C raises KeyboardInterrupt; the job goes on.
    """
    client = connect(address)

    async def tail() -> None:
        async with aclosing(client.tail_job_logs(name)) as pieces:
            async for piece in pieces:
                show(piece)

    with explained(address):
        asyncio.run(tail())


def status(name: str, *, address: str = DASHBOARD) -> str:
    """PENDING, RUNNING or one of ENDED."""
    client = connect(address)
    with explained(address):
        return str(client.get_job_status(name).value)


def stop(name: str, *, address: str = DASHBOARD) -> None:
    """Asks the job to stop; its driver has the head's RAY_JOB_STOP_WAIT_TIME_S to save before it is killed."""
    client = connect(address)
    with explained(address):
        client.stop_job(name)


def connect(address: str = DASHBOARD) -> JobSubmissionClient:
    """A client of the job server at `address`, with the token; RequestError says how to correct the address."""
    url = urlsplit(address)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise RequestError(
            f"--address {address}: a job is handed to the dashboard, for example {DASHBOARD}. Bring a cluster's there "
            "with: ray dashboard cluster/aws.yaml (AWS, GCP), kubectl port-forward svc/NAME-head-svc 8265 (KubeRay)"
        )
    environment.prepare(loopback=False)
    headers = _headers(url.scheme, url.hostname)
    try:
        from ray.job_submission import JobSubmissionClient
    except ImportError as error:
        raise MissingRequirementError(f"{error}. Install: uv pip install -r requirements.lock") from error
    quiet_submission()
    with explained(address), _only_this_address():
        return JobSubmissionClient(address, headers=headers)


def _job(details: Any) -> Job:
    """A job as Ray's `JobDetails` describes it; its times are in milliseconds since 1970."""
    about = details.metadata or {}
    times = (details.start_time, details.end_time)
    started, ended = (datetime.fromtimestamp(time / 1000, UTC) if time else None for time in times)
    return Job(
        name=str(details.submission_id),
        status=str(details.status.value),
        config=about.get("config", ""),
        root=about.get("root", ""),
        started=started,
        ended=ended,
        message=details.message or "",
    )


def _headers(scheme: str, host: str) -> dict[str, str]:
    """The token as a header, read anew each time: Ray's own client reads the token and its mode once in a process."""
    if not environment.uses_token():
        return {}
    if scheme == "http" and host not in {"127.0.0.1", "localhost", "::1"}:
        logger.warning("the token goes to %s unencrypted; a tunnel to 127.0.0.1 would hide it", host)
    environment.protect_token()
    return {"Authorization": f"Bearer {environment.token()}"}


@contextmanager
def _only_this_address() -> Iterator[None]:
    """Hides RAY_ADDRESS and RAY_API_SERVER_ADDRESS, which Ray's client prefers to its argument."""
    hidden = {name: os.environ.pop(name, None) for name in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS")}
    try:
        yield
    finally:
        os.environ.update({name: value for name, value in hidden.items() if value is not None})


@contextmanager
def explained(address: str) -> Iterator[None]:
    """Raises Ray's errors as RequestError, each with a command that corrects it."""
    from ray.exceptions import AuthenticationError

    try:
        yield
    except AuthenticationError as error:
        raise RequestError(
            f"{address} refuses this machine's token ({environment.token_path()}): "
            f"{one_line(error, kind=False, first=True)}. "
            "Use the head's: export RAY_AUTH_MODE=token RAY_AUTH_TOKEN=..., or copy the file. On KubeRay: "
            "kubectl get secret CLUSTER --template={{.data.auth_token}} | base64 -d"
        ) from error
    except OSError as error:
        raise RequestError(
            f"no Ray dashboard answers at {address}. Is the head up, and the tunnel? Here: cluster/local.sh; "
            "AWS or GCP: ray dashboard cluster/aws.yaml; KubeRay: kubectl port-forward svc/NAME-head-svc 8265"
        ) from error
    except RuntimeError as error:
        if "ray[default]" in str(error):
            raise MissingRequirementError(f"{error} Install: uv pip install -r requirements.lock") from error
        raise RequestError(f"{address} did not take the request: {error}") from error
