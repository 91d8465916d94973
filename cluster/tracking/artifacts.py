"""The artifact folder of a run: many files put there with one call, and single ones read.

MlflowClient asks the database for the folder at every call, which takes longer than to copy a few small files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ArtifactFolder:
    """The folder `artifact_uri` of a run, reached through the MLflow at `tracking_uri` where that is a server."""

    artifact_uri: str
    tracking_uri: str

    def put(self, folder: Path) -> None:
        """Copies the files of a local folder, over those of the same names."""
        self._repository().log_artifacts(str(folder))

    def read(self, name: str) -> bytes:
        """The content of a file; raises an error of MLflow, or OSError, where there is none."""
        return Path(self._repository().download_artifacts(name)).read_bytes()

    def _repository(self) -> Any:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository(self.artifact_uri, tracking_uri=self.tracking_uri)
