"""`codecgrid mlflow`: serves the MLflow pages of an experiment on loopback until Ctrl-C, open on its cells by EER."""

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
    browser: Annotated[bool, typer.Option(help="open the page in the browser, where this machine has one")] = True,
) -> None:
    """Open the experiment's MLflow on its cells, sorted by EER; without a server of its own, one on this machine."""
    from cluster.tracking.client import check_tracking, is_server, tracking_uri
    from cluster.tracking.server import cells_page, serve
    from tasks.open_experiment import open_store

    require_within("--port", port, 0, 65_535)
    experiment, store = open_store(config, root)
    uri = tracking_uri(experiment, store)
    if is_server(uri):
        check_tracking(experiment, store)
        show(cells_page(experiment, uri.rstrip("/")), browser)
        return
    # `kill` and service managers send SIGTERM, which would end this process only and leave the server running
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with serve(experiment, store, port=port) as server:
        show(cells_page(experiment, server.address), browser)
        out.print("Ctrl-C ends the server")
        try:
            server.wait()
        except KeyboardInterrupt:
            out.print("stopped")


def show(page: str, browser: bool) -> None:
    """Prints the address of a page, without any password in it, and opens it."""
    import webbrowser

    from cluster.tracking.client import without_password

    out.print(without_password(page), highlight=False, soft_wrap=True)
    if browser:
        webbrowser.open(page)


if __name__ == "__main__":
    single(mlflow_ui)
