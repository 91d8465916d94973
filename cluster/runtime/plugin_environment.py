"""What Ray needs to bring the packages of an experiment's plug-ins to every process of a job."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from grid.experiment.plugin_packages import TRAVELLED


def plugin_environment(folders: Iterable[Path]) -> dict[str, Any]:
    """The fields of a runtime environment that put the content of the folders on every process's path; {} for none.

    Each package, and the metadata that declare its plug-ins, is a `py_module` of its own. Ray's `pip` and `uv` are not
    used: they copy the whole environment, torch included, on every machine.
    """
    content = [path for folder in folders for path in sorted(folder.iterdir())]
    modules = [str(path) for path in content if path.suffix == ".py" or (path.is_dir() and path.name != "bin")]
    return {"py_modules": modules, "env_vars": {TRAVELLED: "1"}} if modules else {}
