"""The environment's end of a bridge: runs one adapter under an isolated environment's Python until its parent ends.

Started as `python -P server.py DESCRIPTOR GRID`: the number of an open socket, and the folder of the package `grid`.
Only that package is made importable, not the folder around it, so that no other package there (such as all of the
core's site-packages) takes precedence over the environment's own. All output of upstream code goes to standard error.
"""

from __future__ import annotations

import importlib.util
import os
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grid.codecs.contract import Adapter
    from grid.codecs.isolation.protocol import Channel, Message, Samples

TRACEBACK_LINES = 12


def main(descriptor: int, package: str) -> None:
    """Answers messages on the socket `descriptor` until it is closed."""
    os.dup2(2, 1)
    connection = socket.socket(fileno=descriptor)
    connection.set_inheritable(False)
    threading.Thread(target=_die_with_parent, args=(descriptor,), daemon=True).start()
    _make_importable(Path(package))
    from grid.codecs.isolation.protocol import Channel

    _serve(Channel(connection))


def _die_with_parent(descriptor: int) -> None:
    """Ends this process when the other end of the socket closes, even during a long computation.

    PR_SET_PDEATHSIG is not used: it acts when the thread that started this process ends, and workers may use
    short-lived threads.
    """
    watch = select.poll()
    watch.register(descriptor, 0)  # a hang-up is always reported
    watch.poll()
    os.kill(os.getpid(), signal.SIGKILL)


def _make_importable(package: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        package.name, package / "__init__.py", submodule_search_locations=[str(package)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[package.name] = module
    spec.loader.exec_module(module)


def _serve(channel: Channel) -> None:
    adapter: Adapter | None = None
    while True:
        try:
            message, samples = channel.receive()
        except EOFError:
            return
        try:
            if message["do"] == "open":
                adapter = _new_adapter(message)
                channel.send(_facts(adapter))
            else:
                assert adapter is not None
                assert samples is not None
                channel.send({}, _coded(adapter, samples, message["seeds"]))
        except Exception as error:  # upstream code may raise anything
            channel.send(_failure(error))


def _new_adapter(message: Message) -> Adapter:
    from grid.codecs.contract import ADAPTERS
    from grid.codecs.entry import CatalogueEntry
    from grid.core.weights import LocatedWeights

    sys.path[:0] = message["paths"]
    entry = CatalogueEntry.model_validate(message["entry"])
    found = {name: Path(path) for name, path in message["weights"].items()}
    return ADAPTERS.get(str(entry.adapter))(entry, device=message["device"], weights=LocatedWeights(found))


def _facts(adapter: Adapter) -> Message:
    return {"sample_rate": adapter.sample_rate, "delay": adapter.delay}


def _coded(adapter: Adapter, samples: Samples, seeds: Sequence[int]) -> Samples:
    import numpy as np

    return np.asarray(adapter.code(samples, seeds), dtype=np.float32)


def _failure(error: Exception) -> Message:
    from grid.core.errors import MissingRequirementError, RequestError, one_line

    kind = "missing" if isinstance(error, MissingRequirementError) else "request"
    lines = traceback.format_exc().splitlines()[-TRACEBACK_LINES:]
    return {
        "error": kind if isinstance(error, RequestError) else "codec",
        "message": str(error) if isinstance(error, RequestError) else one_line(error),
        "traceback": lines,
    }


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
