"""Errors that a user can correct, the kind of any failure, the message for an unknown name, and errors as one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar, Literal

STOPPED = "stopped; run the same command again to go on"
"""The last line of a command that a signal has stopped."""
LONGEST_LINE = 1000
"""Characters of an exception that `one_line` keeps."""


FailureKind = Literal["infrastructure", "request", "data", "code"]

FAILURE_KINDS: dict[FailureKind, str] = {
    "infrastructure": "a lost process, memory, a disk, a network or a store: may pass when it is tried again",
    "request": "a setting, a file of weights or a licence: change it first",
    "data": "a recording, a rendition or a score that cannot be used: `codecgrid verify` may say more",
    "code": "an error of codecgrid, of a plug-in or of a package: the traceback tells where",
}
"""What each kind of failure is, and what to do before the step is tried again."""


class RequestError(ValueError):
    """The request is wrong and nothing was started (exit status 2); the message says what to change."""

    failure_kind: ClassVar[FailureKind] = "request"


class MissingRequirementError(RequestError):
    """A package, file or program is not on this machine; the message says where to get it and where to put it."""


class LostProcessError(RuntimeError):
    """A process ended without saying why: it was killed, or its machine was lost."""

    failure_kind: ClassVar[FailureKind] = "infrastructure"


def failure_kind(error: BaseException) -> FailureKind:
    """The kind of a failure: the `failure_kind` of its class, else by what Python and torch raise for which reason."""
    own: FailureKind | None = getattr(error, "failure_kind", None)
    if own is not None:
        return own
    if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
        return "data"
    # torch's error of a full GPU is a RuntimeError; its name is asked for so that torch need not be imported
    if isinstance(error, OSError | MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "infrastructure"
    return "code"


def one_line(error: BaseException, *, kind: bool = True, first: bool = False) -> str:
    """The kind of `error` and its message on one line, such as `ValueError: the loss is nan`, for logs and records.

    White space is collapsed and the result cut to LONGEST_LINE characters. `first` keeps only the first line of the
    message: torch and Ray append stack frames and advice. `kind=False` leaves out the kind, unless there is no message.
    """
    lines = str(error).strip().splitlines()
    message = " ".join(" ".join(lines[:1] if first else lines).split())
    name = type(error).__name__
    return (f"{name}: {message}" if kind else message or name)[:LONGEST_LINE]


def unknown_name(
    kind: str, value: object, choices: Iterable[str], *, where: str = "", command: str = ""
) -> RequestError:
    """The error for a name that does not exist: its message has the value, the nearest choice and up to 24 choices.

    `where` is a place such as `configs/demo.yaml:12`; `command` is what the user can run to see more.
    """
    names = sorted(choices)
    near = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
    parts = [f"{where}: " if where else "", f"unknown {kind} {value!r}"]
    parts.append(f"; did you mean {near[0]!r}?" if near else ".")
    shown = names if len(names) <= 24 else [*names[:24], f"... {len(names) - 24} more"]
    parts.append(f" Choices: {', '.join(shown)}.")
    if command:
        parts.append(f" See: {command}")
    return RequestError("".join(parts))
