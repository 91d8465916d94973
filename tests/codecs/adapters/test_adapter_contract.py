"""The contract that every adapter keeps, as one table: lengths, missing weights, entries that do not fit.

Each module of `grid/codecs/adapters` has a test module of its own here, whose `CONTRACT` declares its rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from grid.codecs import adapters
from grid.codecs.contract import ADAPTERS, Codec
from tests.support.adapter_contract import (
    AdapterCase,
    Make,
    check_contract,
    check_missing_weights,
    check_refused,
    check_wrong_arguments,
)

MODULES = sorted(module.name for module in iter_modules(adapters.__path__))
CASES: list[AdapterCase] = [
    case for module in MODULES for case in import_module(f"tests.codecs.adapters.test_{module}").CONTRACT
]
# those without a model to contradict come last, so that the two tests of a small model take it one after the other
CASES.sort(key=lambda case: not case.changes())


def rows(cases: list[AdapterCase]) -> list[object]:
    return [pytest.param(case, id=case.name, marks=[pytest.mark.slow] if case.slow else []) for case in cases]


@pytest.fixture(scope="module")
def small(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[AdapterCase, Make]]:
    """A case with its small model made, in its own import path where it needs one."""
    case: AdapterCase = request.param
    with case.small(tmp_path_factory.mktemp(case.name)) as make:
        yield case, make


def test_table_has_every_adapter() -> None:
    names = [module.replace("_", "-") for module in MODULES]
    assert sorted({case.entry.adapter for case in CASES}) == names
    assert set(names) <= set(ADAPTERS.names())
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("small", rows(CASES), indirect=True)
def test_adapter_any_length_is_kept_finite_repeatable_and_independent_of_its_batch(
    small: tuple[AdapterCase, Make],
) -> None:
    case, make = small
    again = Codec(make(case.entry)) if case.exact else None
    check_contract(Codec(make(case.entry)), case.lengths, again=again, exact=case.exact)


@pytest.mark.parametrize("small", rows([case for case in CASES if case.changes()]), indirect=True)
def test_adapter_entry_that_does_not_fit_the_model_names_both_sides(small: tuple[AdapterCase, Make]) -> None:
    case, make = small
    for change in case.changes():
        check_refused(make, case.entry, change)


@pytest.mark.parametrize("case", rows(CASES))
def test_adapter_wrong_arguments_are_refused_before_anything_loads(case: AdapterCase) -> None:
    check_wrong_arguments(case.entry, case.wrong_arguments)


@pytest.mark.parametrize("case", rows([case for case in CASES if case.entry.weights]))
def test_adapter_missing_weights_name_file_source_and_place(case: AdapterCase, tmp_path: Path) -> None:
    check_missing_weights(case.entry, tmp_path)


def test_only_the_classical_codecs_have_no_weights() -> None:
    assert {case.entry.adapter for case in CASES if not case.entry.weights} == {"classical"}
