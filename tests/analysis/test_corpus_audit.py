"""The audit of an experiment's corpora: in the splits it uses, before and after their audio was measured."""

from __future__ import annotations

from pathlib import Path

from grid.analysis.corpus_audit import read_audit
from grid.analysis.results import GridResults
from grid.corpus.audit.stored import measure_stored
from grid.experiment.grid import load_experiment
from grid.report.about import About
from grid.report.contents import outline
from tests.support.tiny_grid import tiny


def test_audit_of_an_experiment_has_the_splits_that_it_uses(tmp_path: Path) -> None:
    made = tiny(tmp_path)
    experiment, _ = load_experiment(made.config)
    (source,) = experiment.corpora
    used = source.model_copy(update={"splits": ("train", "dev")})
    experiment = experiment.model_copy(update={"corpora": (used,)})
    assert read_audit(made.store, experiment) is None
    made.corpora()
    found = read_audit(made.store, experiment)
    assert found is not None
    assert [group.split for group in found.groups] == ["train", "train", "dev", "dev"]
    assert found.unmeasured == ("tiny",)
    measure_stored(made.store, "tiny")
    measured = read_audit(made.store, experiment)
    assert measured is not None
    assert {item.number for item in measured.shortcuts} >= {"duration", "level", "silence", "bandwidth", "clipping"}


def test_page_shows_what_tells_the_classes_apart_and_folds_the_files(tmp_path: Path) -> None:
    made = tiny(tmp_path, corpus={"speakers": 10})
    made.corpora()
    measure_stored(made.store, "tiny")
    page = outline(GridResults("g", (), audit=read_audit(made.store, made.grid.experiment)), About())
    assert [part.name for part in page.shown if part.name.startswith("audit")] == ["audit"]
    assert [(fold.title, [part.name for part in fold.parts]) for fold in page.folds] == [
        ("The files of the corpora", ["audit-files"])
    ]
    assert any(text.startswith("In train, ") and text.endswith(" from spoof.") for text in page.warnings)


def test_page_of_one_class_has_no_comparison_to_show(tmp_path: Path) -> None:
    made = tiny(tmp_path, corpus={"spoof": False})
    made.corpora()
    experiment, _ = load_experiment(made.config)
    page = outline(GridResults("g", (), audit=read_audit(made.store, experiment)), About())
    assert [part.name for part in page.shown if part.name.startswith("audit")] == []
    assert [[part.name for part in fold.parts] for fold in page.folds] == [["audit-files", "audit"]]
    assert page.warnings == ()
