"""Filters Ray's messages on a driver's terminal: those that codecgrid prints itself are left to Ray's log files."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

TUNE = (
    "ray.tune.tune",  # failed trials (listed by the command), and resuming by Tuner.restore, which is not used
    "ray.tune.execution.tune_controller",  # a traceback for each lost process; `NotifyDriver` logs one line
    "ray.tune.utils.util",  # that its loop took half a second, on a machine whose cores all train
    "ray.tune.analysis.experiment_analysis",  # that the result files, which are switched off, are missing
)
SUBMISSION = (
    "ray.dashboard.modules.dashboard_sdk",
    "ray.dashboard.modules.job.sdk",
    "ray._private.runtime_env.packaging",
)
DATA = "ray.data._internal.progress"  # that its progress bars are off
WORKER_FAILURES = frozenset(  # long tracebacks of lost workers; `cluster.stages.resynthesis` logs one line
    {"ray.data.exceptions", "ray.data._internal.execution.streaming_executor_state"}
)


def quiet_tune() -> None:
    """Silences the messages of Ray Tune about its own state, which is not used."""
    for name in TUNE:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def quiet_submission() -> None:
    """Keeps the uploads and connections of Ray's client for jobs off the terminal; its warnings stay."""
    import ray.dashboard.modules.job.sdk  # noqa: F401  # its import sets the levels

    for name in SUBMISSION:
        logging.getLogger(name).setLevel(logging.WARNING)


def quiet_data() -> None:
    """Keeps the plans and progress of Ray Data off the terminal; its warnings stay."""
    import ray.data  # noqa: F401  # its import sets up the handlers

    # for max_task_retries, which the pinned version of Ray accepts in no other way
    warnings.filterwarnings("ignore", message="`ray_remote_args` is deprecated", module="cluster.stages.resynthesis")
    logging.getLogger(DATA).setLevel(logging.ERROR)
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.WARNING)
            handler.addFilter(_is_no_worker_failure)


def _is_no_worker_failure(record: logging.LogRecord) -> bool:
    return record.name not in WORKER_FAILURES


@contextmanager
def stdout_on_stderr() -> Iterator[None]:
    """Redirects stdout to stderr in the block: Ray prints lost workers there, which would break the JSON of --json."""
    with redirect_stdout(sys.stderr):
        yield


@contextmanager
def quiet_start() -> Iterator[None]:
    """Holds stderr back while Ray starts, and passes on all but the line about its C++ log level.

    `cluster.runtime.environment` sets that level. C++ writes to the file descriptor, so the descriptor is redirected.
    """
    sys.stderr.flush()
    original = os.dup(2)
    with tempfile.TemporaryFile() as captured:
        os.dup2(captured.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(original, 2)
            os.close(original)
            captured.seek(0)
            os.write(2, b"".join(line for line in captured if b"RAY_BACKEND_LOG_LEVEL" not in line))
