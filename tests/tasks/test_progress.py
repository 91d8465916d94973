"""Tests of the progress bars of a run on a terminal."""

from __future__ import annotations

import io
import re

from rich.console import Console

from cluster.stages.events import CellEvent, RenderProgress
from tasks.progress import TerminalProgress
from tests.support.tracking_cells import made_up_cells


def test_bars_on_80_columns_cut_nothing() -> None:
    screen = io.StringIO()
    console = Console(file=screen, width=80, force_terminal=True, color_system=None)
    job = made_up_cells()[0]
    epoch = {"epoch": 1, "dev_eer": 0.125}
    with TerminalProgress(console) as listener:
        listener.rendering(RenderProgress("encodec-24khz-6kbps-with-a-long-name", 3, 12, 3600.0, 2.0, 4))
        listener.training([job])
        listener.cell(CellEvent(job.cell_id, ended=False, epoch=epoch))
    drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    last = drawn[drawn.rindex("encodec-24khz-6kbps-with") :]
    assert "…" not in drawn
    assert "3/12" in last
    assert "EER 12.5%" in " ".join(last.split())
    assert all(len(line) <= 80 for line in drawn.replace("\r", "\n").split("\n"))
