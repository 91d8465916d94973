"""Ray options for the workers of a codec: the Python they run under, and how often a shard is retried."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from grid.codecs.catalogue import built_environment
from grid.core.identity import digest

WORKER_RETRIES = 3
"""How often a shard is retried after its worker process has ended. Ray Data's default is for ever, which is wrong for
a codec that crashes on its input."""


def worker_options(codec: str) -> list[dict[str, Any]]:
    """Ray's options for the workers of `codec` ("" for none), to be tried in turn until no worker process is lost.

    The Python of the codec's environment comes first where possible; one lost worker ends that attempt.
    """
    own_python = under_own_python(codec)
    default = {"max_task_retries": WORKER_RETRIES}
    return [{**own_python, "max_task_retries": 0}, default] if own_python else [default]


def under_own_python(codec: str) -> dict[str, Any]:
    """Ray's options that run the workers of an isolated codec under its environment's Python; empty where impossible.

    Possible where the environment has this Ray and on a cluster of one machine, where the driver has just built it.
    With a `py_executable` that a node lacks, Ray 2.60 starts no worker and reports nothing: the operator was still
    waiting after 120 s. Elsewhere the ordinary worker builds the environment at first use and drives it over the bridge
    of grid/codecs/isolation/adapter.py, at 2 ms for 4 s of audio.
    """
    import ray

    built = built_environment(codec) if codec else None
    if built is None or not built.declared.ray or sum(node["Alive"] for node in ray.nodes()) != 1:
        return {}
    variables = {"PYTHONPATH": str(_package_links(built.folder))}
    return {"runtime_env": {"py_executable": str(built.python), "env_vars": variables}}


def _package_links(environment: Path) -> Path:
    """A folder with links to `grid` and `cluster` alone, as PYTHONPATH of a Python that lacks them.

    Their own parent folder may be a whole site-packages. There is one such folder for each location of the code.
    """
    root = Path(__file__).resolve().parents[2]
    folder = environment / f"codecgrid-{digest(str(root))}"
    folder.mkdir(exist_ok=True)
    for name in ("grid", "cluster"):
        with suppress(FileExistsError):
            (folder / name).symlink_to(root / name, target_is_directory=True)
    return folder
