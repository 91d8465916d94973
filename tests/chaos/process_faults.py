"""Signals to the processes of a run: the driver, its group, a worker, Ray's node process and its control store."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.chaos.small_grid import Reference, steps
from tests.chaos.trial import Trial, last_line
from tests.support.driver_process import family, start_run
from tests.support.tiny_grid import Tiny

TARGETS: dict[str, tuple[signal.Signals, ...]] = {
    "the driver": (signal.SIGKILL, signal.SIGTERM, signal.SIGINT),
    "the process group": (signal.SIGTERM, signal.SIGINT),
    "a worker": (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP),
    "the raylet": (signal.SIGKILL, signal.SIGTERM),
    "the GCS": (signal.SIGKILL, signal.SIGTERM),
}
DOCUMENTED = {0: "done", 3: "cells failed", 4: "the cluster went away", 130: "SIGINT", 143: "SIGTERM"}
"""The statuses of a run, as README has them."""
LOCK = "experiments/tiny.lock"
"""What a run holds; it does nothing before."""
LONGEST = 240.0
"""Seconds after which a run counts as one that hangs."""
STOPPED_FOR = 5.0
"""Seconds between SIGSTOP and SIGCONT."""


def process_faults(reference: Reference, variables: dict[str, str], folder: Path, seed: int) -> Generator[Trial]:
    """Trials without end: every signal to every target, in an order and at moments that `seed` gives."""
    draw = random.Random(f"process {seed}")
    number = 0
    while True:
        faults = [(target, given) for target, signals in TARGETS.items() for given in signals]
        draw.shuffle(faults)
        for target, given in faults:
            number += 1
            own = folder / f"process{number}"
            own.mkdir()
            moment = draw.randrange(reference.steps)
            yield _trial(reference, variables, own, target, given, moment)


def _trial(
    reference: Reference, variables: dict[str, str], folder: Path, target: str, given: signal.Signals, moment: int
) -> Trial:
    made = reference.unfinished(folder)
    fault = f"{given.name} to {target}, {moment} of {reference.steps} steps done"
    driver = start_run(made, variables, folder / "first.out", group=True)
    first = _disturbed(made, driver, folder / "first.err", target, given, moment)
    again = _end_of(start_run(made, variables, folder / "again.out", group=True), folder / "again.err")
    wrong = [first.wrong(driver_was_killed=(target, given) == ("the driver", signal.SIGKILL))]
    if again.status != 0:
        wrong.append("the same command again did not end with 0")
    if different := reference.differences(made):
        wrong.append(f"different: {', '.join(different)}")
    return Trial(fault, first.sentence, again.sentence, "; ".join(filter(None, wrong)))


@dataclass(frozen=True)
class _End:
    """How a run ended; without a status it did not."""

    status: int | None
    line: str

    @property
    def sentence(self) -> str:
        return f"{self.status}: {self.line}" if self.status is not None else f"HANGS: {self.line}"

    def wrong(self, *, driver_was_killed: bool) -> str:
        if self.status is None:
            return "it hangs"
        if driver_was_killed and self.status == -signal.SIGKILL:
            return ""
        if self.status not in DOCUMENTED:
            return "its status is not documented"
        return "" if self.line else "it ended without a word"


def _disturbed(
    made: Tiny, driver: subprocess.Popen[bytes], said: Path, target: str, given: signal.Signals, moment: int
) -> _End:
    """The end of a run that is given a signal once `moment` steps are done; nothing of it is left afterwards."""
    members: list[psutil.Process] = []
    while driver.poll() is None:
        if made.store.exists(LOCK) and steps(made.store) >= moment:
            try:
                members = family(driver)
                if _given(driver, members, target, given):
                    break
            except psutil.NoSuchProcess:  # it ended in between
                continue
        time.sleep(0.02)
    ended = _end_of(driver, said)
    _, alive = psutil.wait_procs(members, timeout=60)
    for member in alive:
        member.kill()
    return ended


def _given(driver: subprocess.Popen[bytes], members: list[psutil.Process], target: str, given: signal.Signals) -> bool:
    """Gives the signal; False where the target is not there yet."""
    if target == "the driver":
        driver.send_signal(given)
        return True
    if target == "the process group":
        os.killpg(driver.pid, given)
        return True
    process = _process(members, target)
    if process is None:
        return False
    process.send_signal(given)
    if given == signal.SIGSTOP:
        time.sleep(STOPPED_FOR)
        process.send_signal(signal.SIGCONT)
    return True


def _process(members: list[psutil.Process], target: str) -> psutil.Process | None:
    """The process that is meant, of workers the newest that has work; None where there is none yet."""
    names = {"the raylet": "raylet", "the GCS": "gcs_server", "a worker": "ray::"}
    found = [p for p in members if _is_called(p, names[target]) and not _is_called(p, "ray::IDLE")]
    return max(found, key=psutil.Process.create_time, default=None)


def _is_called(process: psutil.Process, name: str) -> bool:
    try:
        # Ray's workers rename themselves by their command line
        return process.name() == name or (name.startswith("ray::") and process.cmdline()[:1][0].startswith(name))
    except (psutil.NoSuchProcess, IndexError):
        return False


def _end_of(driver: subprocess.Popen[bytes], said: Path) -> _End:
    try:
        status = driver.wait(LONGEST)
    except subprocess.TimeoutExpired:
        for member in family(driver):
            member.kill()
        driver.kill()
        driver.wait()
        return _End(None, last_line(said.read_text(errors="replace")))
    return _End(status, last_line(said.read_text(errors="replace")))
