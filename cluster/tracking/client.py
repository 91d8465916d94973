"""The connection to MLflow: short timeouts, quiet loggers, MlflowClient instead of the fluent API; and its URI."""

from __future__ import annotations

import gc
import logging
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cluster.tracking.desired_run import KIND
from grid.config.experiment import Experiment
from grid.core.errors import RequestError
from grid.core.store import Store

PAGE = 1000
CONNECT_SECONDS = 5.0
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # else a line "View run ..." for each run
    # with MLflow's own defaults an unreachable server blocks the run for minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


class TrackingError(Exception):
    """MLflow cannot be reached or differs from the store. No result is lost: all of them are in the store."""


@dataclass(frozen=True)
class LoggedRun:
    """A run as it is in MLflow. `started` is in milliseconds of Unix time; metrics have their last values."""

    run_id: str
    status: str
    started: int
    artifact_uri: str
    params: dict[str, str]
    tags: dict[str, str]
    metrics: dict[str, float]


def settings() -> dict[str, str]:
    """The environment of a process that uses MLflow: that of this process, and SETTINGS where the user has set none."""
    return {**SETTINGS, **os.environ}


def connect(uri: str) -> Any:
    """An MlflowClient for `uri`; the import takes about 3 s and a new SQLite file 2.5 s (2 CPU cores)."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    for noisy in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # its retries; the failure itself is reported
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def open_experiment(client: Any, name: str, artifacts: str | None, tags: dict[str, str]) -> str:
    """The id of the MLflow experiment `name` with these tags, created when absent and restored when it was deleted."""
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            return str(client.create_experiment(name, artifact_location=artifacts, tags=tags))
        except MlflowException:
            experiment = client.get_experiment_by_name(name)  # another process was quicker
            if experiment is None:
                raise
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    for key, value in tags.items():
        if experiment.tags.get(key) != value:
            client.set_experiment_tag(experiment.experiment_id, key, value)
    return str(experiment.experiment_id)


def find_experiment(client: Any, name: str) -> str | None:
    """The id of the MLflow experiment `name`, or None when there is none or it was deleted."""
    experiment = client.get_experiment_by_name(name)
    return None if experiment is None or experiment.lifecycle_stage == "deleted" else str(experiment.experiment_id)


def runs(client: Any, experiment_id: str) -> Iterator[LoggedRun]:
    """All runs of the experiment that codecgrid created, the oldest first; one search for each thousand runs."""
    logged: list[LoggedRun] = []
    token = None
    with _without_garbage_collection():
        while True:
            page = client.search_runs([experiment_id], max_results=PAGE, page_token=token)
            logged += [_logged(run) for run in page if KIND in run.data.tags]
            token = page.token
            if not token:
                break
    yield from sorted(logged, key=lambda run: (run.started, run.run_id))


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Pauses the collection of reference cycles: MLflow makes an object of each metric, param and tag of each run.

    All of them are alive, and looking through them again and again takes most of a search.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _logged(run: Any) -> LoggedRun:
    data = run.data
    return LoggedRun(
        run_id=run.info.run_id,
        status=run.info.status,
        started=run.info.start_time,
        artifact_uri=run.info.artifact_uri,
        params=dict(data.params),
        tags=dict(data.tags),
        metrics=dict(data.metrics),
    )


def tracking_uri(experiment: Experiment, store: Store) -> str:
    """The experiment's own URI, else MLFLOW_TRACKING_URI, else a SQLite file under a local root.

    Raises RequestError for a remote root without either.
    """
    configured = experiment.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
    if configured:
        return configured
    if not store.is_local:
        raise RequestError(
            f"the root {store.root} is not a local folder, so MLflow needs an address: set `tracking_uri` in the "
            f"experiment file or MLFLOW_TRACKING_URI, for example http://HOST:5000 of an `mlflow server`"
        )
    return f"sqlite:///{store.uri('mlflow.db')}"


def check_tracking(experiment: Experiment, store: Store) -> None:
    """Raises RequestError where `tracking_uri` does, and for a server that does not answer within CONNECT_SECONDS.

    To be called before any work begins. An answer of any status will do: MLflow's own client has the credentials.
    """
    uri = tracking_uri(experiment, store)
    if not is_server(uri):
        return
    try:
        urllib.request.urlopen(re.sub(r"://[^/@\s]*@", "://", uri.rstrip("/")) + "/health", timeout=CONNECT_SECONDS)
    except urllib.error.HTTPError:
        return
    except OSError as error:
        raise RequestError(
            f"no MLflow answers at {without_password(uri)} ({error}); start it, or give the address of another one by "
            "`tracking_uri` in the experiment file or by MLFLOW_TRACKING_URI"
        ) from error


def is_server(uri: str) -> bool:
    """Whether `uri` names a running MLflow server and not a database."""
    return uri.startswith(("http://", "https://"))


def artifact_location(uri: str, store: Store) -> str | None:
    """Where MLflow may put artifacts; None lets a server decide. Without it MLflow would use the working directory."""
    return None if is_server(uri) else store.uri("mlartifacts")


def without_password(text: str) -> str:
    """`text` with the user and password of any URI in it left out."""
    return re.sub(r"://[^/@\s]*@", "://***@", text)
