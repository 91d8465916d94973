"""Planning at the size of CodecFake+ (44,455 recordings, 31 codecs): whole processes, seconds and memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks import codecfake_plus, planning_steps
from tests.benchmarks.codecfake_plus import UTTERANCES, Place
from tests.benchmarks.comparison import Comparison, Contest
from tests.benchmarks.fresh_process import run

CODECS = 31


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = codecfake_plus.make(tmp_path_factory.mktemp("codecfake-plus"))
    planning_steps.prepare(str(place.root), str(place.config))
    return place


def test_plan_of_a_whole_grid(contest: Contest, place: Place) -> None:
    found = contest.processes(
        "plan 828 cells, 31 codecs x 44,455 utterances",
        lambda: run(planning_steps.plan, place.root, place.config),
        {"an item and a file test for each utterance": lambda: run(planning_steps.plan_by_file, place.root)},
    )
    assert found.result["rows"] == CODECS * UTTERANCES
    assert found.result["cells"] == 828


def test_join_of_one_rendition(contest: Contest, place: Place) -> None:
    planning_steps.prepare_shards(str(place.root), str(place.config))
    found = contest.once(lambda: run(planning_steps.join, place.root, place.config))
    contest.add(Comparison("finish_render: join 44,455 rows (no audio to hash)", "s", found.seconds))
    contest.add(Comparison("finish_render: join 44,455 rows (no audio to hash)", "GB peak", found.peak_gb))
    assert found.result["rows"] == UTTERANCES


def test_training_set_of_all_codecs(contest: Contest, tmp_path: Path) -> None:
    place = codecfake_plus.make(tmp_path)
    planning_steps.prepare_finished(str(place.root), str(place.config))
    found = contest.processes(
        "read 32 manifests, items of an epoch",
        lambda: run(planning_steps.read, place.root, place.config),
        {"pandas: all columns, one table": lambda: run(planning_steps.read_with_pandas, place.root, place.config)},
    )
    assert found.result["items"] == found.result["rows"] > 0.79 * (CODECS + 1) * UTTERANCES
