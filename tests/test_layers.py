"""The structure of the code: arrows between folders and files point down, edges stay edges, files stay readable."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import grid

ROOT = Path(grid.__file__).resolve().parents[1]
PACKAGES = ("tasks", "cluster", "grid")
FLOORS = tuple(
    re.findall(
        r"^    (\w+) {2,}[a-z]", (grid.__doc__ or "").partition("(`tests/test_layers.py`")[2], flags=re.MULTILINE
    )
)
"""The floors of `grid`, from the top down, as its docstring lists them."""
HEAVY = {"torch", "transformers", "mlflow", "ray", "matplotlib"}
LIGHT = ("tasks", "grid.config", "grid.core")
"""Packages that a command imports before it knows what it is asked for."""
LATE_IN_CORE = {"grid.core.torch_stream"}
"""A module of `core` that only trainings import."""
MOST_LINES = 400


def modules(*folders: str) -> dict[str, Path]:
    """Every module below some folders by its dotted name."""
    found = {}
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules(*PACKAGES)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def own_imports(name: str) -> frozenset[str]:
    """The modules of ours that a module imports anywhere: at its top, inside functions and for types alone."""
    found: set[str] = set()
    for node in ast.walk(tree(MODULES[name])):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & MODULES.keys()) | ({str(node.module)} if inner - MODULES.keys() else set())
    return frozenset(found & MODULES.keys()) - {name}


def packages(nodes: Iterator[ast.AST]) -> set[str]:
    """The top packages that some statements import."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found.add((node.module or "").split(".")[0])
    return found


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """The statements that run when a module is imported: not those of functions, nor for type checkers only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from at_import(child)


def depth(name: str) -> int:
    """How far below the roof a module of `grid` lies; the package itself, which holds the version, is the ground."""
    parts = name.split(".")
    return len(FLOORS) if len(parts) == 1 else FLOORS.index(parts[1])


def test_floors_are_the_folders_of_grid() -> None:
    there = {path.stem for path in (ROOT / "grid").iterdir() if path.suffix == ".py" or list(path.glob("*.py"))}
    assert there - {"__init__"} == set(FLOORS)
    assert len(FLOORS) == len(set(FLOORS))


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] == "grid"])
def test_grid_imports_point_down(name: str) -> None:
    outside = {other for other in own_imports(name) if other.split(".")[0] != "grid"}
    above = {other for other in own_imports(name) - outside if depth(other) < depth(name)}
    assert outside | above == set()


def test_cluster_imports_no_task() -> None:
    of_cluster = [name for name in MODULES if name.split(".")[0] == "cluster"]
    assert [name for name in of_cluster if any(other.startswith("tasks") for other in own_imports(name))] == []


def test_no_two_files_import_each_other_directly_or_in_a_circle() -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for other in sorted(own_imports(name)):
                visit(other, (*path, name))
            done.add(name)

    for name in MODULES:
        visit(name, ())


def test_ray_and_mlflow_are_imported_by_cluster_alone_and_tests_by_none() -> None:
    edges = {"grid": {"ray", "mlflow", "tests"}, "tasks": {"ray", "mlflow", "tests"}, "cluster": {"tests"}}
    wrong = {
        name: found
        for name, path in MODULES.items()
        if (found := packages(ast.walk(tree(path))) & edges[name.split(".")[0]])
    }
    assert wrong == {}


def test_commands_config_and_core_import_nothing_heavy() -> None:
    light = {name for name in MODULES if name.startswith(LIGHT)} - LATE_IN_CORE
    wrong = {name: found for name in light if (found := packages(at_import(tree(MODULES[name]))) & HEAVY)}
    assert wrong == {}


def test_the_library_logs_and_never_prints() -> None:
    def prints(node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"

    library = [name for name in MODULES if name.split(".")[0] != "tasks"]
    assert [name for name in library if any(map(prints, ast.walk(tree(MODULES[name]))))] == []


def test_every_file_opens_with_a_docstring_and_none_is_long() -> None:
    every = modules(*PACKAGES, "tests")
    assert [name for name, path in every.items() if tree(path).body and not ast.get_docstring(tree(path))] == []
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in every.items()}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_the_checks_find_what_they_look_for() -> None:
    source = "import torch\nif TYPE_CHECKING:\n    import ray\nclass A:\n    import mlflow\ndef f():\n    import dac\n"
    assert packages(at_import(ast.parse(source))) == {"torch", "mlflow"}
    assert packages(ast.walk(ast.parse(source))) == {"torch", "ray", "mlflow", "dac"}
    assert {"grid.core.errors", "grid.core.identity"} <= own_imports("grid.core.store")
    assert len(MODULES) > 300
