"""Console output shared by all commands: tables on stdout, messages on stderr, JSON, and the exit statuses."""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import EACCES, EDQUOT, EISDIR, ENAMETOOLONG, ENOSPC, ENOTDIR, EPERM, EROFS
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape

from grid.core.errors import STOPPED, RequestError

if TYPE_CHECKING:
    from rich.table import Table

DONE, WRONG_REQUEST, CELLS_FAILED, INTERRUPTED = 0, 2, 3, 128 + signal.SIGINT
"""4 is `cluster.runtime.watch.CLUSTER_LOST`: the cluster went away, and the same command goes on; 1 is a traceback."""

REFUSED = (EACCES, EPERM, EROFS, ENOSPC, EDQUOT, ENAMETOOLONG, ENOTDIR, EISDIR)
"""What an operating system refuses because of the place or the disk, and not because of an error in the program."""

out = Console()
err = Console(stderr=True)


def experiment_file(config: str | None) -> str | None:
    """The file that CONFIG means, as `grid.experiment.bundled.experiment_path`."""
    from grid.experiment.bundled import experiment_path

    return None if config is None else experiment_path(config)


CONFIG_HELP = "the experiment file, or the name of a bundled one: demo (see `codecgrid experiments`)"
Config = Annotated[str, typer.Argument(metavar="CONFIG", help=CONFIG_HELP, callback=experiment_file)]
Root = Annotated[
    str | None, typer.Option("--root", help="where results live: a folder, s3:// or gs://  [default: the file's root]")
]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document and nothing else on stdout")]
Dashboard = Annotated[str, typer.Option("--address", help="the dashboard of the cluster's head")]
Address = Annotated[str, typer.Option("--address", help="the Ray cluster: local, auto, or the URL of a head")]


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=1) + "\n")


def table(*columns: str, title: str = "") -> Table:
    """A table without lines; on a narrow terminal a cell continues in the next line and is never cut."""
    from rich.table import Table

    result = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in columns:
        result.add_column(name, overflow="fold")
    return result


def print_lines(kind: str, about: dict[str, str]) -> None:
    """A table of things of one kind: the name and one line about each."""
    drawn = table(kind, "")
    for name, text in about.items():
        drawn.add_row(name, escape(text))
    out.print(drawn)


def set_up_logging(verbose: bool = False) -> None:
    """Logs the library's messages to stderr, so that stdout can be parsed."""
    handler = RichHandler(console=err, show_path=False, show_time=False)
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler], format="%(message)s")


def main(run: Callable[[], Any]) -> NoReturn:
    """Runs a command and exits: a RequestError with its message and status 2, a signal with 128 plus its number.

    What the operating system refuses (REFUSED) is one line and status 2 too. Any other exception is an error of the
    program, and is raised with its traceback.
    """
    set_up_logging()
    try:
        with sigterm_as_interrupt():
            run()
    except RequestError as error:
        err.print("[bold red]error:[/] ", end="")
        err.print(str(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(WRONG_REQUEST)
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        place = f": {error.filename}" if error.filename else ""
        err.print(f"error: {error.strerror}{place}", markup=False, highlight=False, soft_wrap=True)
        sys.exit(WRONG_REQUEST)
    except KeyboardInterrupt as error:
        stopped(error)
    sys.exit(DONE)


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt while the block runs, so that it ends a command in order as Ctrl-C does."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt("SIGTERM")

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def stopped(error: KeyboardInterrupt) -> NoReturn:
    """Exits with the status that a shell gives a stopped command: 130 after Ctrl-C, 143 after SIGTERM."""
    err.print(STOPPED)
    sys.exit(128 + (signal.SIGTERM if "SIGTERM" in error.args else signal.SIGINT))


def single(command: Callable[..., Any]) -> NoReturn:
    """Runs one command as the program of `python -m tasks.X`."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    main(lambda: app(standalone_mode=True))
