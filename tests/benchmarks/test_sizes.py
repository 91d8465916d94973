"""Large grids and protocols: `plan` and `status` of finished cells, and the import of a protocol, as whole processes.

By default 400 cells and 50,000 rows; CODECGRID_BENCH_CELLS (a multiple of 40) and CODECGRID_BENCH_ROWS say otherwise.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.benchmarks import done_cells_steps
from tests.benchmarks.codecfake_plus import Place
from tests.benchmarks.comparison import Contest
from tests.benchmarks.done_cells import make_done_cells
from tests.benchmarks.fresh_process import run

CELLS = int(os.environ.get("CODECGRID_BENCH_CELLS", "400"))
ROWS = int(os.environ.get("CODECGRID_BENCH_ROWS", "50000"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return make_done_cells(tmp_path_factory.mktemp("done"), CELLS)


@pytest.mark.parametrize("command", ["plan", "status"])
def test_command_over_done_cells(contest: Contest, place: Place, command: str) -> None:
    step = getattr(done_cells_steps, command)
    found = contest.processes(
        f"{command} of {CELLS:,} done cells",
        lambda: run(step, place.root, place.config),
        {"read every record": lambda: run(done_cells_steps.read_all_records, place.root, place.config)},
    )
    assert found.result["cells"] == CELLS


def test_import_of_a_protocol_without_its_audio(contest: Contest, tmp_path: Path) -> None:
    protocol = tmp_path / "protocol.csv"
    _write_protocol(protocol)
    found = contest.processes(
        f"import {ROWS:,} rows, no audio",
        lambda: run(done_cells_steps.import_rows, protocol, tmp_path / "out"),
        {"pandas: read_csv, to_parquet": lambda: run(done_cells_steps.read_rows_with_pandas, protocol)},
    )
    assert found.result["rows"] == ROWS


def _write_protocol(path: Path) -> None:
    splits = ("train", "dev", "test")
    with path.open("w", encoding="utf-8") as file:
        file.write("utterance_id,path,speaker,split,key,attack\n")
        for row in range(ROWS):
            speaker, attack = row % 500, f"A{row % 19:02d}" if row % 3 else ""
            key = "spoof" if attack else "bonafide"
            file.write(f"u{row:07d},flac/u{row:07d}.flac,s{speaker},{splits[speaker % 3]},{key},{attack}\n")
