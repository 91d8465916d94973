"""A whole run through codecs in an environment of their own: to the end, around a death, and again.

The workers run under the environment's Python. The codec that ends its worker's process is driven over the bridge after
that, so both ways occur; which of them an operator takes is tested in `stages/test_resynthesis_isolated.py`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from grid.cells.job import HISTORY, WEIGHTS
from grid.codecs.catalogue import load_catalogue
from grid.codecs.contract import ADAPTERS
from grid.core.record import RECORD
from grid.core.store import Store
from grid.experiment.grid import Grid
from grid.resynthesis.shards import ShardReader, stored_utterance
from tests.support.command_line import codecgrid
from tests.support.elsewhere_package import CORE, LAST_WORDS, MODULE, PINNED, VICTIM, Elsewhere
from tests.support.tiny_grid import tiny

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]  # two runs in a fixture

GRID = {"selections": ["elsewhere", "elsewhere-dies"], "policies": ["spoof"]}
# one of CoRS would need that of every codec
EVALUATIONS = {"attack": {"bonafide": "raw", "spoof": "attack"}}
RECORDINGS, SPOOFS = 12, 12
OUTPUTS = {WEIGHTS, HISTORY, RECORD, "scores.parquet"}


@dataclass(frozen=True)
class After:
    """How a run ended, its standard error, and when each file of its store was written."""

    status: int
    summary: Any
    said: str
    written: dict[str, int]


@dataclass(frozen=True)
class Story:
    """A run around a codec that dies, and one after it was mended."""

    elsewhere: Elsewhere
    grid: Grid
    store: Store
    first: After
    second: After

    def folder(self, codec: str) -> str:
        """The folder of the codec's CoRS; that of the recordings for ""."""
        (found,) = [r.folder for r in self.grid.renditions if (r.chain.codec, r.chain.attack) == (codec, "")]
        return found

    def cell(self, codec: str) -> str:
        """The folder of the cell that was trained with the codec's CoRS."""
        (found,) = [job.folder for job in self.grid.cells if self.folder(codec) in {cors.folder for cors in job.cors}]
        return found

    def audio(self, codec: str) -> dict[str, NDArray[np.float32]]:
        """The waveforms of a rendition, by the id of the recording."""
        folder = Path(self.store.uri(self.folder(codec)))
        rows = pq.read_table(folder / "manifest.parquet").to_pylist()
        reader = ShardReader(folder)
        return {r["utterance_id"].split("~")[0]: reader.waveform(stored_utterance(r)) for r in rows}


@pytest.fixture(scope="module")
def story(ray_local: None, elsewhere: Elsewhere, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    made = tiny(
        tmp_path_factory.mktemp("story"),
        grid=GRID,
        recipe={"epochs": 1},
        evaluations=EVALUATIONS,
        max_failed_share=0.0,
    )

    def run() -> After:
        ended = codecgrid("run", made.config, "--root", made.store.root, "--json")
        assert ended.out, ended.err
        return After(ended.status, ended.json, ended.err, written(made.store))

    with pytest.MonkeyPatch.context() as patch:
        for name, value in elsewhere.variables.items():
            patch.setenv(name, value)
        patch.syspath_prepend(str(elsewhere.site))
        importlib.invalidate_caches()
        load_catalogue.cache_clear()
        elsewhere.declare(ray=True)
        first = run()
        elsewhere.mend()
        yield Story(elsewhere, made.grid, made.store, first, run())
    load_catalogue.cache_clear()
    sys.modules.pop(MODULE, None)
    ADAPTERS._found.pop("elsewhere", None)


def written(store: Store) -> dict[str, int]:
    """When each file of the renditions was written, and the outputs and the record of each cell."""
    files = [*Path(store.uri("audio")).rglob("*.parquet")]
    files += [path for path in Path(store.uri("cells")).rglob("*") if path.name in OUTPUTS]
    return {str(path.relative_to(store.root)): path.stat().st_mtime_ns for path in files}


def below(after: After, folder: str) -> dict[str, int]:
    return {path: time for path, time in after.written.items() if path.startswith(f"{folder}/")}


def test_run_around_a_codec_that_dies_fails_its_cell_with_the_reason_and_finishes_the_other(story: Story) -> None:
    first = story.first
    assert first.status == 3, first.said
    (failure,) = first.summary["failures"]
    assert (first.summary["done"], first.summary["failed"]) == (1, 1)
    died = f"its process in environment elsewhere was killed by SIGKILL; the last it said: {LAST_WORDS}"
    for part in (VICTIM, f"1 of {RECORDINGS} utterances failed", died):
        assert part in failure["error"]
    assert f"{story.cell('elsewhere')}/record.json" in first.written
    assert f"{story.cell('elsewhere-dies')}/record.json" not in first.written


def test_run_codes_with_the_environment_s_interpreter_and_its_version_of_a_package(story: Story) -> None:
    environment = story.elsewhere.environment
    calls = story.elsewhere.coded_by("elsewhere")
    assert {call["prefix"] for call in calls} == {str(environment.folder)}
    assert {call["clashing"] for call in calls} == {PINNED[0]} != {CORE[0]}
    assert {call["in_ray"] for call in calls} == {True}


def test_run_keeps_the_samples_that_the_codec_gives(story: Story) -> None:
    recordings = story.audio("")
    assert len(recordings) == RECORDINGS + SPOOFS
    for codec in ("elsewhere", "elsewhere-dies"):
        made = story.audio(codec)
        assert made.keys() == {name for name in recordings if not name.endswith("-buzz")}
        assert len(made) == RECORDINGS
        for utterance_id, samples in made.items():
            expected = np.rint(recordings[utterance_id] * 32768 * PINNED[1]) / 32768
            np.testing.assert_array_equal(samples, expected.astype(np.float32))


def test_run_after_mending_makes_only_what_was_missing(story: Story) -> None:
    first, second = story.first, story.second
    assert (second.status, second.summary["done"], second.summary["failed"]) == (0, 2, 0), second.said
    kept = [story.folder(codec) for codec in ("", "elsewhere")]
    kept.append(story.cell("elsewhere"))
    for folder in kept:
        assert below(first, folder)
        assert below(second, folder) == below(first, folder)
    shards = {p: t for p, t in below(first, story.folder("elsewhere-dies")).items() if "/rows-" in p}
    assert len(shards) == 3  # of four: the one with the victim is to be made again
    assert shards.items() <= second.written.items()
