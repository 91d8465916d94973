"""`codecgrid experiments`, and bundled experiments by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.config.yaml_file import config_folder
from grid.experiment.bundled import bundled_experiments, experiment_path
from tests.support.command_line import codecgrid
from tests.support.committed_experiments import COMMITTED


def test_every_experiment_is_listed_with_its_question_and_hardware() -> None:
    found = bundled_experiments()
    assert [item.path for item in found] == COMMITTED
    assert all(len(item.question) > 20 and item.hardware for item in found)


def test_cells_and_corpora_are_those_of_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo, shared = (item for item in bundled_experiments() if item.name in ("demo", "shared_speech"))
    monkeypatch.setattr("grid.experiment.bundled.bundled_experiments", lambda: [demo, shared])
    monkeypatch.chdir(tmp_path)
    rows = {row["name"]: row for row in codecgrid("experiments", "--json").json}
    assert rows["demo"]["cells"] == len(codecgrid("plan", "demo", "--json").json["cells"]) == 30
    assert (rows["shared_speech"]["cells"], rows["shared_speech"]["corpora"]) == (27, ["shared-speech"])
    said = codecgrid("experiments").out
    assert "The whole grid on real speech" in " ".join(said.split())
    assert list(tmp_path.iterdir()) == []


def test_a_name_means_the_bundled_file_and_a_path_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert experiment_path("codecfake_plus/factors") == str(config_folder() / "codecfake_plus" / "factors.yaml")
    assert experiment_path("own/demo.yaml") == "own/demo.yaml"
    monkeypatch.chdir(tmp_path)
    Path("demo").write_text("name: mine", encoding="utf-8")
    assert experiment_path("demo") == "demo"


def test_an_unknown_name_is_told_with_the_choices() -> None:
    ended = codecgrid("plan", "dmo")
    assert ended.status == 2
    assert "unknown experiment 'dmo'; did you mean 'demo'?" in ended.err
    assert "codecgrid experiments" in ended.err
