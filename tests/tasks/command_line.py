"""Runs `codecgrid` inside the test's process and gives what a shell would see."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from tasks import console
from tasks.cli import app


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON document; whatever else is on it makes the test fail."""
        return json.loads(self.out)


def codecgrid(capfd: pytest.CaptureFixture[str], *arguments: object) -> Ended:
    """`codecgrid ARGUMENTS` through `console.main`, which decides the exit status."""
    capfd.readouterr()
    before = sys.argv
    sys.argv = ["codecgrid", *map(str, arguments)]
    try:
        with pytest.raises(SystemExit) as ended:
            console.main(app)
    finally:
        sys.argv = before
    out, err = capfd.readouterr()
    status = ended.value.code
    return Ended(status if isinstance(status, int) else 0 if status is None else 1, out, err)
