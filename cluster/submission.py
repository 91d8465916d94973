"""Submits an experiment to a cluster as a Ray job; `cluster.jobs` follows and stops it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.jobs import DASHBOARD, JOB_PREFIX, connect, explained
from cluster.runtime import environment
from cluster.runtime.plugin_environment import plugin_environment
from grid.config.yaml_file import load_yaml
from grid.core.errors import RequestError
from grid.core.identity import digest

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

REPOSITORY = Path(__file__).resolve().parents[1]
ENTRYPOINT = ("python", "-m", "tasks.run")
# Patterns as in .gitignore. A job needs the code and the configs; what was imported and packed is under the root.
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
    options: Sequence[str] = (),
    resources: EntrypointResources = ON_THE_HEAD,
    variables: Mapping[str, str] | None = None,
    plugin_folders: Sequence[Path] = (),
) -> str:
    """Submits a job that runs `config`, or resumes it, on the cluster at `address`; returns the job's name.

    The job is `entrypoint CONFIG --address auto --root ROOT OPTIONS` in a copy of `working_dir`, which holds `config`.
    The packages in `plugin_folders` come with it (`grid.experiment.plugin_packages`). `variables` go to the driver and
    its workers, and anyone who may see the dashboard reads them: put no secrets there. Raises RequestError when the
    config is outside `working_dir` or the cluster cannot be reached.
    """
    folder = Path(working_dir).resolve()
    relative = _inside(Path(config), folder)
    if "://" not in root and not root.startswith("/"):
        raise RequestError(f"--root {root}: a job runs in a folder of its own; give an absolute path, s3:// or gs://")
    command = shlex.join([*entrypoint, relative.as_posix(), "--address", "auto", "--root", root, *options])
    client = connect(address)
    with explained(address):
        name = _next_name(client, identifier(folder / relative, root))
        return str(
            client.submit_job(
                entrypoint=command,
                submission_id=name,
                runtime_env=_runtime_environment(folder, plugin_folders, variables or {}),
                metadata={"config": relative.as_posix(), "root": root},
                entrypoint_num_cpus=resources.cpus or None,
                entrypoint_num_gpus=resources.gpus or None,
                entrypoint_memory=resources.memory_bytes or None,
            )
        )


def _runtime_environment(folder: Path, plugin_folders: Sequence[Path], variables: Mapping[str, str]) -> dict[str, Any]:
    plugins = plugin_environment(plugin_folders)
    sent = environment.for_workers({**plugins.pop("env_vars", {}), **variables}.items())
    return {"working_dir": str(folder), "excludes": list(EXCLUDED), "env_vars": sent, **plugins}


def identifier(config: Path, root: str) -> str:
    """`grid-<name>-<digest8>`: the experiment's name and a digest of its content and root."""
    content = load_yaml(config)
    name = content.get("name") if isinstance(content, dict) else None
    slug = re.sub(r"[^a-z0-9]+", "-", str(name or config.stem).lower()).strip("-")[:NAME_LENGTH]
    return f"{JOB_PREFIX}{slug}-{digest([repr(content), root], length=8)}"


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


def _next_name(client: JobSubmissionClient, base: str) -> str:
    """`base` with the next attempt number: a cluster never accepts a submission id again."""
    attempts = [
        int(attempt)
        for job in client.list_jobs()
        if (job.submission_id or "").startswith(f"{base}-")
        and (attempt := job.submission_id.removeprefix(f"{base}-")).isdigit()
    ]
    return f"{base}-{max(attempts, default=0) + 1}"
