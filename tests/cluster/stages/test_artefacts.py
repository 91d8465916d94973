"""The comparison of artefacts through Ray Data: it renders what is missing, resumes and trains nothing."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from cluster.stages.artefacts import measure_all, run_artefacts
from grid.analysis.artefacts import artefact_folder, plan_artefacts, read_artefacts
from grid.core.errors import RequestError
from tasks.progress import TerminalProgress
from tests.support.tiny_grid import tiny

pytestmark = pytest.mark.ray
GRID = {"selections": ["opus-6kbps", "mu-law"], "policies": ["spoof"]}


def test_run_artefacts_renders_compares_and_running_again_reads(ray_local: None, tmp_path: Path) -> None:
    made = tiny(tmp_path, grid=GRID, artefacts={"utterances": 3})
    listener = TerminalProgress(Console(file=io.StringIO()))
    record = run_artefacts(made.config, made.store, address="local", listener=listener)
    assert record.results["utterances"] == 3
    found = read_artefacts(made.store, made.grid)
    assert found is not None
    assert [(pair.codec_a, pair.codec_b) for pair in found.pairs] == [("opus-6kbps", "mu-law")]
    assert made.store.names("cells") == []
    assert run_artefacts(made.config, made.store, address="local", listener=listener) == record


def test_a_shard_that_fails_is_named_and_the_others_are_kept(ray_local: None, tmp_path: Path) -> None:
    made = tiny(tmp_path, grid=GRID, artefacts={"utterances": 4})
    grid = made.rendered()
    job = plan_artefacts(made.store, grid)
    broken = dict(job.pieces[0].resynthesised)["mu-law"]
    for name in made.store.names(broken):
        if name.startswith("shard-"):
            made.store.write_bytes(f"{broken}/{name}", b"cut")
    with pytest.raises(RequestError, match=r"shards failed, the others are kept: piece \d: DamagedShardError: .*shard"):
        measure_all(made.store, job, say=lambda text: None)
    assert not made.store.exists(f"{artefact_folder(grid)}/record.json")
