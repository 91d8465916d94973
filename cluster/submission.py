"""Submits an experiment to a cluster as a Ray job, follows its log, and explains why a cluster cannot be reached."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cluster.runtime import environment
from grid.config.yaml_file import load_yaml
from grid.core.errors import MissingRequirementError, RequestError, one_line
from grid.core.identity import digest

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

logger = logging.getLogger(__name__)

REPOSITORY = Path(__file__).resolve().parents[1]
DASHBOARD = "http://127.0.0.1:8265"
ENTRYPOINT = ("python", "-m", "tasks.run")
# Patterns as in .gitignore. A job needs the code and the configs; the corpora are under the root.
EXCLUDED = ("/.git/", "/.venv/", "/results/", "/tests/", "/build/", "__pycache__/", ".*_cache/", "mlruns/", "*.db")
NAME_LENGTH = 32


@dataclass(frozen=True)
class EntrypointResources:
    """The resources that the driver reserves. All zero: it runs on the head, not on a spot machine that can be lost."""

    cpus: float = 0
    gpus: float = 0
    memory_bytes: int = 0


ON_THE_HEAD = EntrypointResources()


def submit(
    config: str | Path,
    *,
    root: str,
    address: str = DASHBOARD,
    working_dir: str | Path = REPOSITORY,
    entrypoint: Sequence[str] = ENTRYPOINT,
    resources: EntrypointResources = ON_THE_HEAD,
    variables: Mapping[str, str] | None = None,
) -> str:
    """Submits a job that runs `config`, or resumes it, on the cluster at `address`; returns the submission id.

    The job is `entrypoint CONFIG --address auto --root ROOT` in a copy of `working_dir`, so `config` must lie in it.
    `variables` go to the driver and its workers, and anyone who may see the dashboard reads them: put no secrets there.
    Raises RequestError when the config is outside `working_dir` or the cluster cannot be reached.
    """
    folder = Path(working_dir).resolve()
    relative = _inside(Path(config), folder)
    if "://" not in root and not root.startswith("/"):
        raise RequestError(f"--root {root}: a job runs in a folder of its own; give an absolute path, s3:// or gs://")
    command = shlex.join([*entrypoint, relative.as_posix(), "--address", "auto", "--root", root])
    client = connect(address)
    with _explained(address):
        name = _next_id(client, identifier(folder / relative, root))
        return str(
            client.submit_job(
                entrypoint=command,
                submission_id=name,
                runtime_env={
                    "working_dir": str(folder),
                    "excludes": list(EXCLUDED),
                    "env_vars": environment.for_workers((variables or {}).items()),
                },
                metadata={"config": relative.as_posix(), "root": root},
                entrypoint_num_cpus=resources.cpus or None,
                entrypoint_num_gpus=resources.gpus or None,
                entrypoint_memory=resources.memory_bytes or None,
            )
        )


def follow(submission_id: str, *, address: str = DASHBOARD) -> Iterator[str]:
    """The job's log as it is written, in pieces of one or more lines, until the job ends."""
    client = connect(address)
    loop = asyncio.new_event_loop()
    pieces = client.tail_job_logs(submission_id)
    try:
        with _explained(address):
            while True:
                try:
                    yield loop.run_until_complete(anext(pieces))
                except StopAsyncIteration:
                    return
    finally:
        loop.run_until_complete(pieces.aclose())
        loop.close()


def status(submission_id: str, *, address: str = DASHBOARD) -> str:
    """One of PENDING, RUNNING, STOPPED, SUCCEEDED, FAILED."""
    client = connect(address)
    with _explained(address):
        return str(client.get_job_status(submission_id).value)


def stop(submission_id: str, *, address: str = DASHBOARD) -> None:
    """Stops the job; the driver has the head's RAY_JOB_STOP_WAIT_TIME_S to save before it is killed."""
    client = connect(address)
    with _explained(address):
        client.stop_job(submission_id)


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
    with _explained(address), _only_this_address():
        return JobSubmissionClient(address, headers=headers)


def identifier(config: Path, root: str) -> str:
    """`grid-<name>-<digest8>`: the experiment's name and a digest of its content and root."""
    content = load_yaml(config)
    name = content.get("name") if isinstance(content, dict) else None
    slug = re.sub(r"[^a-z0-9]+", "-", str(name or config.stem).lower()).strip("-")[:NAME_LENGTH]
    return f"grid-{slug}-{digest([repr(content), root], length=8)}"


def _inside(config: Path, folder: Path) -> Path:
    """The path of `config` relative to `folder`; RequestError when it does not exist or lies outside."""
    path = config if config.is_absolute() else Path.cwd() / config
    if not path.is_file():
        path = folder / config
    if not path.is_file():
        raise RequestError(f"no config at {config}. See: ls {folder / 'configs'}")
    try:
        return path.resolve().relative_to(folder)
    except ValueError as error:
        raise RequestError(
            f"{config} lies outside {folder}, which is all that the job gets. Move it there: cp {config} configs/"
        ) from error


def _next_id(client: JobSubmissionClient, base: str) -> str:
    """`base` with the next attempt number: a cluster never accepts a submission id again."""
    attempts = [
        int(attempt)
        for job in client.list_jobs()
        if (job.submission_id or "").startswith(f"{base}-")
        and (attempt := job.submission_id.removeprefix(f"{base}-")).isdigit()
    ]
    return f"{base}-{max(attempts, default=0) + 1}"


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
def _explained(address: str) -> Iterator[None]:
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
