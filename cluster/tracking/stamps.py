"""Stamps: whether a cell's folder is as it was when its run was written, without reading what is in it.

A stamp is the digest of the names, sizes and times of the files of a cell and of its baseline (of the versions that an
object store gives them). It decides what a sync reads and nothing else: whoever doubts a file has `codecgrid verify`.
"""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

from grid.cells.job import CELLS, CellJob
from grid.cells.measurements import measurement_path
from grid.cells.status import LOCK, RUNNING
from grid.config.experiment import Experiment
from grid.core.identity import digest
from grid.core.record import RECORD
from grid.core.store import Store

REVISION = 1
"""To be raised by hand when the run of an unchanged cell should have other content than before."""
NOT_RESULTS = (LOCK, RUNNING, "cell.json")


class Stamps:
    """The stamps of cells as their files were at the first question about any of them."""

    def __init__(self, store: Store, experiment: Experiment) -> None:
        self._store = store
        self._experiment = experiment
        self._results: dict[str, list[list[str]]] = {}

    def of(self, job: CellJob, baseline: CellJob | None, shown: dict[str, str]) -> str:
        """The stamp of a cell whose run shows the names `shown`, which are in no file of it."""
        files = self._of_folder(job.folder)
        compared = self._of_folder(baseline.folder) if baseline is not None else []
        trained = [file for file in compared if file[0] == RECORD or file[0].partition("/")[0] == "scores"]
        evaluations = measurement_path(job, self._experiment)
        return digest([REVISION, evaluations, shown, files, trained])

    def _of_folder(self, folder: str) -> list[list[str]]:
        if folder not in self._results:
            files = self._local(folder) if self._store.is_local else self._listing[folder]
            self._results[folder] = sorted([name, version] for name, version in files if name not in NOT_RESULTS)
        return self._results[folder]

    def _local(self, folder: str) -> Iterator[tuple[str, str]]:
        for path in (folder, f"{folder}/scores"):
            place = self._store.uri(path)
            if os.path.isdir(place):
                for entry in os.scandir(place):
                    about = _stat(entry)
                    size = about.st_size if stat.S_ISREG(about.st_mode) else 0
                    yield entry.name, f"{size} {about.st_mtime_ns}"

    @cached_property
    def _listing(self) -> dict[str, list[tuple[str, str]]]:
        """The files of every cell of an object store, below its folder, with their versions: one listing for all."""
        files = defaultdict(list)
        for path, version in self._store.versions(CELLS).items():
            parts = path.split("/", 2)
            if len(parts) == 3:
                files["/".join(parts[:2])].append((parts[2], version))
        return files


def _stat(entry: os.DirEntry[str]) -> os.stat_result:
    """The size and times of what an entry names, or of a link that leads nowhere."""
    try:
        return entry.stat()
    except OSError:
        return entry.stat(follow_symlinks=False)
