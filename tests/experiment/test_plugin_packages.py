"""Tests of the packages that an experiment file names: the worked example, installed and used; and what is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grid.codecs.catalogue import load_catalogue
from grid.codecs.contract import ADAPTERS
from grid.core.errors import RequestError
from grid.experiment.plugin_packages import TRAVELLED, plugin_folders
from tests.support.command_line import codecgrid
from tests.support.places import EXAMPLE_PLUGIN
from tests.support.tiny_environment import write_wheel
from tests.support.tiny_grid import Tiny, tiny

GRID = {"selections": ["coarse-3bit"], "policies": ["spoof"]}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the packages are installed: once for all tests of this file."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_path(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test puts on the path, and what it imports from there, is gone after it."""
    monkeypatch.setenv("CODECGRID_CACHE", str(cache))
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("coarse_codec", None)
    ADAPTERS._found.pop("coarse", None)
    load_catalogue.cache_clear()


@pytest.fixture
def made(tmp_path: Path) -> Tiny:
    """A tiny grid with a codec of the example, which is no part of codecgrid's catalogue."""
    shutil.copytree(EXAMPLE_PLUGIN, tmp_path / "coarse", ignore=shutil.ignore_patterns("__pycache__"))
    return tiny(tmp_path, grid=GRID, plugins=["./coarse"])


@pytest.mark.slow
def test_grid_with_a_codec_of_a_local_project_is_planned_and_rendered(made: Tiny) -> None:
    ended = codecgrid("plan", made.config, "--root", made.store.root, "--json")
    assert ended.status == 0, ended.err
    (cell,) = ended.json["cells"]
    assert (cell["selection"], cell["action"]) == ("coarse-3bit", "train")
    assert {rendition.chain.codec for rendition in made.rendered().renditions} == {"", "coarse-3bit"}


@pytest.mark.slow
def test_processes_that_a_command_starts_find_the_package(made: Tiny) -> None:
    assert codecgrid("plan", made.config, "--root", made.store.root).status == 0
    code = "from grid.codecs.catalogue import load_catalogue; print(load_catalogue().get('coarse-6bit').family)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout == "Coarse\n"


def test_plugins_are_no_part_of_a_cell_s_identity(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE_PLUGIN, tmp_path / "coarse")
    with_plugin, without = (
        tiny(tmp_path / name, grid={"selections": ["gsm-06.10"], "policies": ["spoof"]}, plugins=plugins)
        for name, plugins in (("a", ["../coarse"]), ("b", []))
    )
    assert [job.cell_id for job in with_plugin.grid.cells] == [job.cell_id for job in without.grid.cells]


@pytest.mark.slow
def test_a_changed_project_is_installed_anew_and_an_unchanged_one_is_not(tmp_path: Path) -> None:
    project = tmp_path / "coarse"
    shutil.copytree(EXAMPLE_PLUGIN, project)
    [first] = plugin_folders(["./coarse"], tmp_path)
    before = (first / "coarse_codec" / "__init__.py").stat().st_ino
    assert plugin_folders(["./coarse"], tmp_path) == [first]
    assert (first / "coarse_codec" / "__init__.py").stat().st_ino == before
    assert not (project / "build").exists()
    with (project / "coarse_codec" / "__init__.py").open("a") as stream:
        stream.write("\n# changed\n")
    [second] = plugin_folders(["./coarse"], tmp_path)
    assert second != first
    assert (second / "coarse_codec" / "__init__.py").read_text().endswith("# changed\n")


def test_a_requirement_is_installed_unless_this_python_meets_it(tmp_path: Path) -> None:
    points = "[codecgrid.policies]\nhalf = half_policy\n"
    wheel = write_wheel(tmp_path, "half_policy", "1.2", {"half_policy.py": "HALF = 0.5\n"}, points)
    [folder] = plugin_folders([f"half_policy @ {wheel.as_uri()}"], tmp_path)
    assert (folder / "half_policy.py").is_file()
    import yaml

    assert plugin_folders([f"pyyaml=={yaml.__version__}"], tmp_path) == []


def test_packages_that_came_with_a_job_are_not_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TRAVELLED, "1")
    assert plugin_folders(["./nowhere"], tmp_path) == []


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        ("./nowhere", "there is no such folder"),
        (".", "has no pyproject.toml, so it is no Python project"),
        ("my-package", "give it one version, such as my-package==1.2"),
        ("my codec/", r"neither a folder \(\./my codec/\) nor a requirement"),
    ],
)
def test_what_is_no_package_is_refused(tmp_path: Path, plugin: str, said: str) -> None:
    with pytest.raises(RequestError, match=f"^plugins: .*{said}"):
        plugin_folders([plugin], tmp_path)


def test_a_package_without_a_plug_in_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    wheel = write_wheel(tmp_path, "plain", "1.0", {"plain.py": "\n"}).as_uri()
    made = tiny(tmp_path, plugins=[f"plain @ {wheel}"])
    ended = codecgrid("plan", made.config, "--root", made.store.root)
    assert ended.status == 2
    assert f"{made.config}:" in ended.err
    assert "it declares no plug-in" in ended.err
