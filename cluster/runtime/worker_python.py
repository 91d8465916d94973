"""Under which Python the workers of a codec run: their cluster's, or that of the environment the codec lives in."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from grid.codecs.catalogue import built_environment
from grid.core.identity import digest

WORKER_DEATHS = 3
"""How often a shard is tried again whose worker died. Ray Data's default is for ever, which is wrong for a codec that
dies of its input."""


def worker_options(codec: str) -> list[dict[str, Any]]:
    """Ray's options for the workers of `codec` ("" for none), to be tried in turn until no worker dies.

    The environment's own Python comes first where it can be; one death ends that.
    """
    own = under_own_python(codec)
    usual = {"max_task_retries": WORKER_DEATHS}
    return [{**own, "max_task_retries": 0}, usual] if own else [usual]


def under_own_python(codec: str) -> dict[str, Any]:
    """Lets the workers of an isolated codec run under its environment's Python, where its pins suit our Ray.

    Only on a cluster of one machine, where the driver has just built it. Ray 2.60 starts no worker under a
    `py_executable` that a node has not got, and says nothing: the operator was still waiting after 120 s. Elsewhere
    the ordinary worker builds the environment at first use and drives it over the bridge of
    grid/codecs/isolation/adapter.py, at 2 ms for 4 s of audio.
    """
    import ray

    made = built_environment(codec) if codec else None
    if made is None or not made.declared.ray or sum(node["Alive"] for node in ray.nodes()) != 1:
        return {}
    variables = {"PYTHONPATH": str(_our_packages(made.folder))}
    return {"runtime_env": {"py_executable": str(made.python), "env_vars": variables}}


def _our_packages(environment: Path) -> Path:
    """A folder that holds `grid` and `cluster` and nothing else, for a Python that has neither.

    They are links, for what lies beside them may be all of site-packages; one folder for each place we run from.
    """
    root = Path(__file__).resolve().parents[2]
    folder = environment / f"codecgrid-{digest(str(root))}"
    folder.mkdir(exist_ok=True)
    for name in ("grid", "cluster"):
        with suppress(FileExistsError):
            (folder / name).symlink_to(root / name, target_is_directory=True)
    return folder
