"""The nodes of the cluster that answer, what holds its CPUs and GPUs, and ends workers that a pool left behind."""

from __future__ import annotations

import logging
import socket
from typing import Any

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 2
POOL_WORKER = "MapWorker("
"""How the class names of Ray Data's pool workers begin."""


def grows() -> bool:
    """Whether machines may join while a job waits for them: the head offers no CPU, as with an autoscaler."""
    import ray

    heads = [node for node in ray.nodes() if "node:__internal_head__" in node["Resources"]]
    return bool(heads) and not any(node["Resources"].get("CPU") for node in heads)


def worker_nodes() -> dict[str, dict[str, float]]:
    """The resources of each node that offers a CPU, by its address; `memory` is what it has for processes, in bytes."""
    import ray

    alive = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    return {node["NodeManagerAddress"]: node["Resources"] for node in alive}


def own_node() -> str:
    """The id of the node that this driver is attached to."""
    import ray

    return str(ray.get_runtime_context().get_node_id())


def answering_nodes() -> frozenset[str]:
    """The ids of the nodes that the cluster believes alive and whose raylet accepts a connection.

    A raylet that was killed counts as alive for up to 15 s more (Ray's health check: 5 times 3 s), but its port is
    closed. Never returns when the GCS is gone.
    """
    import ray

    return frozenset(node["NodeID"] for node in ray.nodes() if node["Alive"] and _accepts(node))


def has_ended(node_id: str) -> bool:
    """Whether a node is known to have ended; raises OSError when that cannot be told. Never returns without the GCS."""
    import ray

    node = next((node for node in ray.nodes() if node["NodeID"] == node_id and node["Alive"]), None)
    if node is None:
        return True
    try:
        _connect(node)
    except ConnectionRefusedError:
        return True
    return False


def _accepts(node: dict[str, Any]) -> bool:
    try:
        _connect(node)
    except OSError:
        return False
    return True


def _connect(node: dict[str, Any]) -> None:
    address = (node["NodeManagerAddress"], node["NodeManagerPort"])
    socket.create_connection(address, timeout=CONNECT_SECONDS).close()


def resources_in_use() -> str:
    """What holds the cluster's resources, such as `1 of 2 CPUs and 0 of 0 GPUs of 1 nodes are in use; actors: ...`."""
    import ray

    total, free = ray.cluster_resources(), ray.available_resources()
    used = [f"{total.get(kind, 0) - free.get(kind, 0):g} of {total.get(kind, 0):g} {kind}s" for kind in ("CPU", "GPU")]
    actors = [
        f"{actor['ActorClassName']} (pid {actor['Pid']} on {actor['Address']['IPAddress']}, {actor['State'].lower()})"
        for actor in _own_actors()
    ]
    return f"{' and '.join(used)} of {len(answering_nodes())} nodes are in use; actors: {', '.join(actors) or 'none'}"


def end_pool_workers() -> None:
    """Ends what Ray Data left of this job's pools: it must be called when a pool has ended.

    The actor of a lost node is restarted on another one after its pool has ended, and holds its CPU (Ray 2.60).
    """
    import ray

    core = ray._private.worker.global_worker.core_worker
    for actor in _own_actors():
        if actor["ActorClassName"].startswith(POOL_WORKER):
            logger.info("ending a worker that its pool left behind: %s", actor["ActorID"])
            core.kill_actor(ray.ActorID.from_hex(actor["ActorID"]), True)  # no public function takes an id


def _own_actors() -> list[dict[str, Any]]:
    """The actors of this job that are not dead. The public list of actors needs a dashboard."""
    import ray
    from ray._private.state import actors

    job = ray.JobID.from_hex(ray.get_runtime_context().get_job_id())
    return [actor for actor in actors(job_id=job).values() if actor["State"] != "DEAD"]
