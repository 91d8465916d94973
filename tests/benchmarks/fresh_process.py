"""Runs one function in a process of its own and says how long that took and how much memory it held."""

from __future__ import annotations

import importlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.places import REPOSITORY


@dataclass(frozen=True)
class Run:
    """`seconds` from the start of the process to its end, `peak_gb` its largest resident memory, what it returned."""

    seconds: float
    peak_gb: float
    result: dict[str, Any]


def run(function: Callable[..., dict[str, Any]], *arguments: object) -> Run:
    """Calls a module's `function` with `arguments` (as JSON) in a fresh Python; its errors are raised here."""
    request = json.dumps([function.__module__, function.__qualname__, [*map(_plain, arguments)]])
    command = [sys.executable, "-m", "tests.benchmarks.fresh_process", request]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{function.__qualname__} failed:\n{done.stderr[-4000:]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    return Run(taken, answer["peak_gb"], answer["result"])


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _peak_gb() -> float:
    """The peak of this program alone: Linux counts the parent's memory before `exec` into `ru_maxrss` too."""
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024 / 1e9
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def main() -> None:
    """Carries out the request on the command line and prints the answer as the last line."""
    module, name, arguments = json.loads(sys.argv[1])
    result = getattr(importlib.import_module(module), name)(*arguments)
    print(json.dumps({"peak_gb": _peak_gb(), "result": result}))


if __name__ == "__main__":
    main()
