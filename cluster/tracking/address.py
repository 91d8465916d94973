"""Where MLflow is: the tracking URI of an experiment, and its artifacts."""

from __future__ import annotations

import re

from grid.config.experiment import Experiment
from grid.errors import RequestError
from grid.store import Store


def tracking_uri(experiment: Experiment, store: Store) -> str:
    """The experiment's own URI, or a SQLite file under a local root; RequestError for a remote root without one."""
    if experiment.tracking_uri is not None:
        return experiment.tracking_uri
    if not store.is_local:
        raise RequestError(
            f"the root {store.root} is not a local folder, so MLflow needs an address: set `tracking_uri` in the "
            f"experiment file, for example `tracking_uri: http://HOST:5000` of an `mlflow server`"
        )
    return f"sqlite:///{store.uri('mlflow.db')}"


def is_server(uri: str) -> bool:
    """Whether `uri` names a running MLflow server and not a database."""
    return uri.startswith(("http://", "https://"))


def artifact_location(uri: str, store: Store) -> str | None:
    """Where MLflow may put artifacts; None lets a server decide. Without it MLflow would use the working directory."""
    return None if is_server(uri) else store.uri("mlartifacts")


def without_password(text: str) -> str:
    """`text` with the user and password of any URI in it left out."""
    return re.sub(r"://[^/@\s]*@", "://***@", text)
