"""The layers of the code: which package may import which, what loads late, and what every file must look like."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("grid", "cluster", "tasks")
FORBIDDEN = {
    "grid": {"cluster", "tasks", "ray", "mlflow", "tests"},
    "cluster": {"tasks", "tests"},
    "tasks": {"tests"},
}
HEAVY = {"torch", "transformers", "mlflow", "ray", "matplotlib"}
LIGHT = ("tasks", "grid/config")
"""Folders whose modules a command imports before it knows what it is asked for."""
MOST_LINES = 400


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(nodes: Iterator[ast.AST]) -> set[str]:
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


def test_imports_flow_from_tasks_over_cluster_to_grid() -> None:
    wrong = {
        name(path): found
        for package in PACKAGES
        for path in files(package)
        if (found := imported(ast.walk(tree(path))) & FORBIDDEN[package])
    }
    assert wrong == {}


def test_commands_and_config_import_nothing_heavy() -> None:
    assert {name(path): found for path in files(*LIGHT) if (found := imported(at_import(tree(path))) & HEAVY)} == {}


def test_the_library_logs_and_never_prints() -> None:
    def prints(node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"

    assert [name(path) for path in files("grid", "cluster") if any(map(prints, ast.walk(tree(path))))] == []


def test_every_file_opens_with_a_docstring() -> None:
    written = [path for path in files(*PACKAGES, "tests") if path.read_text(encoding="utf-8").strip()]
    assert [name(path) for path in written if not ast.get_docstring(tree(path))] == []


def test_no_file_is_long() -> None:
    lengths = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files(*PACKAGES, "tests")}
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}
    assert len(lengths) > 100


def test_the_checks_find_what_they_look_for() -> None:
    source = "import torch\nif TYPE_CHECKING:\n    import ray\nclass A:\n    import mlflow\ndef f():\n    import dac\n"
    assert imported(at_import(ast.parse(source))) == {"torch", "mlflow"}
    assert imported(ast.walk(ast.parse(source))) == {"torch", "ray", "mlflow", "dac"}
