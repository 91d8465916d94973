"""Why something failed, kept beside it in the store: one line for tables, the whole trace for whoever mends it."""

from __future__ import annotations

from datetime import UTC, datetime

from grid.store import Store

FAILURE = "failure.json"


def reason(error: BaseException) -> str:
    """The kind of the error and the first line of what it says."""
    first = str(error).strip().splitlines()[0] if str(error).strip() else ""
    return f"{type(error).__name__}: {first}"[:1000]


def keep_failure(store: Store, folder: str, error: BaseException, trace: str) -> None:
    """Writes `folder`/failure.json; whoever tries again removes it."""
    time = datetime.now(UTC).isoformat(timespec="seconds")
    store.write_json(f"{folder}/{FAILURE}", {"error": reason(error), "trace": trace, "time": time})
