"""A short campaign with a fixed seed: no fault changes a number, and none ends a run without a word."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.places import REPOSITORY

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.quiet, pytest.mark.timeout(600)]


def test_a_fault_of_each_kind_costs_only_the_same_command_again() -> None:
    command = [sys.executable, "-m", "tests.chaos", "--seed", "1", "--trials", "1", "--minutes", "9"]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "seed 1: 3 faults, 0 with something wrong" in ended.stdout
    assert ended.stdout.count("identical") == 3
