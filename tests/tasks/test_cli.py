"""Tests of the command's surface: what it imports before it works, its names, and the statuses of wrong requests."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from grid import __version__
from tasks import console
from tasks.cli import app
from tests.support.command_line import codecgrid
from tests.support.tiny_grid import GRID, tiny, write_experiment

HEAVY = {"torch", "ray", "mlflow", "pandas", "numpy", "transformers", "matplotlib", "pyarrow", "scipy"}
# The frozen surface: scripts of users rest on it. Arguments in capitals, options by their first name.
SURFACE = {
    "demo": "--root",
    "import": "KIND PATH --name --root --max-rejected-share --option --pack --json",
    "pack": "CORPUS --root --json",
    "build": "CORPUS --out --asvspoof5 --seed --codecs --test-codecs --cdd --protocol --system --json",
    "audit": "CORPORA --root --json",
    "mos": "CORPUS --csv --predictor --weights --replace --root --json",
    "detectors": "NAME --json",
    "policies": "--json",
    "recipes": "--json",
    "experiments": "--json",
    "schema": "KIND",
    "plan": "CONFIG --root --json",
    "prefetch": "CONFIG --root --json",
    "run": "CONFIG --root --address --keep-going --json",
    "status": "CONFIG --root --json",
    "artefacts": "CONFIG --root --address --json",
    "report": "CONFIG --root --from --out --published --json",
    "mlflow": "CONFIG --root --port --browser",
    "sync": "CONFIG --root",
    "watch": "CONFIG --root --interval",
    "submit": "CONFIG --root --address --follow --keep-going",
    "jobs": "--address --json",
    "stop": "JOB --address",
    "codecs show": "NAME --json",  # typed without `show`
    "codecs build": "NAME",
    "codecs check": "NAME SOURCE --seed --device --accept-licence --json",
    "codecs page": "PATH",
    "codecs train": "NAMES --all --corpus --reader --root --configs --device --release --threads --address",
    "retry": "CONFIG CELLS --kind --why --root --address",
    "show": "CELL --root --json",
    "diff": "FIRST SECOND --root --json",
    "logs": "NAME --root --address --follow",
    "resynth": "CODEC SOURCE TARGET --seed --device --accept-licence",
    "score": "--out AUDIO --detector --weights --cell --root --protocol --crop --batch-size --device",
    "eer": "SCORES --protocol --condition --replicates --level --json",
    "doctor": "CONFIG --root --json",
    "ls": "--root --json",
    "gc": "CONFIGS --root --yes",
    "verify": "--root --read-data-subset --repair --json",
}


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return set(done.stdout.splitlines()[-1].split())


def test_command_when_imported_loads_nothing_heavy() -> None:
    assert not modules_after("import tasks.cli") & HEAVY


@pytest.mark.slow
def test_plan_and_status_when_imported_load_no_framework() -> None:
    # what `plan` and `status` import when they run: torch alone would take five seconds
    needed = "tasks.open_experiment, grid.cells.status, grid.experiment.work, cluster.preflight"
    loaded = modules_after(f"import {needed}, tasks.plan, tasks.status")
    assert not loaded & {"torch", "ray", "mlflow", "transformers", "matplotlib"}


def test_command_surface_is_the_frozen_one() -> None:
    group: Any = typer.main.get_command(app)
    commands = {name: command for name, command in group.commands.items() if not hasattr(command, "commands")}
    for name, inner in group.commands.items():
        commands |= {f"{name} {word}": command for word, command in getattr(inner, "commands", {}).items()}
    found = {
        name: " ".join(p.opts[0] if p.param_type_name == "option" else p.name.upper() for p in command.params)
        for name, command in commands.items()
    }
    assert found == SURFACE


def test_version_is_the_package_s() -> None:
    ended = codecgrid("--version")
    assert (ended.status, ended.out.strip()) == (0, f"codecgrid {__version__}")


@pytest.mark.parametrize("arguments", [("traim",), ("plan",), ("plan", "a.yaml", "--rot", "x"), ("report", "--from")])
def test_command_called_wrongly_ends_with_two(arguments: tuple[str, ...]) -> None:
    assert codecgrid(*arguments).status == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"selections": ["opus-6kpbs"]}, "unknown codec 'opus-6kpbs'; did you mean 'opus-6kbps'?"),
        ({"policies": ["none", "spof"]}, "unknown policy 'spof'; did you mean 'spoof'?"),
        ({"detectors": ["tinny"]}, "unknown detector 'tinny'; did you mean 'tiny'?"),
    ],
)
def test_plan_with_an_unknown_name_gives_its_line_and_the_nearest(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    config = write_experiment(tmp_path, grid=changes)
    name = said.split("'")[1]
    line = 1 + next(i for i, text in enumerate(config.read_text().splitlines()) if name in text)
    ended = codecgrid("plan", config)
    assert ended.status == 2
    assert f"{config}:{line}: " in ended.err
    assert said in ended.err
    assert ended.out == ""


def test_run_with_an_unknown_key_starts_nothing(tmp_path: Path) -> None:
    made = tiny(tmp_path, evaluation={})
    ended = codecgrid("run", made.config, "--root", tmp_path / "results")
    line = 1 + made.config.read_text().splitlines().index("evaluation: {}")
    assert ended.status == 2
    assert f"{made.config}:{line}: unknown key 'evaluation'; did you mean 'evaluations'?" in ended.err
    assert not (tmp_path / "results").exists()


def test_run_without_a_file_ends_with_two(tmp_path: Path) -> None:
    ended = codecgrid("run", tmp_path / "nothing.yaml")
    assert ended.status == 2
    assert "nothing.yaml: No such file" in ended.err


def test_plan_with_an_unknown_recipe_names_its_line(tmp_path: Path) -> None:
    config = write_experiment(tmp_path, grid=GRID)
    config.write_text(config.read_text().replace("recipe: tiny", "recipe: tinny"))
    ended = codecgrid("plan", config)
    assert ended.status == 2
    assert "unknown recipe 'tinny'; did you mean 'tiny'?" in ended.err


@pytest.mark.parametrize(("given", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_main_stopped_by_a_signal_ends_as_a_shell_would(given: signal.Signals, status: int) -> None:
    def stop() -> None:
        raise KeyboardInterrupt(given.name)

    with pytest.raises(SystemExit) as ended:
        console.main(stop)
    assert ended.value.code == status
