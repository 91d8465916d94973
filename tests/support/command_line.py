"""Runs `codecgrid` inside the test's process and gives what a shell would see."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
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


def codecgrid(*arguments: object) -> Ended:
    """`codecgrid ARGUMENTS` through `console.main`, which decides the exit status."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["codecgrid", *map(str, arguments)]
    try:
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            console.main(app)
    finally:
        sys.argv = before
    status = ended.value.code
    return Ended(status if isinstance(status, int) else 0 if status is None else 1, out.getvalue(), err.getvalue())
