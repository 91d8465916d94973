"""The preflight of a run: what is refused before anything is written, and the check on a worker of a real Ray."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rich.console import Console

from cluster.preflight import check_before_submitting, check_on_the_cluster, unreadable_on_a_worker
from cluster.runtime.nodes import worker_nodes
from cluster.stages.importing import import_corpora
from grid.core.store import Store
from grid.corpus.imported import pack_corpus
from grid.experiment.preflight import PreflightError
from grid.experiment.work import Work
from tasks.progress import TerminalProgress
from tests.support.command_line import codecgrid
from tests.support.tiny_grid import DETECTOR, Tiny, tiny, write_yaml


def one_cell(folder: Path, codec: str = "mu-law", **changes: object) -> Tiny:
    return tiny(folder, grid={"selections": [codec], "policies": ["spoof"]}, **changes)


@pytest.mark.ray
@pytest.mark.slow
def test_a_corpus_that_a_worker_cannot_read_is_named_with_its_command(ray_local: None, tmp_path: Path) -> None:
    made = one_cell(tmp_path)
    corpus = made.corpus()
    assert unreadable_on_a_worker(made.store, [corpus]) == []
    shutil.move(tmp_path / "corpus", tmp_path / "elsewhere")
    (fault,) = unreadable_on_a_worker(made.store, [corpus])
    assert fault.what.startswith("tiny: a worker cannot read its recordings: ")
    assert f"codecgrid pack tiny --root {made.store.root}" in fault.mend
    shutil.move(tmp_path / "elsewhere", tmp_path / "corpus")
    pack_corpus(made.store, "tiny")
    shutil.move(tmp_path / "corpus", tmp_path / "elsewhere")
    assert unreadable_on_a_worker(made.store, [corpus]) == []


@pytest.mark.ray
@pytest.mark.slow
def test_a_cluster_that_grows_needs_corpora_packed_and_the_memory_of_its_nodes(
    ray_local: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = one_cell(tmp_path)
    made.corpus()
    work = Work.left(made.grid, made.store, made.grid.cells)
    check_on_the_cluster(work, keep_going=False)
    ((name, node),) = worker_nodes().items()
    assert node["CPU"] == 2
    assert node["memory"] > 1e8
    monkeypatch.setattr("cluster.preflight.grows", lambda: True)
    monkeypatch.setattr("grid.experiment.memory._weight_bytes", lambda work: {"tiny": int(1e15)})
    with pytest.raises(PreflightError) as refused:
        check_on_the_cluster(work, keep_going=False)
    corpora, memory = refused.value.faults
    assert f"codecgrid pack tiny --root {made.store.root}" in corpora.mend
    assert f"the machine at {name} has " in memory.what


def test_a_run_without_its_corpus_is_refused_with_all_that_it_lacks_and_writes_nothing(tmp_path: Path) -> None:
    made = one_cell(tmp_path, "xcodec2", corpora=[{"name": "vctk"}])
    ended = codecgrid("run", made.config, "--root", made.store.root)
    assert ended.status == 2
    assert "nothing was started, because of\ncorpora:\n  vctk is not imported\n" in ended.err
    assert f"    codecgrid import vctk PATH --name vctk --root {made.store.root}\n" in ended.err
    assert "licences:\n  xcodec2: CC-BY-NC" in ended.err
    assert not Path(made.store.root).exists()


def test_a_run_with_a_fault_is_refused_after_the_import_and_before_any_cell(tmp_path: Path) -> None:
    made = one_cell(tmp_path, "xcodec2")
    ended = codecgrid("run", made.config, "--root", made.store.root)
    assert ended.status == 2
    assert "accept_licence: [xcodec2]\n" in ended.err
    assert "--keep-going runs what they do not concern" in ended.err
    assert made.store.names("cells") == made.store.names("audio") == []


def test_a_job_that_would_not_get_its_corpus_or_its_licence_is_not_submitted(tmp_path: Path) -> None:
    made = one_cell(tmp_path, "xcodec2")
    with pytest.raises(PreflightError) as refused:
        check_before_submitting(made.config, made.store, tmp_path / "code")
    assert [fault.cause for fault in refused.value.faults] == ["corpora", "licences"]
    protocol = tmp_path / "corpus" / "protocol.csv"
    assert f"tiny is not imported\n    codecgrid import csv {protocol} --name tiny --root " in str(refused.value)
    with pytest.raises(PreflightError) as refused:  # the corpus comes with the code
        check_before_submitting(made.config, made.store, tmp_path)
    assert [fault.cause for fault in refused.value.faults] == ["licences"]


def test_a_corpus_in_place_is_imported_by_a_job_and_not_packed_into_a_bucket(tmp_path: Path) -> None:
    corpus = {"name": "tiny", "reader": "csv", "path": "corpus/protocol.csv"}
    for in_place in (False, True):
        made = one_cell(tmp_path, corpora=[{**corpus, "in_place": in_place}])
        bucket = Store.open(f"memory://{tmp_path.name}-{in_place}/root")
        import_corpora(made.config, bucket, TerminalProgress(Console(quiet=True)))
        assert any(path.endswith(".tar") for path in bucket.sizes("corpora")) is not in_place
    check_before_submitting(made.config, made.store, tmp_path / "code")  # it need not come with the code


def test_weights_of_the_submitting_machine_go_into_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = one_cell(tmp_path)
    frontend = {"name": "ssl", "options": {"model": "facebook/wav2vec2-base", "weights": "random"}}
    parts = {"frontend": frontend, "backend": {"name": "mean-pool", "options": {}}}
    write_yaml(tmp_path / "detectors" / "tiny.yaml", {**DETECTOR, **parts})
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("CODECGRID_WEIGHTS", str(tmp_path / "weights"))
    made.corpus()
    with pytest.raises(PreflightError, match=r"tiny: weights facebook/wav2vec2-base/config\.json are missing"):
        check_before_submitting(made.config, made.store, tmp_path)
    file = tmp_path / "weights" / "facebook" / "wav2vec2-base" / "config.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    check_before_submitting(made.config, made.store, tmp_path)
    file.unlink()
    check_before_submitting(made.config, made.store, tmp_path)
    assert len(made.store.names("weights")) == 2
