"""Tests of the watch of a cluster: what it says when nothing makes progress."""

from __future__ import annotations

import re
import time

import pytest

from cluster.runtime.watch import WatchLimits, cluster_watch

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def test_watch_without_progress_says_what_waits_and_what_holds_the_resources(
    ray_local: None, caplog: pytest.LogCaptureFixture
) -> None:
    import ray

    @ray.remote(num_cpus=2)
    class Forgotten:
        def ready(self) -> bool:
            return True

    forgotten = Forgotten.remote()
    assert ray.get(forgotten.ready.remote())
    deadline = time.monotonic() + 30
    with cluster_watch(WatchLimits(idle=0.3, poll=0.05), lambda: "5 cells have not ended"):
        while not caplog.messages and time.monotonic() < deadline:
            time.sleep(0.05)
    ray.kill(forgotten)
    message = caplog.messages[0]
    assert message.startswith(
        "no progress for 0 minutes; 5 cells have not ended. 2 of 2 CPUs and 0 of 0 GPUs of 1 nodes"
    )
    assert re.search(r"actors: .*Forgotten \(pid \d+ on 127\.0\.0\.1, alive\)", message)


def test_watch_with_progress_or_without_work_says_nothing(ray_local: None, caplog: pytest.LogCaptureFixture) -> None:
    with (
        cluster_watch(WatchLimits(idle=3600, poll=0.02), lambda: "5 cells") as patient,
        cluster_watch(WatchLimits(idle=0.0, poll=0.02), lambda: "") as without_work,
    ):
        for _ in range(3):
            patient.confirm()
            without_work.confirm()
    assert caplog.messages == []
