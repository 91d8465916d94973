"""Where MLflow is: the tracking URI of an experiment, and its artifacts."""

from __future__ import annotations

import os
import re

from grid.config.experiment import Experiment
from grid.errors import RequestError
from grid.store import Store


def tracking_uri(experiment: Experiment, store: Store) -> str:
    """The experiment's own URI, else MLFLOW_TRACKING_URI, else a SQLite file under a local root.

    Raises RequestError for a remote root without either.
    """
    given = experiment.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
    if given:
        return given
    if not store.is_local:
        raise RequestError(
            f"the root {store.root} is not a local folder, so MLflow needs an address: set `tracking_uri` in the "
            f"experiment file or MLFLOW_TRACKING_URI, for example http://HOST:5000 of an `mlflow server`"
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
