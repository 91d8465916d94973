"""What Ray may say on a driver's terminal: only what our own lines do not say. Its log files keep everything."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

TUNE = (
    "ray.tune.tune",  # trials that failed (listed by the command), and how to resume by Tuner.restore, which we do not
    "ray.tune.execution.tune_controller",  # a trace for each process that died; `NotifyDriver` says it in a line
    "ray.tune.utils.util",  # that its loop took half a second, on a machine whose cores all train
    "ray.tune.analysis.experiment_analysis",  # misses the result files that are switched off
)
DATA = "ray.data._internal.progress"  # that its bars are off
DEATHS = frozenset(  # of workers, with long traces; `cluster.stages.resynthesis` says them in a line
    {"ray.data.exceptions", "ray.data._internal.execution.streaming_executor_state"}
)


def quiet_tune() -> None:
    """Silences the messages of Ray Tune that concern its own state, of which nothing is kept."""
    for name in TUNE:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def quiet_data() -> None:
    """Leaves the plans and progress of Ray Data to its log file; its warnings stay on the terminal."""
    import ray.data  # noqa: F401  # its import sets up the handlers

    # of max_task_retries, which has no other way in with the Ray that is pinned
    warnings.filterwarnings("ignore", message="`ray_remote_args` is deprecated", module="cluster.stages.resynthesis")
    logging.getLogger(DATA).setLevel(logging.ERROR)
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.WARNING)
            handler.addFilter(_is_of_no_death)


def _is_of_no_death(record: logging.LogRecord) -> bool:
    return record.name not in DEATHS


@contextmanager
def stdout_on_stderr() -> Iterator[None]:
    """Inside it stdout is stderr: Ray says there that a worker died, and that would spoil the document of --json."""
    with redirect_stdout(sys.stderr):
        yield


@contextmanager
def quiet_start() -> Iterator[None]:
    """Holds stderr back while Ray starts, and passes on all but the line that its C++ log level was set.

    The level is set (`cluster.runtime.environment`) to be rid of another line; only the file descriptor hears C++.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            os.write(2, b"".join(line for line in held if b"RAY_BACKEND_LOG_LEVEL" not in line))
