"""Errors that a user can correct, the message for an unknown name, and the text of any exception on one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

STOPPED = "stopped; run the same command again to go on"
"""The last line of a command that a signal has stopped."""
LONGEST_LINE = 1000
"""Characters of an exception that `one_line` keeps."""


class RequestError(ValueError):
    """The request is wrong and nothing was started (exit status 2); the message says what to change."""


class MissingRequirementError(RequestError):
    """A package, file or program is not on this machine; the message says where to get it and where to put it."""


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
