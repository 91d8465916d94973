"""Tests of `codecgrid plan` and `codecgrid status` before anything ran: documents, and tables that cut no name."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.cells.job import HISTORY
from grid.cells.status import record_failure
from grid.config.yaml_file import config_folder
from tasks.progress_lines import duration
from tests.support.command_line import codecgrid
from tests.support.tiny_encoder_grid import tiny_cdd
from tests.support.tiny_grid import Tiny, tiny
from tests.support.tracking_cells import write_done, write_epochs


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return tiny(tmp_path_factory.mktemp("new"))


def test_plan_of_a_new_experiment_says_what_it_would_train(new: Tiny) -> None:
    ended = codecgrid("plan", new.config, "--root", new.store.root, "--json")
    assert ended.status == 0
    cells = ended.json["cells"]
    assert list(ended.json) == ["cells", "gangs", "renditions", "training", "to_fetch", "faults"]
    assert ended.json["gangs"] == ended.json["to_fetch"] == ended.json["faults"] == []
    assert ended.json["renditions"]["number"] == 4
    assert ended.json["training"] == {"seconds": 0.0, "unrated": ["tiny"]}
    assert all(
        list(cell) == ["cell_id", "selection", "policy", "detector", "seed", "action", "reason"] for cell in cells
    )
    assert {(cell["action"], cell["reason"]) for cell in cells} == {("train", "new")}
    # three codecs with two policies each, and one baseline that all of them share
    assert len({cell["cell_id"] for cell in cells}) == len(cells) == 7
    assert [cell["selection"] for cell in cells if cell["policy"] == "none"] == ["none"]


def test_plan_writes_nothing(new: Tiny) -> None:
    codecgrid("plan", new.config, "--root", new.store.root)
    assert not Path(new.store.root).exists()


def test_plan_on_a_terminal_of_eighty_columns_shows_names_whole_under_their_detector(tmp_path: Path) -> None:
    lines = codecgrid("plan", config_folder() / "demo.yaml", "--root", tmp_path).out.splitlines()
    heads = [line.split() for line in lines if line.startswith("detector ")]
    assert heads == [["detector", "lfcc-lcnn-small"], ["detector", "aasist-tiny"]]
    row = next(line for line in lines if "controlled-mvq-none-freq" in line and "bonafide" in line).split()
    assert row[1:] == ["controlled-mvq-none-freq", "bonafide", "0", "train"]
    assert max(map(len, lines)) <= 80
    assert lines[-4:-2] == ["30 to train", "16 renditions to make"]
    unknown = "time to train: not known of aasist-tiny, lfcc-lcnn-small, of which no cell is finished"
    assert " ".join(" ".join(lines[-2:]).split()) == unknown


def test_plan_tells_the_time_at_the_rate_of_finished_cells(tmp_path: Path) -> None:
    made = tiny(tmp_path, grid={"selections": ["gsm-06.10"], "policies": ["bonafide", "spoof"]}, recipe={"epochs": 4})
    grid = made.rendered()
    done, begun = grid.cells
    write_done(made.store, done)
    write_epochs(made.store, begun, 1)
    (rate,) = {epoch["seconds"] for epoch in made.store.read_json(f"{done.folder}/{HISTORY}")["epochs"]}
    arguments = ("plan", made.config, "--root", made.store.root)
    assert codecgrid(*arguments, "--json").json["training"] == {"seconds": 3 * rate, "unrated": []}
    assert f"time to train: {duration(3 * rate)} at most, one cell after the other" in codecgrid(*arguments).out


def test_plan_in_eighty_columns_folds_the_reason_and_no_name_of_the_cdd_grid(tmp_path: Path) -> None:
    codec, policy = "encodec-24khz-6kbps-mars5", {"label": "bonafide", "mixing": "replace", "probability": 0.5}
    made = tiny(tmp_path, grid={"selections": [codec], "policies": [policy]})
    (cell,) = made.grid.cells
    record_failure(made.store, cell, RuntimeError("disk full"), "")
    found = codecgrid("plan", made.config, "--root", made.store.root).out
    lines = found.splitlines()
    names = f"{cell.cell_id}  {codec}  bonafide-replace-0.5  0"
    (start,) = [number for number, line in enumerate(lines) if line.startswith(names)]
    assert " ".join(line[len(names) :].strip() for line in lines[start : start + 3]) == "train: failed before"
    assert max(map(len, lines[: start + 3])) <= 80


@pytest.mark.slow
def test_plan_shows_the_gangs_and_the_passes_they_save(tmp_path: Path) -> None:
    made = tiny_cdd(tmp_path)
    arguments = ("plan", made.config, "--root", made.store.root)
    (gang,) = codecgrid(*arguments, "--json").json["gangs"]
    # 4 bona fide and 4 spoofs in train and in dev; two codecs replace a bona fide item with p = 0.5, in 4 cells each
    assert len(gang["cells"]) == 10
    assert gang["passes"] == (8 + 2 * 2) + (8 + 2 * 4)
    assert gang["separate"] == 10 * 8 + (2 * 8 + 8 * 12)
    shown = codecgrid(*arguments).out
    assert "gang of 10 cells around one frozen encoder" in shown
    assert "28 encoder passes an epoch instead of 192: 1/6.9" in shown


@pytest.mark.slow
def test_plan_of_the_cdd_experiment_without_its_corpora_shows_cells_and_what_brings_the_rest(tmp_path: Path) -> None:
    arguments = ("plan", config_folder() / "cdd.yaml", "--root", tmp_path)
    ended = codecgrid(*arguments, "--json")
    assert ended.status == 0
    cells = ended.json["cells"]
    # 2 detectors x (baseline + 4 codecs x 2 labels) x 3 seeds
    assert len(cells) == 54
    assert {cell["cell_id"] for cell in cells} == {None}
    lacking = {(fault["what"], fault["mend"]) for fault in ended.json["faults"] if fault["cause"] == "corpora"}
    names = ("cdd", "asvspoof5", "rirs")
    assert lacking == {
        (f"{name} is not imported", f"codecgrid import {name} PATH --name {name} --root {tmp_path}") for name in names
    }
    shown = codecgrid(*arguments).out
    assert shown.startswith("54 cells; their ids are known once the corpora are imported")
    assert "accept_licence: [dac-openaudio-s1-mini, xcodec2]" in shown
    assert list(tmp_path.iterdir()) == []


def test_plan_says_what_the_renditions_of_an_imported_corpus_take(tmp_path: Path) -> None:
    made = tiny(tmp_path)
    made.corpus()
    found = codecgrid("plan", made.config, "--root", made.store.root, "--json").json["renditions"]
    # per split 4 recordings of 4800 and 6400 samples in turn, and 4 spoofs of 4800, which codecs do not get
    recordings, spoofs = 3 * 2 * (4800 + 6400), 3 * 4 * 4800
    assert found["bytes"] == 2 * (4 * recordings + spoofs)
    assert found["hours"] == pytest.approx((4 * recordings + spoofs) / 16_000 / 3600)


def test_status_of_a_new_experiment_is_all_to_do(new: Tiny) -> None:
    ended = codecgrid("status", new.config, "--root", new.store.root, "--json")
    assert ended.json == {"done": 0, "failed": 0, "running": 0, "todo": 7, "failures": []}
    assert codecgrid("status", new.config, "--root", new.store.root).out.startswith("0 done, 0 failed")
