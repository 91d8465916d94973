"""`codecgrid mlflow`: serves the MLflow pages of an experiment on loopback until Ctrl-C."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from tasks.console import Config, Root, out, single
from tasks.ranges import require_within


def mlflow_ui(
    config: Config,
    root: Root = None,
    port: Annotated[int, typer.Option(help="0: any free port")] = 5000,
) -> None:
    """Open the experiment's MLflow server on this machine."""
    from cluster.tracking.server import serve
    from tasks.open_experiment import open_store

    require_within("--port", port, 0, 65_535)
    experiment, store = open_store(config, root)
    # `kill` and service managers send SIGTERM, which would end this process only and leave the server running
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with serve(experiment, store, port=port) as server:
        out.print(f"MLflow is at {server.address} (Ctrl-C ends it)", soft_wrap=True)
        try:
            server.wait()
        except KeyboardInterrupt:
            out.print("stopped")


if __name__ == "__main__":
    single(mlflow_ui)
