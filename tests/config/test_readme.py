"""The README: its example is a valid experiment file, and the commands it shows exist."""

from __future__ import annotations

import re
from pathlib import Path

from grid.experiment.grid import load_experiment
from tasks.cli import app
from tests.support.places import REPOSITORY

README = REPOSITORY / "README.md"


def test_readme_example_loads_as_an_experiment(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / "example.yaml").write_text(example)
    experiment, _ = load_experiment(tmp_path / "example.yaml")
    assert [policy.name for policy in experiment.grid.policies][-1] == "spoof-replace-0.5"


def test_readme_commands_exist() -> None:
    shown = set(re.findall(r"^codecgrid (\w+)", README.read_text(), re.MULTILINE))
    known = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    known |= {group.name for group in app.registered_groups}
    assert shown
    assert shown <= known, shown - known


def test_readme_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text())
    missing = [link for link in links if not link.startswith("http") and not (README.parent / link).exists()]
    assert not missing
