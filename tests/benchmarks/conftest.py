"""Keeps benchmarks out of the ordinary test run, gives them `contest`, and prints the table of ratios at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.comparison import Comparison, Contest, lines

COMPARISONS = pytest.StashKey[list[Comparison]]()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Nothing here is collected without `--benchmark-only`."""
    return None if config.getoption("benchmark_only", default=False) else True


@pytest.fixture
def contest(benchmark: Any, request: pytest.FixtureRequest) -> Iterator[Contest]:
    """Times ours and its alternatives; what it compared goes into the table and into the benchmark's `extra_info`."""
    contest = Contest(benchmark)
    yield contest
    request.config.stash.setdefault(COMPARISONS, []).extend(contest.comparisons)
    benchmark.extra_info["comparisons"] = [comparison.as_dict() for comparison in contest.comparisons]


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found = config.stash.get(COMPARISONS, [])
    if found:
        terminalreporter.section("ours beside the alternative (ratio > 1: ours is better)")
        for line in lines(found):
            terminalreporter.write_line(line)
