"""A whole run through a codec in an environment of its own, either way: to the end, around a death, and again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from numpy.typing import NDArray

from grid.cells.job import HISTORY, WEIGHTS
from grid.codecs.catalogue import load_catalogue
from grid.codecs.contract import ADAPTERS
from grid.codecs.isolation.building import VARIABLE as ENVIRONMENTS
from grid.core.record import RECORD
from grid.core.store import Store
from grid.experiment.grid import Grid, resolve
from grid.resynthesis.shards import ShardReader
from tests.support.elsewhere_package import (
    CORE,
    LAST_WORDS,
    MODULE,
    PINNED,
    VARIABLE,
    VICTIM,
    Elsewhere,
    make_elsewhere,
)
from tests.support.places import REPOSITORY

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]  # three runs in a fixture

RECIPE = {"epochs": 1, "batch_size": 16, "optimiser": {"learning_rate": 0.001}, "crop": {"samples": 8000}}
EXPERIMENT = {
    "name": "elsewhere",
    "corpora": [{"name": "sample", "reader": "csv", "path": "sample"}],
    "attacks": [{"name": "world", "through": "nothing"}],
    "grid": {
        "selections": ["mu-law", "elsewhere", "elsewhere-dies"],
        "policies": ["spoof"],
        "detectors": ["lfcc-lcnn-small"],
        "seeds": [0],
    },
    "recipe": "one-epoch",
    "evaluations": {"attack": {"bonafide": "raw", "spoof": "attack"}},  # one of CoRS would need that of every codec
    "bootstrap": {"replicates": 100},
    "max_failed_share": 0.0,
    "resources": {"codec_workers": 1},
}
OUTPUTS = {WEIGHTS, HISTORY, RECORD, "scores.parquet"}


@dataclass(frozen=True)
class After:
    """How a run ended, its standard error, when each file of its store was written, and calls of the codecs so far."""

    status: int
    summary: Any
    said: str
    written: dict[str, int]
    calls: int


@dataclass(frozen=True)
class Story:
    """A run around a codec that dies, one after it was mended, and one more."""

    elsewhere: Elsewhere
    grid: Grid
    store: Store
    in_ray: bool
    runs: tuple[After, After, After]

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
        return {r["utterance_id"].split("~")[0]: reader.waveform(r["path"], r["offset"], r["samples"]) for r in rows}


@pytest.fixture(scope="module", params=[False, True], ids=["bridge", "own-python"])
def story(
    request: pytest.FixtureRequest, ray_variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    folder = tmp_path_factory.mktemp("elsewhere")
    elsewhere = make_elsewhere(folder, ray=request.param)
    config = write(folder / "elsewhere.yaml", EXPERIMENT)
    write(folder / "recipes" / "one-epoch.yaml", RECIPE)
    own = {
        ENVIRONMENTS: str(elsewhere.environments),
        VARIABLE: str(folder),
        "PYTHONPATH": os.pathsep.join([str(elsewhere.site), str(REPOSITORY)]),
        "OMP_NUM_THREADS": "1",
    }
    store = Store.open(folder / "results")

    def run() -> After:
        command = [sys.executable, "-m", "tasks.run", str(config), "--root", store.root, "--json"]
        ended = subprocess.run(
            command, env=ray_variables | own, cwd=REPOSITORY, capture_output=True, text=True, timeout=280, check=False
        )
        assert ended.stdout, ended.stderr
        calls = sum(len(elsewhere.coded_by(codec)) for codec in ("elsewhere", "elsewhere-dies"))
        return After(ended.returncode, json.loads(ended.stdout), ended.stderr, written(store), calls)

    first = run()
    elsewhere.mend()
    runs = (first, run(), run())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENVIRONMENTS, own[ENVIRONMENTS])
        patch.syspath_prepend(str(elsewhere.site))
        load_catalogue.cache_clear()
        yield Story(elsewhere, resolve(config, store), store, bool(request.param), runs)
    load_catalogue.cache_clear()
    sys.modules.pop(MODULE, None)
    ADAPTERS._found.pop("elsewhere", None)


def write(path: Path, content: dict[str, Any]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def written(store: Store) -> dict[str, int]:
    """When each file of the renditions was written, and the outputs and the record of each cell."""
    files = [*Path(store.uri("audio")).rglob("*.parquet")]
    files += [path for path in Path(store.uri("cells")).rglob("*") if path.name in OUTPUTS]
    return {str(path.relative_to(store.root)): path.stat().st_mtime_ns for path in files}


def below(after: After, folder: str) -> dict[str, int]:
    return {path: time for path, time in after.written.items() if path.startswith(f"{folder}/")}


def test_run_around_a_codec_that_dies_fails_its_cell_with_the_reason_and_finishes_the_others(story: Story) -> None:
    first = story.runs[0]
    assert first.status == 3, first.said
    (failure,) = first.summary["failures"]
    assert (first.summary["done"], first.summary["failed"]) == (2, 1)
    died = f"its process in environment elsewhere was killed by SIGKILL; the last it said: {LAST_WORDS}"
    for part in (VICTIM, "1 of 64 utterances failed", died):
        assert part in failure["error"]
    assert f"{story.cell('elsewhere')}/record.json" in first.written
    assert f"{story.cell('mu-law')}/record.json" in first.written
    assert f"{story.cell('elsewhere-dies')}/record.json" not in first.written


def test_run_codes_with_the_environment_s_interpreter_and_its_version_of_a_package(story: Story) -> None:
    environment = story.elsewhere.environment
    calls = story.elsewhere.coded_by("elsewhere")
    assert {call["prefix"] for call in calls} == {str(environment.folder)}
    assert {call["clashing"] for call in calls} == {PINNED[0]} != {CORE[0]}
    assert {call["in_ray"] for call in calls} == {story.in_ray}


def test_run_keeps_the_samples_that_the_codec_gives(story: Story) -> None:
    recordings = story.audio("")
    assert len(recordings) == 64
    for codec in ("elsewhere", "elsewhere-dies"):
        made = story.audio(codec)
        assert made.keys() == recordings.keys()
        for utterance_id, samples in made.items():
            expected = np.rint(recordings[utterance_id] * 32768 * PINNED[1]) / 32768
            np.testing.assert_array_equal(samples, expected.astype(np.float32))


def test_run_after_mending_makes_only_what_was_missing(story: Story) -> None:
    first, second, _ = story.runs
    assert (second.status, second.summary["done"], second.summary["failed"]) == (0, 3, 0), second.said
    kept = [story.folder(codec) for codec in ("", "mu-law", "elsewhere")]
    kept += [story.cell(codec) for codec in ("mu-law", "elsewhere")]
    for folder in kept:
        assert below(first, folder)
        assert below(second, folder) == below(first, folder)
    shards = {p: t for p, t in below(first, story.folder("elsewhere-dies")).items() if "/rows-" in p}
    assert len(shards) == 3  # of four: the one with the victim is to be made again
    assert shards.items() <= second.written.items()


def test_run_of_a_finished_grid_makes_nothing_again(story: Story) -> None:
    _, second, third = story.runs
    assert (third.status, third.summary) == (0, second.summary)
    assert third.written == second.written
    assert third.calls == second.calls
