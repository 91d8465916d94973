"""The errors a user can mend: each says what was wrong, the value, the choices and the next command."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RequestError(ValueError):
    """The request is wrong and nothing was started (exit status 2)."""


class MissingRequirementError(RequestError):
    """A package, file or program is not on this machine; the message says where to get it and where to put it."""


def unknown_name(
    kind: str, value: object, choices: Iterable[str], *, where: str = "", command: str = ""
) -> RequestError:
    """The error for a name that does not exist: it names the value, the nearest choice, all choices and the place.

    `where` is a place such as `configs/demo.yaml:12`; `command` is what the user can run to see more.
    """
    known = sorted(choices)
    near = difflib.get_close_matches(str(value), known, n=1, cutoff=0.5)
    parts = [f"{where}: " if where else "", f"unknown {kind} {value!r}"]
    parts.append(f"; did you mean {near[0]!r}?" if near else ".")
    shown = known if len(known) <= 24 else [*known[:24], f"... {len(known) - 24} more"]
    parts.append(f" Choices: {', '.join(shown)}.")
    if command:
        parts.append(f" See: {command}")
    return RequestError("".join(parts))
