"""Tests of `codecgrid watch` and of the progress in `status`, on a store that changes under them."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from rich.console import Console

from grid.cells.measurements import keep_measurements
from grid.core.record import RECORD
from grid.experiment.frozen import freeze
from grid.metrics.evaluation import Measurement
from tasks import watch as command
from tests.support.command_line import codecgrid
from tests.support.tiny_grid import Tiny, tiny
from tests.support.tracking_cells import alive, write_done, write_epochs

VALUES = {"eer": 0.125, "eer_lower": 0.1, "eer_upper": 0.15, "min_dcf": 0.5, "n_bonafide": 8, "n_spoof": 8}
MEANS = {"bonafide_mean": 1.0, "spoof_mean": -1.0}
GRID = {"selections": ["gsm-06.10"], "policies": ["bonafide", "spoof"]}


@pytest.fixture
def made(tmp_path: Path) -> Tiny:
    """Two cells of one codec: one is done and measured, one has an epoch."""
    made = tiny(tmp_path, grid=GRID)
    grid = made.rendered()
    freeze(made.store, grid)
    done, trained = grid.cells
    write_done(made.store, done)
    measured = [Measurement(name, "pooled", **VALUES, **MEANS) for name in ("raw", "cors")]
    keep_measurements(made.store, done, grid.experiment, measured)
    write_epochs(made.store, trained, 1)
    return made


def where(made: Tiny) -> tuple[object, ...]:
    return (made.config, "--root", made.store.root)


def test_status_has_the_eers_of_finished_cells_and_the_epochs_of_running_ones(made: Tiny) -> None:
    done, trained = made.grid.cells
    with alive(made.store, trained), made.store.lock("experiments/tiny.lock", timeout=1):
        said = codecgrid("status", *where(made)).out
    assert said.splitlines() == [
        "1 done, 0 failed, 1 running, 0 todo",
        "training: about 1 min left at most",
        f"  running: {trained.cell_id} tiny gsm-06.10 spoof seed 0: 1 of 2 epochs, dev EER 14.29 %",
        f"  done: {done.cell_id} tiny gsm-06.10 bonafide seed 0: EER raw 12.50 %, cors 12.50 %",
    ]


def test_status_of_an_unfinished_rendition_counts_its_utterances(made: Tiny) -> None:
    rendition = next(each for each in made.grid.renditions if each.chain.codec)
    shards = sorted(name for name in made.store.names(rendition.folder) if name.startswith("rows-"))
    made.store.remove(f"{rendition.folder}/{RECORD}")
    whole = codecgrid("status", *where(made)).out.splitlines()[1]
    assert not whole.startswith("resynthesis")  # every shard is there, and only its record is missing
    made.store.remove(f"{rendition.folder}/{shards[0]}")
    line = codecgrid("status", *where(made)).out.splitlines()[1]
    # 24 recordings and attacks of the corpus, and 12 recordings through the codec
    assert line.startswith("resynthesis: ")
    count = int(line.split()[1])
    assert (24 <= count < 36, line.split()[2:]) == (True, ["of", "36", "utterances"])


def test_status_writes_nothing(tmp_path: Path) -> None:
    made = tiny(tmp_path, grid=GRID)
    made.corpora()
    before = made.store.sizes("")
    assert codecgrid("status", *where(made)).status == 0
    assert made.store.sizes("") == before


def test_watch_on_no_terminal_prints_a_line_for_each_change_until_the_end(
    made: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, trained = made.grid.cells
    looks: list[float] = []

    def wait(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:
            write_done(made.store, trained)

    monkeypatch.setattr(time, "sleep", wait)
    ended = codecgrid("watch", *where(made), "--interval", "7")
    assert ended.status == 0
    lines = ended.out.splitlines()
    assert lines[0] == "1 done, 0 failed, 0 running, 1 todo"
    assert lines.count(f"  done: {done.cell_id} tiny gsm-06.10 bonafide seed 0: EER raw 12.50 %, cors 12.50 %") == 1
    assert lines[-2:] == [
        "2 done, 0 failed, 0 running, 0 todo",
        f"  done: {trained.cell_id} tiny gsm-06.10 spoof seed 0: EER not measured yet",
    ]
    assert looks == [7.0, 7.0]


def test_watch_on_a_terminal_of_80_columns_cuts_no_eer(made: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    write_done(made.store, made.grid.cells[1])
    screen = io.StringIO()
    monkeypatch.setattr(command, "out", Console(file=screen, width=80, force_terminal=True, color_system=None))
    assert codecgrid("watch", *where(made)).status == 0
    shown = screen.getvalue().replace("\n", "")
    assert "EER raw 12.50 %, cors 12.50 %" in shown.replace("  done", " done")
    assert "…" not in shown
