"""`python -m tests.chaos`: faults on a small grid until the time is over, and a table of what came of them.

Status 1 when anything was wrong. The same seed gives the same faults in the same order; a signal to a process comes
when the drawn number of steps is done, and so a little earlier or later each time.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.chaos.campaign import SHARES, Campaign
from tests.chaos.trial import Trial
from tests.support.driver_process import driver_variables

WIDTH = 180
"""The columns of the table where no terminal says how many it has."""


def main(arguments: list[str]) -> int:
    """Runs the campaign and prints its table; returns the status."""
    given, start = _parser().parse_args(arguments), time.monotonic()
    told, trials = Console(stderr=True, soft_wrap=True), list[Trial]()
    # a short folder, for the path of a socket holds 107 bytes
    with tempfile.TemporaryDirectory(prefix="chaos-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "home").mkdir()
        variables = driver_variables(folder / "home") | {"RAY_TMPDIR": str(folder / "ray"), "OMP_NUM_THREADS": "1"}
        os.environ.clear()  # before Ray is imported, which reads it then
        os.environ.update(variables)
        logging.disable(logging.ERROR)  # all of these faults are meant
        try:
            for trial in Campaign(folder, variables, given.seed).run(given.kind, given.minutes, given.trials):
                trials.append(trial.without(f"{name}/"))
                line = f"{time.monotonic() - start:4.0f} s: {trials[-1].fault}: {trial.wrong or 'identical'}"
                told.print(line, markup=False, highlight=False)
        finally:
            _print(trials, given.seed)
    return 1 if any(trial.wrong for trial in trials) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Random faults on a small grid.")
    parser.add_argument("--seed", type=int, default=0, help="of the faults and their moments  [default: 0]")
    parser.add_argument("--minutes", type=float, default=12.0, help="for how long faults are made  [default: 12]")
    parser.add_argument("--trials", type=int, default=1_000_000, help="at most this many of each kind")
    parser.add_argument("--kind", nargs="+", choices=SHARES, default=list(SHARES), help="the kinds  [default: all]")
    return parser


def _print(trials: list[Trial], seed: int) -> None:
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    wrong = sum(bool(trial.wrong) for trial in trials)
    drawn = Table(title=f"seed {seed}: {len(trials)} faults, {wrong} with something wrong", show_lines=True)
    for name, ratio in (("", 1), ("fault", 12), ("the run said", 14), ("again", 8), ("scores and tables", 8)):
        drawn.add_column(name, overflow="fold", ratio=ratio)
    for number, trial in enumerate(trials, 1):
        texts = (str(number), trial.fault, trial.said, trial.again, trial.wrong or "identical")
        drawn.add_row(*map(escape, texts))
    console.print(drawn, highlight=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
